/*
 * The exits that KVM answers by itself, from the records of its tracepoints, counted as they are read.
 *
 * Read twice, like step.h. One `hidden` belongs to one vCPU, whose thread opens it: perf writes the records of that thread
 * alone into a ring, hidden_serve on another thread empties it into the tables here, whose size never changes.
 */

#define HIDDEN_EXIT 0           /* the events, in the order of `events`: kvm_exit */
#define HIDDEN_ENTRY 1          /* kvm_entry */
#define HIDDEN_USER 2           /* kvm_userspace_exit: the return to the VMM */
#define HIDDEN_WAKEUP 3         /* kvm_vcpu_wakeup: the end of a HLT that the kernel kept to itself */
#define HIDDEN_FAULT 4          /* kvm_page_fault */
#define HIDDEN_MSR 5            /* kvm_msr */
#define HIDDEN_CPUID 6          /* kvm_cpuid */
#define HIDDEN_VIRQ 7           /* kvm_inj_virq */
#define HIDDEN_EVENTS 8
#define HIDDEN_FIELDS 4

#define HIDDEN_REASONS 64       /* rows; row 0 takes what came after the others were in use, in each table here */
#define HIDDEN_PLACES 4096      /* (reason, RIP) pairs; what finds no place is left out */
#define HIDDEN_MSRS 512
#define HIDDEN_PAIRS 128
#define HIDDEN_VECTORS 256

struct hidden_field {
    uint16_t offset, size;      /* in the record, as the event's `format` file has it; a size of 0 reads as 0 */
};

struct hidden_event {
    uint64_t id;                /* of the tracepoint; 0 where this kernel has none */
    uint64_t count;
    struct hidden_field fields[HIDDEN_FIELDS];
};

struct hidden_reason {
    uint64_t key;               /* isa << 32 | exit_reason */
    uint64_t count;
    uint64_t to_user;           /* how many of these ended in the VMM */
    uint64_t kernel_ns;         /* from the exit to the next entry, or to the return */
    uint64_t kernel_max_ns;
    uint64_t asleep_ns;         /* the part of it that was a sleep in HLT */
    uint32_t histogram[STEP_BUCKETS]; /* of the times in kernel_ns */
};

struct hidden_place {
    uint64_t rip;
    uint32_t reason;            /* a row */
    uint32_t count;
    uint64_t to_user;           /* how many of these ended in the VMM */
};

struct hidden_msr {
    uint32_t index;
    uint32_t is_write;
    uint64_t count;
    uint64_t refused;
    uint64_t value;             /* the last one */
};

struct hidden_pair {
    uint64_t key;
    uint64_t count;
};

struct hidden {
    struct hidden_event events[HIDDEN_EVENTS];
    uint64_t guest_ns;          /* from an entry to the next exit */
    uint64_t asleep_ns;
    uint64_t lost;              /* records that the ring had no room for */
    uint64_t ring_size;         /* bytes, of the last one that was opened */
    uint32_t reasons_used, msrs_used, faults_used, leaves_used;
    struct hidden_reason reasons[HIDDEN_REASONS];
    struct hidden_msr msrs[HIDDEN_MSRS];
    struct hidden_pair faults[HIDDEN_PAIRS];  /* by error code */
    struct hidden_pair leaves[HIDDEN_PAIRS];  /* CPUID: function << 32 | index */
    uint64_t vectors[HIDDEN_VECTORS];
    struct hidden_place places[HIDDEN_PLACES];
};

/* Nothing counted yet; `events` are as given. NULL without memory. */
struct hidden *hidden_new(const struct hidden_event *events);
void hidden_free(struct hidden *hidden);

/*
 * Makes what records the calling thread, with a ring of `size` bytes (a power of two) or less; nothing if that is there.
 * To make it and to take it down takes the kernel a tenth of a second. 0 or -errno.
 */
int hidden_open(struct hidden *hidden, uint64_t size);

/* Records from now on the thread that called hidden_open. */
void hidden_begin(struct hidden *hidden);

/* Counts what the ring holds whenever that is much, until hidden_end. Any thread but the recorded one. 0 or -errno. */
int hidden_serve(struct hidden *hidden);

/* Ends the recording, counts the rest, and has hidden_serve return. */
void hidden_end(struct hidden *hidden);

/* Counts what the ring holds and copies all into `into`. Any thread. */
void hidden_read(struct hidden *hidden, struct hidden *into);

/* Counts one record of a tracepoint: what hidden_serve does for each. `now` is its time in ns. */
void hidden_count(struct hidden *hidden, const uint8_t *record, uint32_t size, uint64_t now);
