/*
 * The memory of steps. One that ends is swept and kept for the next machine: mapping, page faults and unmapping cost a
 * short-lived machine a tenth of its life. Sweeping touches only what was used.
 */

#include "whole_step.h"

#define KEPT_STEPS 8
#define STRIDE ((sizeof(struct whole_step) + 4095) & ~4095UL)
#define KEPT_ROWS 256 /* one that met more locations goes back to the host: sweeping would cost more than mapping */

static struct whole_step *kept[KEPT_STEPS];

static uint64_t measured_ns_per_tick(void)
{
    uint64_t ns = step_ns(), ticks = __rdtsc(), now;
    while ((now = step_ns()) - ns < 1000000)
        ;
    return (uint64_t)(((unsigned __int128)(now - ns) << 32) / (__rdtsc() - ticks));
}

static int keep(struct whole_step *step)
{
    for (int i = 0; i < KEPT_STEPS; i++) {
        struct whole_step *none = NULL;
        if (__atomic_compare_exchange_n(&kept[i], &none, step, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return 1;
    }
    return 0;
}

/*
 * mmap: a row that no guest touches costs no memory. Several in one mapping: the kernel locks every mapping of the
 * process, one by one, whenever a VM is made.
 */
static struct whole_step *fresh(void)
{
    uint8_t *steps = mmap(NULL, (1 + KEPT_STEPS) * STRIDE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (steps == MAP_FAILED)
        return NULL;
    for (int i = 1; i <= KEPT_STEPS; i++)
        if (!keep((struct whole_step *)(steps + i * STRIDE)))
            munmap(steps + i * STRIDE, STRIDE);
    return (struct whole_step *)steps;
}

static struct whole_step *swept(void)
{
    for (int i = 0; i < KEPT_STEPS; i++) {
        struct whole_step *step = __atomic_exchange_n(&kept[i], NULL, __ATOMIC_ACQ_REL);
        if (step)
            return step;
    }
    return fresh();
}

/* Zeroes again, but for the ring's bytes, which mean nothing beyond its length. */
static void sweep(struct whole_step *step)
{
    struct step *open = &step->open;
    for (uint32_t row = 1; row < open->locations; row++)
        if (open->rows[row].count)
            memset(open->over_time[row], 0, sizeof open->over_time[row]);
    memset(open->rows, 0, open->locations * sizeof open->rows[0]);
    for (uint32_t chunk = 0; chunk < RIP_CHUNKS; chunk++)
        if (step->rip_chunks >> chunk & 1)
            memset(&open->rips[chunk * RIP_CHUNK], 0, RIP_CHUNK * sizeof open->rips[0]);
    memset(open->flight, 0, sizeof open->flight);
    memset(open, 0, offsetof(struct step, rows));
    memset((char *)step + sizeof *open, 0, offsetof(struct whole_step, own_ring.bytes) - sizeof *open);
    memset(step->hash, 0, sizeof *step - offsetof(struct whole_step, hash));
}

struct step *step_new(int vcpu_fd, struct kvm_run *run, uint64_t ns_per_tick_32)
{
    struct whole_step *step = swept();
    if (!step)
        return NULL;
    struct step *open = &step->open;
    open->run = run;
    open->vcpu_fd = vcpu_fd;
    step->ring = &step->own_ring;
    open->ns_per_tick_32 = ns_per_tick_32 ? ns_per_tick_32 : measured_ns_per_tick();
    for (uint8_t kind = STEP_KIND_IO; kind <= STEP_KIND_OTHER; kind++)
        for (uint8_t is_write = 0; is_write < 2; is_write++) {
            struct step_location *overflow = &open->rows[1 + 2 * (kind - 1) + is_write];
            overflow->kind = kind;
            overflow->is_write = is_write;
        }
    open->locations = 1 + OVERFLOW_ROWS;
    open->interval = STEP_FIRST_INTERVAL;
    open->zero = __rdtsc();
    *(volatile pid_t *)&step->thread = 0; /* read before it is written, its page would be the host's zeroes, and then
                                             copied: two faults, and each VM of the process is told of the second */
    return open;
}

void step_free(struct step *open)
{
    struct whole_step *step = (struct whole_step *)open;
    if (!step)
        return;
    if (interrupted == step)
        interrupted = NULL;
    unlink_attached(step);
    if (open->trace)
        munmap(open->trace, open->trace_limit * sizeof *open->trace);
    if (open->locations <= KEPT_ROWS) {
        sweep(step);
        if (keep(step))
            return;
    }
    munmap(step, STRIDE);
}
