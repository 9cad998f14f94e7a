/*
 * How long a thread was in guest mode, by the kernel's clock: guest_time of /proc/thread-self/stat (proc(5), field 43).
 *
 * Most kernels sample it at their timer tick and show it in hundredths of a second, so it means something for long
 * attachments alone. Reading it costs microseconds: a thread of short-lived machines does so only now and then.
 */

#include <fcntl.h>
#include <stdio.h>

#include "whole_step.h"

#define CLOCK_GRAIN_NS 10000000ULL    /* what the kernel shows, at best */
#define CLOCK_LONG_NS 200000000ULL    /* an attachment with so much KVM_RUN is long */

static __thread uint64_t clock_known; /* the last reading */
static __thread uint64_t clock_since; /* KVM_RUN of this thread since then, ns */

/* ns, or what was known before where there is no such file. */
static uint64_t read_guest_clock(void)
{
    char line[1024];
    int file = open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, line, sizeof line - 1);
    if (file >= 0)
        close(file);
    if (size <= 0)
        return clock_known;
    line[size] = 0;
    char *at = strrchr(line, ')'); /* the name before it may hold anything; field 3 follows */
    for (int field = 2; at && field < 43; field++)
        at = strchr(at + 1, ' ');
    long hertz = sysconf(_SC_CLK_TCK);
    return at && hertz > 0 ? strtoull(at, NULL, 10) * (1000000000ULL / (uint64_t)hertz) : clock_known;
}

static void begin_guest_clock(struct whole_step *step)
{
    if (clock_since >= CLOCK_GRAIN_NS) {
        clock_known = read_guest_clock();
        clock_since = 0;
    }
    step->clock_ns = clock_known;
    step->clock_ticks = step->open.guest_ticks;
}

static void end_guest_clock(struct whole_step *step)
{
    struct step *open = &step->open;
    uint64_t ticks = open->guest_ticks - step->clock_ticks, ns = to_ns(open, ticks);
    clock_since += ns;
    if (ns < CLOCK_LONG_NS)
        return;
    clock_known = read_guest_clock();
    clock_since = 0;
    open->guest_clock_ns += clock_known - step->clock_ns;
    open->clocked_ticks += ticks;
}
