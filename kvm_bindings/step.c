/*
 * The run step. See step.h for the contract.
 *
 * No device behaviour lives here: only entering, counting, and three answers so dull that Python need not hear of them
 * (a constant or counted access, a byte for a ring, flags that are read and cleared). Costs: one ioctl, two reads of the TSC, about 25 ns of counting.
 */

#include "whole_step.h"

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
    record_reply(step, reply);
    step->awaited = 0;
}

enum quietly { TO_PYTHON, ANSWERED, ANSWERED_AND_DRAIN };

static enum quietly answer_quietly(struct whole_step *step, struct step_location *location)
{
    struct step *open = &step->open;
    if (location->quiet == STEP_QUIET_CONSTANT) {
        if (!location->is_write) {
            memcpy(data_of(open->run), &location->quiet_value, location->size & 15);
            record_reply(step, location->quiet_value);
        }
        location->quiet_count++;
        return ANSWERED;
    }
    if (location->quiet == STEP_QUIET_LATCH) {
        if (location->is_write) {
            step_latch(location->latch, 0, (uint32_t)open->value);
        } else {
            uint64_t flags = __atomic_load_n(location->latch, __ATOMIC_SEQ_CST);
            memcpy(data_of(open->run), &flags, location->size & 15);
            record_reply(step, flags);
        }
        location->quiet_count++;
        return ANSWERED;
    }
    if (open->uncounted)
        step->left = __rdtsc(); /* the ring's patience needs the time all the same */
    enum put done = put_written(step, location);
    if (done == NO_ROOM)
        return TO_PYTHON;
    location->quiet_count++;
    return done == PUT_AND_DUE ? ANSWERED_AND_DRAIN : ANSWERED;
}

void step_latch(uint32_t *latch, uint32_t set, uint32_t clear)
{
    if (clear)
        __atomic_fetch_and(latch, ~clear, __ATOMIC_SEQ_CST);
    if (set)
        __atomic_fetch_or(latch, set, __ATOMIC_SEQ_CST);
}

/* In bursts, of which the first is not taken (see count_handler): its code has left the caches since the last one. */
static int is_sampled(uint64_t count)
{
    return count % STEP_SAMPLING - 2 < STEP_SAMPLES + 1;
}

/* What Python hears of the exit that stands in `run` and was counted. */
static int64_t hand_out(struct whole_step *step)
{
    struct step *open = &step->open;
    struct kvm_run *run = open->run;
    step->stayed = 0;
    if (waiting(step)) { /* what the guest said before comes before what it does now */
        step->held = 1;
        return -STEP_NEWS_DRAIN;
    }
    step->held = 0;
    if (run->exit_reason == KVM_EXIT_INTR)
        return -STEP_NEWS_SIGNAL;
    if (run->exit_reason == KVM_EXIT_IO && run->io.count != 1)
        return -STEP_NEWS_STRING;
    if (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO) {
        const struct step_location *location = &open->rows[open->location];
        int is_sample = is_sampled(location->count) && !step->mark;
        uint32_t row = is_sample ? 0 : open->location < open->bound ? open->location : STEP_UNBOUND;
        if (location->is_write)
            return (int64_t)(open->value & 0xffffffff) << STEP_VALUE_SHIFT | row;
        step->awaited = 1;
        return STEP_READ | row;
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
        uint32_t attention = step->finishing ? 0 : __atomic_load_n(&open->attention, __ATOMIC_ACQUIRE);
        if (attention) {
            if (attention & (STEP_WANT_STOP | STEP_WANT_PAUSE))
                return waiting(step) ? -STEP_NEWS_DRAIN : -STEP_NEWS_ATTENTION;
            if (run->ready_for_interrupt_injection && run->if_flag)
                return -STEP_NEWS_INTERRUPT;
        }
        run->request_interrupt_window = (attention & STEP_WANT_INTERRUPT) != 0;
        if (step->finishing)
            __atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        uint64_t entered = 0;
        if (!open->uncounted) {
            entered = __rdtsc();
            count_outside(step, entered);
        }
        int failed = step->replay ? 0 : ioctl(open->vcpu_fd, KVM_RUN, 0);
        if (!open->uncounted)
            step->left = __rdtsc();
        int is_due = gather(step);
        if (failed) {
            int error = errno;
            if (error != EINTR && error != EAGAIN) {
                open->error = error;
                return waiting(step) ? -STEP_NEWS_DRAIN : -STEP_NEWS_FAILED;
            }
            __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
            if (step->armed && step->armed <= step_ns())
                step->armed = 0;
            if (step->finishing)
                return waiting(step) ? -STEP_NEWS_DRAIN : -STEP_NEWS_SIGNAL;
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
            if (done == ANSWERED && !is_due)
                continue;
            if (done != TO_PYTHON) {
                step->stayed = 0;
                return -STEP_NEWS_DRAIN;
            }
        }
        return hand_out(step);
    }
}

void step_finish(struct step *open, int finishing)
{
    ((struct whole_step *)open)->finishing = finishing;
}

void step_replay(struct step *open, int replay)
{
    ((struct whole_step *)open)->replay = replay;
}
