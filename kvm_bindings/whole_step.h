/* What a step has beyond what Python sees of it, and what every part of its body includes. See step.h. */
#ifndef WHOLE_STEP_H
#define WHOLE_STEP_H

#include <errno.h>
#include <linux/futex.h>
#include <linux/kvm.h>
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
#define LIMITED_PATIENCE_NS 1000000ULL /* and where the guest waits for what comes behind it: a FIFO full on a wire */
#define RIP_PROBES 8
#define RIP_CHUNK 256                 /* entries, 4 KiB of them */
#define RIP_CHUNKS (STEP_RIPS / RIP_CHUNK)

struct step_ring {
    uint32_t length;
    uint32_t lock;
    int is_shared;
    uint64_t key;                     /* of the location that the bytes were written to */
    uint64_t since;                   /* when it got its first byte */
    uint8_t bytes[STEP_RING];
};

struct whole_step {
    struct step open;
    struct step_ring *ring;           /* its own, or another vCPU's */
    struct kvm_coalesced_mmio_ring *collected; /* the VM's, in the mapping of each vCPU; NULL without step_collect */
    uint32_t collected_row;           /* where what is in it was written to */
    struct step_ring own_ring;        /* sweep() relies on its place: what is behind begins with `hash` */
    uint16_t hash[HASH_SLOTS];        /* row of a key, 0 where free */
    uint32_t rip_chunks;              /* one bit for each chunk of `rips` in use */
    pid_t thread;                     /* attached thread, 0 for none */
    int held;                         /* an exit was counted but not yet handed out */
    int replay;
    int in_handler;                   /* the last exit's handler time still runs */
    int stayed;                       /* the last exit has not left C */
    int clocked;                      /* attached: what passes outside KVM_RUN is the VMM's */
    uint64_t mark;                    /* when the last exit's handler began, 0 where that is not known */
    int awaited;                      /* the last exit was a read: `reply` belongs to it */
    int finishing;                    /* see step_finish */
    uint64_t left;                    /* when KVM_RUN last returned, or what came after it was last accounted for */
    uint64_t clock_ns;                /* see guest_clock.c: the thread's clock at its attachment */
    uint64_t clock_ticks;             /* and guest_ticks then */
    uint64_t armed;                   /* what the timer is set to, ns of CLOCK_MONOTONIC */
    struct step_traced *traced;       /* the last exit's entry in the trace, or NULL */
    timer_t timer;
    int has_timer;
    struct whole_step *outer;         /* the step that the thread was attached to before */
};

/* The step whose vCPU this thread runs. initial-exec: a signal handler's first look at it allocates nothing. */
static __thread struct whole_step *attached __attribute__((tls_model("initial-exec")));
#endif
