/* What the ioctls take and give beyond a vCPU's registers, which are in cdef.h, whose head says how to read both. */

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
