/* Counting the records of KVM's tracepoints; see hidden.h. What they mean is in Linux arch/x86/kvm/trace.h. */

#include "whole_hidden.h"

static uint64_t field_of(const struct hidden_event *event, int which, const uint8_t *record, uint32_t size)
{
    struct hidden_field field = event->fields[which];
    uint64_t value = 0;
    if (field.size <= 8 && (uint32_t)field.offset + field.size <= size)
        memcpy(&value, record + field.offset, field.size);
    return value;
}

static void take_time(struct whole_hidden *whole, uint64_t ns)
{
    struct hidden_reason *reason = &whole->open.reasons[whole->reason];
    unsigned bucket = 63 - (unsigned)__builtin_clzll(ns | 1);
    reason->histogram[bucket < STEP_BUCKETS ? bucket : STEP_BUCKETS - 1]++;
    reason->kernel_ns += ns;
    if (ns > reason->kernel_max_ns)
        reason->kernel_max_ns = ns;
    whole->left = 0;
}

static uint32_t reason_row(struct hidden *open, uint64_t key)
{
    for (uint32_t row = 1; row <= open->reasons_used; row++)
        if (open->reasons[row].key == key)
            return row;
    if (open->reasons_used == HIDDEN_REASONS - 1)
        return 0;
    open->reasons[++open->reasons_used].key = key;
    return open->reasons_used;
}

static struct hidden_place *count_place(struct hidden *open, uint32_t reason, uint64_t rip)
{
    uint32_t slot = (uint32_t)(((rip ^ (uint64_t)reason << 48) * 0x9e3779b97f4a7c15ULL) >> 52) % HIDDEN_PLACES;
    for (int probe = 0; probe < RIP_PROBES; probe++, slot = (slot + 1) % HIDDEN_PLACES) {
        struct hidden_place *place = &open->places[slot];
        if (place->count == 0) {
            place->rip = rip;
            place->reason = reason;
        } else if (place->rip != rip || place->reason != reason)
            continue;
        place->count += place->count != UINT32_MAX;
        return place;
    }
    return NULL;
}

static void count_pair(struct hidden_pair *pairs, uint32_t *used, uint64_t key)
{
    uint32_t row = 1;
    while (row <= *used && pairs[row].key != key)
        row++;
    if (row == HIDDEN_PAIRS)
        row = 0;
    else if (row > *used)
        pairs[*used = row].key = key;
    pairs[row].count++;
}

static void count_msr(struct hidden *open, uint32_t index, uint32_t is_write, uint64_t value, int refused)
{
    uint32_t row = 1;
    while (row <= open->msrs_used && (open->msrs[row].index != index || open->msrs[row].is_write != is_write))
        row++;
    if (row == HIDDEN_MSRS)
        row = 0;
    else if (row > open->msrs_used) {
        open->msrs_used = row;
        open->msrs[row].index = index;
        open->msrs[row].is_write = is_write;
    }
    struct hidden_msr *msr = &open->msrs[row];
    msr->count++;
    msr->refused += refused;
    msr->value = value;
}

static void count_exit_record(struct whole_hidden *whole, uint64_t key, uint64_t rip, uint64_t now)
{
    struct hidden *open = &whole->open;
    if (whole->entered)
        open->guest_ns += now - whole->entered;
    else if (whole->left) { /* answered on KVM's fast path, which goes back without an entry that it tells of */
        open->guest_ns += now - whole->left;
        take_time(whole, 0);
    }
    whole->entered = 0;
    whole->left = now;
    whole->reason = reason_row(open, key);
    open->reasons[whole->reason].count++;
    whole->place = count_place(open, whole->reason, rip);
}

void hidden_count(struct hidden *open, const uint8_t *record, uint32_t size, uint64_t now)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    uint16_t id = 0;
    int which = 0;
    if (size >= sizeof id)
        memcpy(&id, record, sizeof id); /* common_type: the first field of every tracepoint */
    while (which < HIDDEN_EVENTS && (!id || open->events[which].id != id))
        which++;
    if (which == HIDDEN_EVENTS)
        return;
    struct hidden_event *event = &open->events[which];
    event->count++;
#define FIELD(number) field_of(event, number, record, size)
    switch (which) {
    case HIDDEN_EXIT:
        count_exit_record(whole, FIELD(1) << 32 | (uint32_t)FIELD(0), FIELD(2), now);
        break;
    case HIDDEN_ENTRY:
        if (whole->left)
            take_time(whole, now - whole->left);
        whole->entered = now;
        break;
    case HIDDEN_USER:
        if (whole->left) {
            if (!FIELD(0)) { /* else it was answered, and a signal came */
                open->reasons[whole->reason].to_user++;
                if (whole->place)
                    whole->place->to_user++;
            }
            take_time(whole, now - whole->left);
        }
        whole->entered = 0;
        break;
    case HIDDEN_WAKEUP:
        open->asleep_ns += FIELD(0);
        if (whole->left)
            open->reasons[whole->reason].asleep_ns += FIELD(0);
        break;
    case HIDDEN_FAULT:
        count_pair(open->faults, &open->faults_used, FIELD(0));
        break;
    case HIDDEN_MSR:
        count_msr(open, (uint32_t)FIELD(1), FIELD(0) != 0, FIELD(2), FIELD(3) != 0);
        break;
    case HIDDEN_CPUID:
        count_pair(open->leaves, &open->leaves_used, FIELD(0) << 32 | (uint32_t)FIELD(1));
        break;
    case HIDDEN_VIRQ:
        open->vectors[FIELD(0) % HIDDEN_VECTORS] += FIELD(1) == 0; /* once more is not another one */
        break;
    }
#undef FIELD
}
