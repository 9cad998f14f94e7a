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
void *kvm_map(int fd, size_t size, long offset);
int kvm_unmap(void *mapping, size_t size);

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

/* ---- CPUID and MSRs ---- */

struct kvm_cpuid_entry2 {
	__u32 function, index, flags, eax, ebx, ecx, edx;
	...;
};
struct kvm_cpuid2 {
	__u32 nent;
	struct kvm_cpuid_entry2 entries[];
	...;
};
struct kvm_msr_entry {
	__u32 index;
	__u64 data;
	...;
};
struct kvm_msrs {
	__u32 nmsrs;
	struct kvm_msr_entry entries[];
	...;
};
struct kvm_msr_list {
	__u32 nmsrs;
	__u32 indices[];
	...;
};
struct kvm_msr_filter_range {
	__u32 flags, nmsrs, base;
	__u8 *bitmap;
	...;
};
struct kvm_msr_filter {
	__u32 flags;
	struct kvm_msr_filter_range ranges[...];
	...;
};
struct kvm_x86_mce {
	__u64 status, addr, misc, mcg_status;
	__u8 bank;
	...;
};

/* ---- memory ---- */

struct kvm_userspace_memory_region {
	__u32 slot, flags;
	__u64 guest_phys_addr, memory_size, userspace_addr;
	...;
};
struct kvm_userspace_memory_region2 {
	__u32 slot, flags;
	__u64 guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
	__u32 guest_memfd;
	...;
};
struct kvm_memory_attributes {
	__u64 address, size, attributes, flags;
	...;
};
struct kvm_create_guest_memfd {
	__u64 size, flags;
	...;
};
struct kvm_pre_fault_memory {
	__u64 gpa, size, flags;
	...;
};
struct kvm_dirty_log {
	__u32 slot;
	void *dirty_bitmap;
	...;
};
struct kvm_clear_dirty_log {
	__u32 slot, num_pages;
	__u64 first_page;
	void *dirty_bitmap;
	...;
};
struct kvm_dirty_gfn {
	__u32 flags, slot;
	__u64 offset;
	...;
};
struct kvm_coalesced_mmio_zone {
	__u64 addr;
	__u32 size, pio;
	...;
};
struct kvm_coalesced_mmio {
	__u64 phys_addr;
	__u32 len, pio;
	__u8 data[...];
	...;
};
struct kvm_coalesced_mmio_ring {
	__u32 first, last;
	struct kvm_coalesced_mmio coalesced_mmio[];
	...;
};
struct kvm_translation {
	__u64 linear_address, physical_address;
	__u8 valid, writeable, usermode;
	...;
};

/* ---- interrupts ---- */

struct kvm_interrupt {
	__u32 irq;
	...;
};
struct kvm_irq_level {
	__u32 irq;
	__s32 status;
	__u32 level;
	...;
};
struct kvm_pic_state {
	__u8 last_irr, irr, imr, isr, priority_add, irq_base, read_reg_select, poll, special_mask, init_state;
	__u8 auto_eoi, rotate_on_auto_eoi, special_fully_nested_mode, init4, elcr, elcr_mask;
	...;
};
typedef union {
	__u64 bits;
	...;
} kvm_ioapic_redirection;
struct kvm_ioapic_state {
	__u64 base_address;
	__u32 ioregsel, id, irr;
	kvm_ioapic_redirection redirtbl[...];
	...;
};
typedef union {
	char dummy[...];
	struct kvm_pic_state pic;
	struct kvm_ioapic_state ioapic;
	...;
} kvm_irqchip_chip;
struct kvm_irqchip {
	__u32 chip_id;
	kvm_irqchip_chip chip;
	...;
};
struct kvm_pit_config {
	__u32 flags;
	...;
};
struct kvm_pit_channel_state {
	__u32 count;
	__u16 latched_count;
	__u8 count_latched, status_latched, status, read_state, write_state, write_latch, rw_mode, mode, bcd, gate;
	__s64 count_load_time;
	...;
};
struct kvm_pit_state2 {
	struct kvm_pit_channel_state channels[...];
	__u32 flags;
	...;
};
struct kvm_reinject_control {
	__u8 pit_reinject;
	...;
};
struct kvm_irq_routing_irqchip {
	__u32 irqchip, pin;
	...;
};
struct kvm_irq_routing_msi {
	__u32 address_lo, address_hi, data, devid;
	...;
};
typedef union {
	struct kvm_irq_routing_irqchip irqchip;
	struct kvm_irq_routing_msi msi;
	...;
} kvm_irq_routing_target;
struct kvm_irq_routing_entry {
	__u32 gsi, type, flags;
	kvm_irq_routing_target u;
	...;
};
struct kvm_irq_routing {
	__u32 nr, flags;
	struct kvm_irq_routing_entry entries[];
	...;
};
struct kvm_msi {
	__u32 address_lo, address_hi, data, flags, devid;
	...;
};
struct kvm_irqfd {
	__u32 fd, gsi, flags, resamplefd;
	...;
};
struct kvm_ioeventfd {
	__u64 datamatch, addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	...;
};
struct kvm_signal_mask {
	__u32 len;
	__u8 sigset[];
	...;
};
struct kvm_tpr_access_ctl {
	__u32 enabled, flags;
	...;
};
struct kvm_vapic_addr {
	__u64 vapic_addr;
	...;
};

/* ---- the rest ---- */

struct kvm_clock_data {
	__u64 clock;
	__u32 flags;
	__u64 realtime, host_tsc;
	...;
};
struct kvm_enable_cap {
	__u32 cap, flags;
	__u64 args[...];
	...;
};
struct kvm_create_device {
	__u32 type, fd, flags;
	...;
};
struct kvm_device_attr {
	__u32 flags, group;
	__u64 attr, addr;
	...;
};
struct kvm_guest_debug_arch {
	__u64 debugreg[...];
	...;
};
struct kvm_guest_debug {
	__u32 control;
	struct kvm_guest_debug_arch arch;
	...;
};
struct kvm_stats_header {
	__u32 flags, name_size, num_desc, id_offset, desc_offset, data_offset;
	...;
};
struct kvm_stats_desc {
	__u32 flags;
	__s16 exponent;
	__u16 size;
	__u32 offset, bucket_size;
	char name[];
	...;
};
struct kvm_pmu_event_filter {
	__u32 action, nevents, fixed_counter_bitmap, flags;
	__u64 events[];
	...;
};
