/*
 * The run step. See step.h for the contract.
 *
 * No device behaviour lives here: only entering, counting, and two answers so dull that Python need not hear of them
 * (a constant or counted access, a byte for a ring). Costs: one ioctl, two reads of the TSC, about 25 ns of counting.
 */

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "step.h"

#define HASH_SLOTS (2 * STEP_LOCATIONS)
#define OVERFLOW_ROWS 10              /* rows 1 ... 2 * STEP_KIND_OTHER: one for each kind and direction */
#define RING_PATIENCE_NS 20000000ULL  /* quiet output is seen at most this late */
#define RIP_PROBES 8

struct whole_step {
    struct step open;
    uint16_t hash[HASH_SLOTS];        /* row of a key, 0 where free */
    pid_t thread;                     /* attached thread, 0 for none */
    int held;                         /* an exit was counted but not yet handed out */
    int replay;
    int in_handler;                   /* the last exit's handler time still runs */
    int awaited;                      /* the last exit was a read: `reply` belongs to it */
    uint64_t left;                    /* when KVM_RUN last returned */
    uint64_t ring_since;              /* when the ring got its first byte */
    uint64_t alarm;                   /* what the machine asked for, ns of CLOCK_MONOTONIC */
    uint64_t armed;                   /* what the timer is set to */
    timer_t timer;
    int has_timer;
    struct whole_step *outer;         /* the step that the thread was attached to before */
};

static __thread struct whole_step *attached;

uint64_t step_ticks(void)
{
    return __rdtsc();
}

uint64_t step_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* ---- kicks and alarms: a signal and immediate_exit, so that one which comes just before KVM_RUN is not lost ---- */

int step_signal(void)
{
    return SIGRTMIN + 7;
}

/* In a signal handler: neither a KVM_RUN nor a step_wait that is about to begin sleeps over it. */
static void interrupt(struct whole_step *step)
{
    __atomic_store_n(&step->open.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&step->open.wake, 1, __ATOMIC_SEQ_CST);
}

static void on_kick(int number)
{
    (void)number;
    for (struct whole_step *step = attached; step; step = step->outer)
        interrupt(step);
}

int step_install(void)
{
    struct sigaction action = {.sa_handler = on_kick};
    sigemptyset(&action.sa_mask);
    return sigaction(step_signal(), &action, NULL) ? -errno : 0;
}

static void unlink_attached(struct whole_step *step)
{
    for (struct whole_step **link = &attached; *link; link = &(*link)->outer)
        if (*link == step) {
            *link = step->outer;
            break;
        }
    step->outer = NULL;
}

int step_attach(struct step *open, int block_signals)
{
    struct whole_step *step = (struct whole_step *)open;
    sigset_t signals;
    if (block_signals) {
        sigfillset(&signals);
        sigdelset(&signals, SIGSEGV);
        sigdelset(&signals, SIGBUS);
        sigdelset(&signals, SIGFPE);
        sigdelset(&signals, SIGILL);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
    }
    sigemptyset(&signals);
    sigaddset(&signals, step_signal());
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    unlink_attached(step); /* an exception may have kept an earlier step_detach from its work */
    step->outer = attached;
    attached = step;
    __atomic_store_n(&step->thread, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    return 0;
}

void step_detach(struct step *open)
{
    struct whole_step *step = (struct whole_step *)open;
    __atomic_store_n(&step->thread, 0, __ATOMIC_SEQ_CST);
    if (step->has_timer) {
        timer_delete(step->timer);
        step->has_timer = 0;
        step->armed = 0;
    }
    unlink_attached(step);
}

void step_attention(struct step *open, uint32_t set, uint32_t clear)
{
    if (clear)
        __atomic_and_fetch(&open->attention, ~clear, __ATOMIC_SEQ_CST);
    if (set)
        __atomic_or_fetch(&open->attention, set, __ATOMIC_SEQ_CST);
}

void step_kick(struct step *open, uint32_t attention)
{
    struct whole_step *step = (struct whole_step *)open;
    step_attention(open, attention, 0);
    __atomic_add_fetch(&open->wake, 1, __ATOMIC_SEQ_CST);
    if (attached == step) { /* not in KVM_RUN then, and `attention` is looked at before the next */
        open->run->immediate_exit |= !attention;
        return;
    }
    syscall(SYS_futex, &open->wake, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
    __atomic_store_n(&open->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    pid_t thread = __atomic_load_n(&step->thread, __ATOMIC_SEQ_CST);
    if (thread)
        syscall(SYS_tgkill, getpid(), thread, step_signal());
}

/*
 * A signal of the process, shared: Python's own handler runs as ever, and the step that this thread is attached to
 * leaves KVM_RUN at once, wherever the kernel delivers the signal. Without this, one that arrives between Python's
 * last look and KVM_RUN would wait for the guest's next exit, which a spinning guest never makes.
 */
static struct whole_step *volatile interrupted;
static struct sigaction shared_with[65];
static int sharers[65];                /* a device may run another machine: one run inside the other */

static void on_shared(int number, siginfo_t *info, void *context)
{
    int error = errno;
    struct whole_step *step = interrupted;
    struct sigaction *other = &shared_with[number];
    if (step)
        interrupt(step);
    if (other->sa_flags & SA_SIGINFO)
        other->sa_sigaction(number, info, context);
    else if (other->sa_handler != SIG_DFL && other->sa_handler != SIG_IGN)
        other->sa_handler(number);
    if (step && attached != step && step->thread)
        syscall(SYS_tgkill, getpid(), step->thread, step_signal());
    errno = error;
}

static int is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_shared;
}

int step_share_signal(struct step *open, int number)
{
    struct sigaction ours = {.sa_sigaction = on_shared, .sa_flags = SA_SIGINFO}, theirs;
    if (number <= 0 || number > 64 || sigaction(number, NULL, &theirs))
        return -EINVAL;
    if (!(theirs.sa_flags & SA_SIGINFO) && (theirs.sa_handler == SIG_DFL || theirs.sa_handler == SIG_IGN))
        return 0; /* nobody in this process waits for it */
    interrupted = (struct whole_step *)open;
    if (is_ours(&theirs)) {
        sharers[number]++;
        return 1;
    }
    shared_with[number] = theirs;
    sharers[number] = 1;
    sigfillset(&ours.sa_mask);
    return sigaction(number, &ours, NULL) ? -errno : 1;
}

void step_unshare_signal(int number)
{
    struct sigaction now;
    interrupted = attached ? attached->outer : NULL;
    if (number <= 0 || number > 64 || !sharers[number] || --sharers[number])
        return;
    if (!sigaction(number, NULL, &now) && is_ours(&now))
        sigaction(number, &shared_with[number], NULL); /* else somebody set a new one meanwhile: theirs stays */
}

static int arm(struct whole_step *step, uint64_t deadline)
{
    if (deadline == step->armed)
        return 0;
    if (!step->has_timer) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = step_signal()};
#ifdef sigev_notify_thread_id
        event.sigev_notify_thread_id = step->thread;
#else
        event._sigev_un._tid = step->thread;
#endif
        if (!step->thread || timer_create(CLOCK_MONOTONIC, &event, &step->timer))
            return step->thread ? -errno : -EINVAL;
        step->has_timer = 1;
    }
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(deadline / 1000000000ULL), .tv_nsec = (long)(deadline % 1000000000ULL)}};
    if (timer_settime(step->timer, TIMER_ABSTIME, &when, NULL))
        return -errno;
    step->armed = deadline;
    return 0;
}

int step_alarm(struct step *open, uint64_t deadline)
{
    struct whole_step *step = (struct whole_step *)open;
    step->alarm = deadline;
    if (!deadline && !step->has_timer)
        return 0;
    return arm(step, deadline);
}

void step_wait(struct step *open, uint32_t seen, uint64_t deadline)
{
    struct whole_step *step = (struct whole_step *)open;
    struct timespec until = {
        .tv_sec = (time_t)(deadline / 1000000000ULL), .tv_nsec = (long)(deadline % 1000000000ULL)};
    uint64_t from = __rdtsc();
    if (step->in_handler) {
        open->rows[open->location].handler_ticks += from - step->left;
        open->handler_ticks += from - step->left;
    }
    syscall(SYS_futex, &open->wake, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, deadline ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
    step->left = __rdtsc(); /* what follows is the handler's time again, the sleep is nobody's */
    open->idle_ticks += step->left - from;
}

/* ---- counting ---- */

static uint64_t key_of(uint8_t kind, uint8_t is_write, uint8_t size, uint64_t address)
{
    return (uint64_t)kind << 60 | (uint64_t)(is_write & 1) << 59 | (uint64_t)(size & 15) << 55 |
           (address & ((1ULL << 55) - 1));
}

uint32_t step_locate(struct step *open, uint8_t kind, uint8_t is_write, uint8_t size, uint64_t address)
{
    struct whole_step *step = (struct whole_step *)open;
    uint64_t key = key_of(kind, is_write, size, address);
    uint32_t slot = (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 40) % HASH_SLOTS;
    while (step->hash[slot]) {
        if (open->rows[step->hash[slot]].key == key)
            return step->hash[slot];
        slot = (slot + 1) % HASH_SLOTS;
    }
    if (open->locations == STEP_LOCATIONS) /* a guest that touches everything: its rest shares a row */
        return 1 + 2 * (uint32_t)(kind - 1) + (is_write & 1);
    uint32_t row = open->locations++;
    struct step_location *location = &open->rows[row];
    location->key = key;
    location->address = address;
    location->kind = kind;
    location->is_write = is_write;
    location->size = size;
    step->hash[slot] = (uint16_t)row;
    return row;
}

static uint64_t to_ns(const struct step *open, uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * open->ns_per_tick_32) >> 32);
}

static void count_rip(struct step *open, uint32_t row, uint64_t rip)
{
    uint32_t slot = (uint32_t)(((rip ^ (uint64_t)row << 48) * 0x9e3779b97f4a7c15ULL) >> 40) % STEP_RIPS;
    for (int probe = 0; probe < RIP_PROBES; probe++, slot = (slot + 1) % STEP_RIPS) {
        struct step_rip *entry = &open->rips[slot];
        if (entry->count == 0) {
            entry->rip = rip;
            entry->location = row;
        } else if (entry->rip != rip || entry->location != row)
            continue;
        entry->count += entry->count != UINT32_MAX;
        return;
    }
    open->rips_lost++;
}

static void count_exit(struct whole_step *step, uint32_t row, uint32_t elements, uint64_t entered)
{
    struct step *open = &step->open;
    struct step_location *location = &open->rows[row];
    uint64_t inside = step->left - entered;
    open->location = row;
    open->exits++;
    open->guest_ticks += inside;
    location->guest_ticks += inside;
    location->count++;
    location->elements += elements;
    if (open->run->kvm_valid_regs & KVM_SYNC_X86_REGS) {
        open->rip = open->run->s.regs.regs.rip;
        count_rip(open, row, open->rip);
    }
    struct step_flight *entry = &open->flight[open->flights++ % STEP_FLIGHT];
    entry->ticks = step->left;
    entry->rip = open->rip;
    entry->value = open->value;
    entry->location = row;
    entry->elements = elements;
    step->in_handler = 1;
}

static void count_handler(struct whole_step *step, uint64_t now)
{
    struct step *open = &step->open;
    struct step_location *location = &open->rows[open->location];
    uint64_t ticks = now - step->left;
    uint64_t ns = to_ns(open, ticks) | 1;
    unsigned bucket = 63 - (unsigned)__builtin_clzll(ns);
    location->histogram[bucket < STEP_BUCKETS ? bucket : STEP_BUCKETS - 1]++;
    location->handler_ticks += ticks;
    open->handler_ticks += ticks;
    if (ticks > location->handler_max_ticks)
        location->handler_max_ticks = ticks;
    step->in_handler = 0;
}

/* ---- the step ---- */

static uint8_t *data_of(struct kvm_run *run)
{
    return run->exit_reason == KVM_EXIT_MMIO ? run->mmio.data : (uint8_t *)run + run->io.data_offset;
}

static void take_reply(struct whole_step *step, uint64_t reply)
{
    struct step *open = &step->open;
    if (!step->awaited)
        return;
    struct kvm_run *run = open->run;
    memcpy(data_of(run), &reply, run->exit_reason == KVM_EXIT_MMIO ? run->mmio.len & 15 : run->io.size);
    open->flight[(open->flights - 1) % STEP_FLIGHT].value = reply;
    step->awaited = 0;
}

enum quietly { TO_PYTHON, ANSWERED, ANSWERED_AND_DRAIN };

static enum quietly answer_quietly(struct whole_step *step, struct step_location *location)
{
    struct step *open = &step->open;
    if (location->quiet == STEP_QUIET_CONSTANT) {
        if (!location->is_write)
            memcpy(data_of(open->run), &location->quiet_value, location->size & 15);
        location->quiet_count++;
        return ANSWERED;
    }
    if (open->ring_length && open->ring_location != open->location)
        return TO_PYTHON;
    if (!open->ring_length) {
        uint64_t now = step_ns(), latest = now + RING_PATIENCE_NS;
        step->ring_since = step->left;
        if (!step->armed || step->armed > latest)
            arm(step, latest); /* a guest that now falls silent must not keep its words */
    }
    open->ring_location = open->location;
    open->ring[open->ring_length++] = (uint8_t)open->value;
    location->quiet_count++;
    if (open->ring_length < STEP_RING && to_ns(open, step->left - step->ring_since) < RING_PATIENCE_NS)
        return ANSWERED;
    return ANSWERED_AND_DRAIN;
}

/* What Python hears of the exit that stands in `run` and was counted. */
static int64_t hand_out(struct whole_step *step)
{
    struct step *open = &step->open;
    struct kvm_run *run = open->run;
    if (open->ring_length) { /* what the guest said before comes before what it does now */
        step->held = 1;
        return -STEP_NEWS_DRAIN;
    }
    step->held = 0;
    if (run->exit_reason == KVM_EXIT_INTR)
        return -STEP_NEWS_SIGNAL;
    if (run->exit_reason == KVM_EXIT_IO && run->io.count != 1)
        return -STEP_NEWS_STRING;
    if (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO) {
        int64_t answer = (int64_t)open->location << 33;
        if (open->rows[open->location].is_write)
            return answer | (int64_t)(open->value & 0xffffffff);
        step->awaited = 1;
        return answer | (int64_t)STEP_READ;
    }
    return run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN ? -STEP_NEWS_INTERRUPT : -STEP_NEWS_EXIT;
}

static uint32_t locate_exit(struct step *open, uint32_t *elements)
{
    struct kvm_run *run = open->run;
    *elements = 1;
    open->value = 0;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        *elements = run->io.count;
        if (run->io.direction == KVM_EXIT_IO_OUT)
            memcpy(&open->value, (uint8_t *)run + run->io.data_offset, run->io.size);
        return step_locate(open, STEP_KIND_IO, run->io.direction == KVM_EXIT_IO_OUT, run->io.size, run->io.port);
    case KVM_EXIT_MMIO:
        if (run->mmio.is_write)
            memcpy(&open->value, run->mmio.data, run->mmio.len < 8 ? run->mmio.len : 8);
        return step_locate(open, STEP_KIND_MMIO, run->mmio.is_write != 0, (uint8_t)run->mmio.len, run->mmio.phys_addr);
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        open->value = run->msr.data;
        return step_locate(open, STEP_KIND_MSR, run->exit_reason == KVM_EXIT_X86_WRMSR, 8, run->msr.index);
    case KVM_EXIT_HYPERCALL:
        return step_locate(open, STEP_KIND_HYPERCALL, 0, 0, run->hypercall.nr);
    default:
        return step_locate(open, STEP_KIND_OTHER, 0, 0, run->exit_reason);
    }
}

int64_t step_run(struct step *open, uint64_t reply)
{
    struct whole_step *step = (struct whole_step *)open;
    struct kvm_run *run = open->run;
    if (step->held)
        return hand_out(step);
    take_reply(step, reply);
    for (;;) {
        uint32_t attention = __atomic_load_n(&open->attention, __ATOMIC_ACQUIRE);
        if (attention) {
            if (attention & STEP_WANT_STOP)
                return open->ring_length ? -STEP_NEWS_DRAIN : -STEP_NEWS_ATTENTION;
            if (run->ready_for_interrupt_injection && run->if_flag)
                return -STEP_NEWS_INTERRUPT;
        }
        run->request_interrupt_window = (attention & STEP_WANT_INTERRUPT) != 0;
        uint64_t entered = __rdtsc();
        if (step->in_handler)
            count_handler(step, entered);
        int failed = step->replay ? 0 : ioctl(open->vcpu_fd, KVM_RUN, 0);
        step->left = __rdtsc();
        if (failed) {
            int error = errno;
            if (error != EINTR && error != EAGAIN) {
                open->error = error;
                return open->ring_length ? -STEP_NEWS_DRAIN : -STEP_NEWS_FAILED;
            }
            __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
            if (step->armed && step->armed <= step_ns())
                step->armed = 0;
            run->exit_reason = KVM_EXIT_INTR;
            open->value = 0;
            count_exit(step, step_locate(open, STEP_KIND_OTHER, 0, 0, KVM_EXIT_INTR), 1, entered);
            return hand_out(step);
        }
        uint32_t elements;
        uint32_t row = locate_exit(open, &elements);
        count_exit(step, row, elements, entered);
        struct step_location *location = &open->rows[row];
        if (location->quiet && elements == 1) {
            enum quietly done = answer_quietly(step, location);
            if (done == ANSWERED)
                continue;
            if (done == ANSWERED_AND_DRAIN)
                return -STEP_NEWS_DRAIN;
        }
        return hand_out(step);
    }
}

int step_complete(struct step *open, uint64_t reply)
{
    struct whole_step *step = (struct whole_step *)open;
    if (step->in_handler)
        count_handler(step, __rdtsc()); /* what follows is nobody's time */
    if (step->held)
        return 0; /* an access that nobody has seen yet: it is handed out when the guest goes on */
    take_reply(step, reply);
    __atomic_store_n(&open->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    int failed = ioctl(open->vcpu_fd, KVM_RUN, 0), error = errno;
    __atomic_store_n(&open->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    return failed && error != EINTR && error != EAGAIN ? -error : 0;
}

void step_replay(struct step *open, int replay)
{
    ((struct whole_step *)open)->replay = replay;
}

static uint64_t measured_ns_per_tick(void)
{
    uint64_t ns = step_ns(), ticks = __rdtsc(), now;
    while ((now = step_ns()) - ns < 1000000)
        ;
    return (uint64_t)(((unsigned __int128)(now - ns) << 32) / (__rdtsc() - ticks));
}

struct step *step_new(int vcpu_fd, struct kvm_run *run, uint64_t ns_per_tick_32)
{
    /* mmap: a row that no guest touches costs no memory */
    struct whole_step *step =
        mmap(NULL, sizeof *step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (step == MAP_FAILED)
        return NULL;
    struct step *open = &step->open;
    open->run = run;
    open->vcpu_fd = vcpu_fd;
    open->ns_per_tick_32 = ns_per_tick_32 ? ns_per_tick_32 : measured_ns_per_tick();
    for (uint8_t kind = STEP_KIND_IO; kind <= STEP_KIND_OTHER; kind++)
        for (uint8_t is_write = 0; is_write < 2; is_write++) {
            struct step_location *overflow = &open->rows[1 + 2 * (kind - 1) + is_write];
            overflow->kind = kind;
            overflow->is_write = is_write;
        }
    open->locations = 1 + OVERFLOW_ROWS;
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
    munmap(step, sizeof *step);
}
