/* What a `hidden` has beyond what Python sees of it. See hidden.h. */
#ifndef WHOLE_HIDDEN_H
#define WHOLE_HIDDEN_H

#include <linux/perf_event.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "whole_step.h"
#include "hidden.h"

struct whole_hidden {
    struct hidden open;
    uint64_t entered;           /* when the guest was entered last, 0 while it is left */
    uint64_t left;              /* when it was left last, 0 once that time was taken */
    uint32_t reason;            /* the row of that exit */
    struct hidden_place *place; /* and its place, NULL if it found none */
    pthread_mutex_t lock;       /* over all above, and the ring's tail */
    int fds[HIDDEN_EVENTS];     /* -1 where there is none; the first has the ring */
    uint64_t thread;            /* whose records these are: its mark, see perf.c */
    int end;                    /* an eventfd: hidden_serve is to return */
    struct perf_event_mmap_page *ring;
    uint64_t ring_size;
    int tells_losses;           /* the kernel counts losses for each event */
};
#endif
