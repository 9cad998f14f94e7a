/*
 * The run step: one call enters the guest, counts the exit, and hands back one packed answer.
 *
 * Read twice: by the C compiler, and by cffi's parser, which knows no preprocessor beyond plain #define numbers.
 *
 * step_run answers with a number >= 0 for a port or MMIO access that a handler should take,
 *     the value written (its low 32 bits) << 12 | STEP_READ if the guest waits for a value | the location's row,
 * so that byte and word accesses stay small integers in Python, and the value of a read is the `reply` of the next
 * call. Row 0 stands for the row of the last exit, of which step_mark wants to know when its handler began.
 * A negative answer is news, -STEP_NEWS_..., below.
 */

#define STEP_LOCATIONS 2048     /* rows of statistics a vCPU; what comes after shares the overflow rows */
#define STEP_BUCKETS 40         /* log2 histogram of handler nanoseconds */
#define STEP_RIPS 4096          /* (location, RIP) pairs counted; what finds no place is left out of the hot spots */
#define STEP_FLIGHT 64          /* the flight recorder: the last exits */
#define STEP_INTERVALS 128      /* of exits over time; a run that outgrows them makes each twice as long */
#define STEP_FIRST_INTERVAL 12  /* log2 of the ticks of one at first: some microseconds */
#define STEP_TRIGGERS 32        /* of a trace */
#define STEP_RING 4096          /* bytes of quiet output held back at most */
#define STEP_SAMPLING 128       /* of so many exits of a location */
#define STEP_SAMPLES 3          /* these tell when their handler began */

#define STEP_ROW 2047           /* an answer's row */
#define STEP_UNBOUND 1          /* in its place, the first overflow row: its location is looked up each time */
#define STEP_READ 2048          /* its bit for a read */
#define STEP_VALUE_SHIFT 12     /* what is above is the value */

#define STEP_KIND_IO 1          /* a location's kind: which of its fields mean something */
#define STEP_KIND_MMIO 2
#define STEP_KIND_MSR 3
#define STEP_KIND_HYPERCALL 4
#define STEP_KIND_OTHER 5       /* address is the KVM_EXIT_ number */

#define STEP_LOUD 0             /* how a location is answered: by Python */
#define STEP_QUIET_CONSTANT 1   /*   a read gives quiet_value, a write is only counted */
#define STEP_QUIET_RING 2       /*   the written byte goes to the ring */
#define STEP_QUIET_LATCH 3      /*   a read gives *latch, a write clears there the bits that are written */

#define STEP_NEWS_EXIT 1        /* an exit that is no plain access: see run->exit_reason */
#define STEP_NEWS_STRING 2      /* a string access: run->io.count > 1 elements wait in the data area */
#define STEP_NEWS_SIGNAL 3      /* KVM_RUN was interrupted: a kick, an alarm, a signal of the process */
#define STEP_NEWS_INTERRUPT 4   /* an interrupt is wanted and the guest can take it now */
#define STEP_NEWS_DRAIN 5       /* the ring wants to be emptied; nothing else was lost */
#define STEP_NEWS_ATTENTION 6   /* somebody set `attention`; no exit happened */
#define STEP_NEWS_FAILED 7      /* KVM_RUN failed; `error` is the errno */

#define STEP_WANT_INTERRUPT 1   /* bits of `attention` */
#define STEP_WANT_STOP 2
#define STEP_WANT_PAUSE 4       /* like STOP, for somebody who needs the vCPU out of KVM_RUN for a moment */

struct step_location {
    uint64_t key;               /* kind, direction, size and address as one number; 0 is a free row */
    uint64_t address;
    uint64_t count;
    uint64_t elements;
    uint64_t quiet_count;
    uint64_t guest_ticks;
    uint64_t handler_ticks;
    uint64_t handler_max_ticks;
    uint64_t own_ticks;         /* handler_ticks of the exits that never left C */
    uint64_t own_count;         /* and how many these were */
    uint64_t marked_ticks;      /* from an exit to the start of its handler, of the exits that were marked */
    uint64_t marked_count;      /* and how many these were */
    uint64_t quiet_value;
    uint32_t histogram[STEP_BUCKETS];
    uint8_t kind;
    uint8_t is_write;
    uint8_t size;
    uint8_t quiet;
    uint32_t *latch;            /* of STEP_QUIET_LATCH; several locations of several vCPUs share one */
    uint32_t quiet_limit;       /* bytes in the ring after which Python hears of them, soon in any case; 0: STEP_RING */
};

struct step_rip {
    uint64_t rip;
    uint32_t location;
    uint32_t count;
};

struct step_flight {
    uint64_t ticks;
    uint64_t rip;
    uint64_t value;
    uint32_t location;
    uint32_t elements;
};

struct step_traced {             /* one exit of a trace; all times in ticks */
    uint64_t entered;           /* the KVM_RUN that it ended began */
    uint64_t left;              /* and returned */
    uint64_t resumed;           /* the next KVM_RUN began; 0 where there was none yet */
    uint64_t rip;
    uint64_t value;             /* written, or what the read was answered with */
    uint32_t location;
    uint32_t elements;
};

struct step_trigger {            /* an exit that ends the trace soon: all of these hold of it */
    uint64_t first;             /* its address */
    uint64_t last;
    uint64_t rip_first;
    uint64_t rip_last;
    uint8_t kind;               /* 0: any, then addresses are not asked for */
    uint8_t is_write;
};

struct step_ring;               /* the quiet output of one machine, in the order in which the guest spoke */

struct step {
    struct kvm_run *run;
    int vcpu_fd;
    int error;                  /* errno of a failed KVM_RUN */
    uint32_t attention;         /* bits STEP_WANT_...; looked at before each entry */
    uint32_t wake;              /* changes with every kick; step_wait sleeps on it */
    uint32_t location;          /* the row of the last exit */
    uint32_t locations;         /* rows in use */
    uint32_t bound;             /* rows that an answer may name: others are told as STEP_UNBOUND */
    uint64_t value;             /* all 64 bits of the last value written */
    uint64_t rip;               /* of the last exit, 0 where the host does not sync registers */
    uint64_t exits;
    uint64_t guest_ticks;       /* in KVM_RUN */
    uint64_t handler_ticks;     /* from an exit to the next entry */
    uint64_t idle_ticks;        /* asleep outside KVM_RUN because the guest was halted */
    uint64_t setup_ticks;       /* excused: see step_excuse */
    uint64_t around_ticks;      /* attached, but neither in KVM_RUN nor after an exit */
    uint64_t guest_clock_ns;    /* in guest mode, by the kernel's clock: of the attachments that lasted long enough */
    uint64_t clocked_ticks;     /* guest_ticks of those attachments */
    int uncounted;              /* nothing is counted or timed, see step_uncount */
    uint64_t ns_per_tick_32;    /* nanoseconds of a TSC tick, times 2 ** 32 */
    uint64_t flights;           /* entries ever written to the flight recorder */
    struct step_traced *trace;  /* a ring of trace_limit entries, NULL without step_trace */
    uint64_t trace_limit;
    uint64_t traces;            /* entries ever written to it */
    uint64_t trace_end;         /* how many there may ever be: 0 records nothing */
    struct step_trigger triggers[STEP_TRIGGERS];
    uint32_t trigger_count;
    uint32_t *triggered;        /* set by the first of the vCPUs that meets one; NULL where no trace has triggers */
    uint64_t trace_after;       /* exits of this vCPU that are kept yet once it is set */
    uint64_t zero;              /* the tick that exits over time count from */
    uint32_t interval;          /* log2 of the ticks of one interval */
    struct step_location rows[STEP_LOCATIONS];
    struct step_rip rips[STEP_RIPS];
    struct step_flight flight[STEP_FLIGHT];
    uint32_t over_time[STEP_LOCATIONS][STEP_INTERVALS]; /* exits of each row by when they came */
};

/* A step for a mapped kvm_run. NULL when there is no memory. ns_per_tick_32 of 0 measures the TSC for a millisecond. */
struct step *step_new(int vcpu_fd, struct kvm_run *run, uint64_t ns_per_tick_32);
void step_free(struct step *step);

/* From now on the last `limit` exits are kept, with the times of both ends. Before the vCPU runs; 0 or -errno. */
int step_trace(struct step *step, uint64_t limit);

/* Ends the trace `more` exits from now; what was said first stands. Any thread. */
void step_trace_end(struct step *step, uint64_t more);

/* Binds the step to the calling thread, which alone may run it. With block_signals all others are blocked there. */
int step_attach(struct step *step, int block_signals);
void step_detach(struct step *step);

int64_t step_run(struct step *step, uint64_t reply);

/*
 * While set, step_run completes the instruction whose access came last, with the accesses it still makes, begins no
 * other, and then gives STEP_NEWS_SIGNAL: registers are whole then. `attention` stays unheard.
 */
void step_finish(struct step *step, int finishing);

/* From now on exits over time count from `zero_ns` of CLOCK_MONOTONIC. */
void step_begin_time(struct step *step, uint64_t zero_ns);

/* What passed since the exit was our own set-up: the handler's time begins now. */
void step_excuse(struct step *step);

/* The handler of the last exit begins now: what passed since the exit was the way to it. The row of the exit. */
uint32_t step_mark(struct step *step);

/* From now on exits are neither counted nor timed. Before the vCPU runs. */
void step_uncount(struct step *step);

/* Ends KVM_RUN or step_wait soon, from any thread; `attention` bits are set first. */
void step_kick(struct step *step, uint32_t attention);
void step_attention(struct step *step, uint32_t set, uint32_t clear);

/*
 * While shared, those of SIGHUP, SIGINT and SIGTERM that the process handles also end the KVM_RUN of `step`, the one of
 * the main thread.
 */
void step_share_signals(struct step *step);
void step_unshare_signals(void);

/* The attached thread's alarm: kicks at `deadline` ns of CLOCK_MONOTONIC; 0 turns it off. 0 or -errno. */
int step_alarm(struct step *step, uint64_t deadline);

/* Sleeps until `wake` differs from `seen`, a signal, or `deadline` (0: no limit); the time counts as idle. */
void step_wait(struct step *step, uint32_t seen, uint64_t deadline);

/* From now on the quiet output of `step` goes to the ring of `other`, whose memory must outlive it: what two vCPUs say
 * keeps its order. Before either runs. */
void step_share_ring(struct step *step, struct step *other);

/*
 * The kernel may be told to collect the writes to the location of `row`, a byte wide: they cause no exit of their own
 * and go to the ring with the next exit of any vCPU. For each vCPU, before it runs.
 */
void step_collect(struct step *step, uint32_t row);

/* Empties the ring into `into`, STEP_RING bytes: how many there were, and the key of their location. Any thread. */
uint32_t step_take(struct step *step, uint8_t *into, uint64_t *key);

/* Changes a latch, from any thread: first the bits of `clear`, then those of `set`. */
void step_latch(uint32_t *latch, uint32_t set, uint32_t clear);

/* The row of a location, made when it is new; the kind's overflow row when the table is full. */
uint32_t step_locate(struct step *step, uint8_t kind, uint8_t is_write, uint8_t size, uint64_t address);

/* A step that replays what stands in `run` in place of entering a guest: for measuring and testing the way around. */
void step_replay(struct step *step, int replay);

uint64_t step_ticks(void);
uint64_t step_ns(void);         /* CLOCK_MONOTONIC */
int step_install(void);         /* the handler of the kick signal, once a process; 0 or -errno */
int step_signal(void);          /* its number */
