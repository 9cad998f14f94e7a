/* Counting: the row of a location, the RIPs that met it, the flight recorder, handler times in a log2 histogram. */

#include "whole_step.h"

uint64_t step_ticks(void)
{
    return __rdtsc();
}

static uint64_t key_of(uint8_t kind, uint8_t is_write, uint8_t size, uint64_t address)
{
    return (uint64_t)kind << 60 | (uint64_t)(is_write & 1) << 59 | (uint64_t)(size & 15) << 55 |
           (address & ((1ULL << 55) - 1));
}

uint32_t step_locate(struct step *open, uint8_t kind, uint8_t is_write, uint8_t size, uint64_t address)
{
    struct whole_step *step = (struct whole_step *)open;
    uint64_t key = key_of(kind, is_write, size, address);
    uint32_t slot = (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 52) % HASH_SLOTS;
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

static void count_rip(struct whole_step *step, uint32_t row, uint64_t rip)
{
    struct step *open = &step->open;
    uint32_t slot = (uint32_t)(((rip ^ (uint64_t)row << 48) * 0x9e3779b97f4a7c15ULL) >> 52) % STEP_RIPS;
    for (int probe = 0; probe < RIP_PROBES; probe++, slot = (slot + 1) % STEP_RIPS) {
        struct step_rip *entry = &open->rips[slot];
        uint32_t chunk = 1U << slot / RIP_CHUNK;
        if (!(step->rip_chunks & chunk) || entry->count == 0) { /* in this order: see step_new on pages read first */
            entry->rip = rip;
            entry->location = row;
            step->rip_chunks |= chunk;
        } else if (entry->rip != rip || entry->location != row)
            continue;
        entry->count += entry->count != UINT32_MAX;
        return;
    }
}

/* Every interval twice as long from now on: two that were neighbours become one. */
static void lengthen_intervals(struct step *open)
{
    open->interval++;
    for (uint32_t row = 1; row < open->locations; row++) {
        uint32_t *counts = open->over_time[row];
        if (!open->rows[row].count)
            continue;
        for (int at = 0; at < STEP_INTERVALS / 2; at++)
            counts[at] = counts[2 * at] + counts[2 * at + 1];
        memset(counts + STEP_INTERVALS / 2, 0, STEP_INTERVALS / 2 * sizeof *counts);
    }
}

static void count_over_time(struct step *open, uint32_t row, uint64_t now)
{
    uint64_t age = now > open->zero ? now - open->zero : 0;
    while (age >> open->interval >= STEP_INTERVALS)
        lengthen_intervals(open);
    open->over_time[row][age >> open->interval]++;
}

static int is_trigger(const struct step *open, const struct step_trigger *trigger, const struct step_location *location)
{
    if (trigger->is_write != location->is_write || open->rip < trigger->rip_first || open->rip > trigger->rip_last)
        return 0;
    return !trigger->kind ||
           (trigger->kind == location->kind && trigger->first <= location->address && location->address <= trigger->last);
}

static void look_for_trigger(struct step *open, const struct step_location *location)
{
    if (__atomic_load_n(&open->trace_end, __ATOMIC_RELAXED) != UINT64_MAX)
        return;
    int is_met = __atomic_load_n(open->triggered, __ATOMIC_RELAXED) != 0;
    for (uint32_t at = 0; at < open->trigger_count && !is_met; at++)
        is_met = is_trigger(open, &open->triggers[at], location);
    if (!is_met)
        return;
    __atomic_store_n(open->triggered, 1, __ATOMIC_RELAXED);
    step_trace_end(open, open->trace_after);
}

static void count_exit(struct whole_step *step, uint32_t row, uint32_t elements, uint64_t entered)
{
    struct step *open = &step->open;
    struct step_location *location = &open->rows[row];
    open->location = row;
    if (open->uncounted)
        return;
    uint64_t inside = step->left - entered;
    open->exits++;
    open->guest_ticks += inside;
    location->guest_ticks += inside;
    location->count++;
    location->elements += elements;
    count_over_time(open, row, step->left);
    if (open->run->kvm_valid_regs & KVM_SYNC_X86_REGS) {
        open->rip = open->run->s.regs.regs.rip;
        count_rip(step, row, open->rip);
    }
    struct step_flight *entry = &open->flight[open->flights++ % STEP_FLIGHT];
    entry->ticks = step->left;
    entry->rip = open->rip;
    entry->value = open->value;
    entry->location = row;
    entry->elements = elements;
    step->in_handler = 1;
    step->stayed = 1;
    step->mark = 0;
    step->traced = NULL;
    if (open->traces < __atomic_load_n(&open->trace_end, __ATOMIC_RELAXED)) {
        struct step_traced *traced = step->traced = &open->trace[open->traces++ % open->trace_limit];
        traced->entered = entered;
        traced->left = step->left;
        traced->resumed = 0;
        traced->rip = open->rip;
        traced->value = open->value;
        traced->location = row;
        traced->elements = elements;
        if (open->triggered)
            look_for_trigger(open, location);
    }
}

/* What the last exit, a read, was answered with. */
static void record_reply(struct whole_step *step, uint64_t reply)
{
    struct step *open = &step->open;
    if (open->uncounted)
        return;
    open->flight[(open->flights - 1) % STEP_FLIGHT].value = reply;
    if (step->traced)
        step->traced->value = reply;
}

int step_trace(struct step *open, uint64_t limit)
{
    if (open->trace || !limit || limit > UINT32_MAX)
        return -EINVAL;
    /* pages that no exit reaches cost nothing */
    void *ring = mmap(NULL, limit * sizeof *open->trace, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ring == MAP_FAILED)
        return -errno;
    open->trace = ring;
    open->trace_limit = limit;
    open->trace_end = UINT64_MAX;
    return 0;
}

void step_trace_end(struct step *open, uint64_t more)
{
    uint64_t unbounded = UINT64_MAX;
    __atomic_compare_exchange_n(&open->trace_end, &unbounded, open->traces + more, 0, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

void step_begin_time(struct step *open, uint64_t zero_ns)
{
    unsigned __int128 age = (unsigned __int128)(step_ns() - zero_ns) << 32;
    open->zero = __rdtsc() - (uint64_t)(age / open->ns_per_tick_32);
}

void step_excuse(struct step *open)
{
    struct whole_step *step = (struct whole_step *)open;
    uint64_t now = __rdtsc();
    open->setup_ticks += now - step->left;
    step->left = now;
    step->mark = 0;
}

uint32_t step_mark(struct step *open)
{
    ((struct whole_step *)open)->mark = __rdtsc();
    return open->location;
}

void step_uncount(struct step *open)
{
    open->uncounted = 1;
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
    if (step->stayed) {
        location->own_ticks += ticks;
        location->own_count++;
    } else if (step->mark && location->count % STEP_SAMPLING != 2) {
        location->marked_ticks += step->mark - step->left;
        location->marked_count++;
    }
    if (ticks > location->handler_max_ticks)
        location->handler_max_ticks = ticks;
    step->in_handler = 0;
    if (step->traced)
        step->traced->resumed = now;
}

/* What has passed since KVM_RUN, up to an entry or the end of an attachment. */
static void count_outside(struct whole_step *step, uint64_t now)
{
    if (step->in_handler)
        count_handler(step, now);
    else if (step->clocked)
        step->open.around_ticks += now - step->left;
    step->left = now;
}
