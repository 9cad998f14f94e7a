/*
 * Quiet output: bytes that a guest wrote and Python gets in one piece, in the order in which they were written.
 *
 * They come one with each exit, or without exits of their own where the kernel collects the writes to a port
 * (KVM_REGISTER_COALESCED_MMIO): then they wait in a page of the kernel's until the next exit of any vCPU.
 */

#include "whole_step.h"

#define COLLECTED_PAGE_SIZE 4096
#define COLLECTED_MOST ((COLLECTED_PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

enum put { NO_ROOM, PUT, PUT_AND_DUE };

static void lock(struct step_ring *ring)
{
    while (ring->is_shared && __atomic_exchange_n(&ring->lock, 1, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause(); /* held for a few instructions */
}

static void unlock(struct step_ring *ring)
{
    if (ring->is_shared)
        __atomic_store_n(&ring->lock, 0, __ATOMIC_RELEASE);
}

/* One byte, written to `location`. The ring is locked; `is_first` is set when it was empty. */
static enum put put(struct whole_step *step, const struct step_location *location, uint8_t byte, int *is_first)
{
    struct step_ring *ring = step->ring;
    uint64_t patience = location->quiet_limit ? LIMITED_PATIENCE_NS : RING_PATIENCE_NS;
    uint32_t limit = location->quiet_limit ? location->quiet_limit : STEP_RING;
    if (ring->length && (ring->key != location->key || ring->length == STEP_RING))
        return NO_ROOM;
    if (ring->length == 0) {
        *is_first = 1;
        ring->key = location->key;
        ring->since = step->left;
    }
    ring->bytes[ring->length] = byte;
    __atomic_store_n(&ring->length, ring->length + 1, __ATOMIC_RELEASE);
    return ring->length >= limit || to_ns(&step->open, step->left - ring->since) >= patience ? PUT_AND_DUE : PUT;
}

/* A guest that now falls silent must not keep its words. */
static void promise_drain(struct whole_step *step, const struct step_location *location)
{
    uint64_t latest = step_ns() + (location->quiet_limit ? LIMITED_PATIENCE_NS : RING_PATIENCE_NS);
    if (!step->armed || step->armed > latest)
        arm(step, latest);
}

static enum put put_written(struct whole_step *step, const struct step_location *location)
{
    int is_first = 0;
    lock(step->ring);
    enum put done = put(step, location, (uint8_t)step->open.value, &is_first);
    unlock(step->ring);
    if (is_first && done == PUT)
        promise_drain(step, location);
    return done;
}

/* Moves what the kernel has collected into the ring, as far as it fits: whether the ring wants to be emptied. */
static int gather(struct whole_step *step)
{
    struct kvm_coalesced_mmio_ring *from = step->collected;
    if (!from || __atomic_load_n(&from->last, __ATOMIC_ACQUIRE) == __atomic_load_n(&from->first, __ATOMIC_RELAXED))
        return 0;
    const struct step_location *location = &step->open.rows[step->collected_row];
    enum put done = PUT;
    int is_first = 0, is_due = 0;
    if (step->open.uncounted)
        step->left = __rdtsc(); /* the ring's patience needs the time all the same */
    lock(step->ring);
    uint32_t first = from->first, last = __atomic_load_n(&from->last, __ATOMIC_ACQUIRE);
    while (first != last && done != NO_ROOM) {
        done = put(step, location, from->coalesced_mmio[first].data[0], &is_first);
        is_due |= done != PUT;
        if (done != NO_ROOM)
            first = (first + 1) % COLLECTED_MOST;
    }
    __atomic_store_n(&from->first, first, __ATOMIC_RELEASE);
    unlock(step->ring);
    if (is_first && !is_due)
        promise_drain(step, location);
    return is_due;
}

/* Whether the guest has said something that Python has not heard of. */
static int waiting(struct whole_step *step)
{
    gather(step);
    return __atomic_load_n(&step->ring->length, __ATOMIC_ACQUIRE) != 0;
}

void step_share_ring(struct step *open, struct step *other)
{
    struct step_ring *ring = ((struct whole_step *)other)->ring;
    ring->is_shared = 1;
    ((struct whole_step *)open)->ring = ring;
}

void step_collect(struct step *open, uint32_t row)
{
    struct whole_step *step = (struct whole_step *)open;
    char *pages = (char *)open->run;
    step->collected_row = row;
    step->collected = (struct kvm_coalesced_mmio_ring *)(pages + KVM_COALESCED_MMIO_PAGE_OFFSET * COLLECTED_PAGE_SIZE);
}

uint32_t step_take(struct step *open, uint8_t *into, uint64_t *key)
{
    struct step_ring *ring = ((struct whole_step *)open)->ring;
    lock(ring);
    uint32_t length = ring->length;
    memcpy(into, ring->bytes, length);
    *key = ring->key;
    __atomic_store_n(&ring->length, 0, __ATOMIC_RELEASE);
    unlock(ring);
    return length;
}
