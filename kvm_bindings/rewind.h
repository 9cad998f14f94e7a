/*
 * The way back: a vCPU and the pages it wrote become again what they were at one moment, in one call. A fuzzer goes it
 * after each input, where the way from Python to eight ioctls would cost more than they do.
 *
 * Read twice, as step.h is.
 */

struct rewind_region {
    struct kvm_dirty_log *log;  /* KVM's request for the pages written, with a bitmap for its answer */
    uint8_t *to;                /* the memory that the guest has */
    const uint8_t *from;        /* and what it was */
    uint64_t pages;
    uint64_t first_always;      /* these pages are put back whether KVM saw them written or not: the host wrote there */
    uint64_t always;
};

struct rewind {
    int vm_fd;
    int vcpu_fd;
    struct kvm_run *run;
    const struct rewind_region *regions;
    uint64_t region_count;
    const struct kvm_call *calls; /* what KVM_RUN does not take from the shared page: FPU, MSRs, ... */
    int call_count;
    const struct kvm_sync_regs *registers;
    int by_entry;               /* the next KVM_RUN takes the registers; else they are among the calls */
    uint64_t copied;            /* pages put back so far */
};

/* Completes the access under way, puts pages and registers back: 0 or -errno. While the vCPU does not run. */
int rewind_now(struct rewind *rewind);
