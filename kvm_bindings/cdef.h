/* What Python sees of <linux/kvm.h> on x86-64.
 *
 * Every struct ends in "...;" and every number is "...": layouts and values are asked of the compiler, so the order of
 * members here means nothing and members left out here (padding, other architectures) still count in the layout.
 * Not declared: other architectures, Xen, Hyper-V, memory encryption.
 */

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

/* ---- calls (calls.c) ---- */

int kvm_ioctl_int(int fd, unsigned long request, unsigned long arg);
int kvm_ioctl_ptr(int fd, unsigned long request, void *arg);
struct kvm_call {
	unsigned long request;
	void *argument;
	int expected;               /* what the ioctl answers when all is well */
	...;
};
/* Makes the calls in turn: how many gave what was expected; *answer is what the next one gave instead, or -errno. */
int kvm_ioctl_each(int fd, const struct kvm_call *calls, int count, int *answer);
void *kvm_map(int fd, size_t size, long offset);
int kvm_unmap(void *mapping, size_t size);

/* ---- host pages below guest memory ---- */

/* Writes to `fd` the pages of a private mapping that are its own, not a file's below it, each at its place counted from
 * `offset`: how many, or -errno. */
int64_t host_write_own_pages(void *at, size_t size, int fd, uint64_t offset);
/* A private mapping of `fd` in the place of what is mapped at `at`. 0, or -errno. */
int host_map_over(void *at, size_t size, int fd, uint64_t offset);
/* Copies the pages whose bits are set in `dirty`; how many. */
uint64_t host_put_back(uint8_t *to, const uint8_t *from, const uint64_t *dirty, uint64_t pages);

/* ---- pages that user space brings: each gives 0, or -errno ---- */

/* A userfaultfd that does not block and serves the kernel's faults too, or -errno. */
int host_userfault_open(void);
/* From now on whoever touches a page that is not there waits until one of the calls below brings it. */
int host_userfault_watch(int fd, void *at, size_t size);
/* No longer: who waits goes on, with zeroes where nothing was brought. */
int host_userfault_forget(int fd, void *at, size_t size);
/* The address of a page that somebody waits for, 0 for none just now. */
uint64_t host_userfault_next(int fd);
/* Brings pages, as they are at `from` or empty, and wakes who waits; those that are there stay as they are. */
int host_userfault_copy(int fd, void *to, const void *from, size_t size);
int host_userfault_zero(int fd, void *to, size_t size);
int host_userfault_wake(int fd, void *at, size_t size);
/* Whoever touches these pages is refused: the kernel with EFAULT, this process with SIGSEGV. */
int host_forbid(void *at, size_t size);

/* ---- registers ---- */

struct kvm_regs {
	__u64 rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;
	...;
};
struct kvm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u8 type, present, dpl, db, s, l, g, avl, unusable;
	...;
};
struct kvm_dtable {
	__u64 base;
	__u16 limit;
	...;
};
struct kvm_sregs {
	struct kvm_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct kvm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8, efer, apic_base;
	__u64 interrupt_bitmap[...];
	...;
};
struct kvm_sregs2 {
	struct kvm_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct kvm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8, efer, apic_base, flags;
	__u64 pdptrs[...];
	...;
};
struct kvm_fpu {
	__u8 fpr[...][16];
	__u16 fcw, fsw;
	__u8 ftwx;
	__u16 last_opcode;
	__u64 last_ip, last_dp;
	__u8 xmm[...][16];
	__u32 mxcsr;
	...;
};
struct kvm_xsave {
	__u32 region[...];
	__u32 extra[];
	...;
};
struct kvm_xcr {
	__u32 xcr;
	__u64 value;
	...;
};
struct kvm_xcrs {
	__u32 nr_xcrs, flags;
	struct kvm_xcr xcrs[...];
	...;
};
struct kvm_debugregs {
	__u64 db[...];
	__u64 dr6, dr7, flags;
	...;
};
struct kvm_lapic_state {
	char regs[...];
	...;
};
struct kvm_mp_state {
	__u32 mp_state;
	...;
};
typedef struct {
	__u8 injected, nr, has_error_code, pending;
	__u32 error_code;
	...;
} kvm_vcpu_events_exception;
typedef struct {
	__u8 injected, nr, soft, shadow;
	...;
} kvm_vcpu_events_interrupt;
typedef struct {
	__u8 injected, pending, masked;
	...;
} kvm_vcpu_events_nmi;
typedef struct {
	__u8 smm, pending, smm_inside_nmi, latched_init;
	...;
} kvm_vcpu_events_smi;
typedef struct {
	__u8 pending;
	...;
} kvm_vcpu_events_triple_fault;
struct kvm_vcpu_events {
	kvm_vcpu_events_exception exception;
	kvm_vcpu_events_interrupt interrupt;
	kvm_vcpu_events_nmi nmi;
	__u32 sipi_vector, flags;
	kvm_vcpu_events_smi smi;
	kvm_vcpu_events_triple_fault triple_fault;
	__u8 exception_has_payload;
	__u64 exception_payload;
	...;
};
struct kvm_sync_regs {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	...;
};
struct kvm_nested_state {
	__u16 flags, format;
	__u32 size;
	...;
};

/* ---- the shared page of a vCPU ---- */

struct kvm_debug_exit_arch {
	__u32 exception;
	__u64 pc, dr6, dr7;
	...;
};
typedef struct {
	__u64 hardware_exit_reason;
	...;
} kvm_run_hw;
typedef struct {
	__u64 hardware_entry_failure_reason;
	__u32 cpu;
	...;
} kvm_run_fail_entry;
typedef struct {
	__u32 exception, error_code;
	...;
} kvm_run_ex;
typedef struct {
	__u8 direction, size;
	__u16 port;
	__u32 count;
	__u64 data_offset;
	...;
} kvm_run_io;
typedef struct {
	struct kvm_debug_exit_arch arch;
	...;
} kvm_run_debug;
typedef struct {
	__u64 phys_addr;
	__u8 data[...];
	__u32 len;
	__u8 is_write;
	...;
} kvm_run_mmio;
typedef struct {
	__u64 nr;
	__u64 args[...];
	__u64 ret;
	...;
} kvm_run_hypercall;
typedef struct {
	__u64 rip;
	__u32 is_write;
	...;
} kvm_run_tpr_access;
typedef struct {
	__u32 suberror, ndata;
	__u64 data[...];
	...;
} kvm_run_internal;
typedef struct {
	__u32 suberror, ndata;
	__u64 flags;
	__u8 insn_size;
	__u8 insn_bytes[...];
	...;
} kvm_run_emulation_failure;
typedef struct {
	__u32 type, ndata;
	__u64 data[...];
	...;
} kvm_run_system_event;
typedef struct {
	__u8 vector;
	...;
} kvm_run_eoi;
typedef struct {
	__u8 error;
	__u32 reason, index;
	__u64 data;
	...;
} kvm_run_msr;
typedef struct {
	__u32 flags;
	...;
} kvm_run_notify;
typedef struct {
	__u64 flags, gpa, size;
	...;
} kvm_run_memory_fault;
typedef union {
	struct kvm_sync_regs regs;
	...;
} kvm_run_s;
struct kvm_run {
	__u8 request_interrupt_window, immediate_exit;
	__u32 exit_reason;
	__u8 ready_for_interrupt_injection, if_flag;
	__u16 flags;
	__u64 cr8, apic_base;
	/* the union of what comes with each exit reason */
	kvm_run_hw hw;
	kvm_run_fail_entry fail_entry;
	kvm_run_ex ex;
	kvm_run_io io;
	kvm_run_debug debug;
	kvm_run_mmio mmio;
	kvm_run_hypercall hypercall;
	kvm_run_tpr_access tpr_access;
	kvm_run_internal internal;
	kvm_run_emulation_failure emulation_failure;
	kvm_run_system_event system_event;
	kvm_run_eoi eoi;
	kvm_run_msr msr;
	kvm_run_notify notify;
	char padding[...];
	/* end of the union */
	__u64 kvm_valid_regs, kvm_dirty_regs;
	kvm_run_s s;
	...;
};
void kvm_put_at_entry(struct kvm_run *run, const struct kvm_sync_regs *registers, unsigned long which);
