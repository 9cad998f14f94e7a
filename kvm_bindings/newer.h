/* What <linux/kvm.h> has gained since Linux 6.1 (Debian 12), for hosts that build against older headers.
 *
 * Every definition is guarded, so a newer header wins. Whether the running kernel knows a thing is asked at run time,
 * by capability. Source: include/uapi/linux/kvm.h of Linux 6.18.
 */
#ifndef KVM_BINDINGS_NEWER_H
#define KVM_BINDINGS_NEWER_H

#include <asm/svm.h>
#include <asm/vmx.h>
#include <linux/kvm.h>

/* Exit reasons and what comes with them */
#ifndef KVM_EXIT_LOONGARCH_IOCSR
#define KVM_EXIT_LOONGARCH_IOCSR 38
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_EXIT_TDX
#define KVM_EXIT_TDX 40
#endif
#ifndef KVM_EXIT_ARM_SEA
#define KVM_EXIT_ARM_SEA 41
#endif
#ifndef KVM_MEMORY_EXIT_FLAG_PRIVATE
#define KVM_MEMORY_EXIT_FLAG_PRIVATE (1ULL << 3)
#endif
#ifndef KVM_SYSTEM_EVENT_TDX_FATAL
#define KVM_SYSTEM_EVENT_TDX_FATAL 7
#endif
#ifndef KVM_RUN_X86_GUEST_MODE
#define KVM_RUN_X86_GUEST_MODE (1 << 2)
#endif

/* Capabilities */
#ifndef KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP
#define KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP 225
#endif
#ifndef KVM_CAP_PMU_EVENT_MASKED_EVENTS
#define KVM_CAP_PMU_EVENT_MASKED_EVENTS 226
#endif
#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2 231
#endif
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#endif
#ifndef KVM_CAP_MEMORY_ATTRIBUTES
#define KVM_CAP_MEMORY_ATTRIBUTES 233
#endif
#ifndef KVM_CAP_GUEST_MEMFD
#define KVM_CAP_GUEST_MEMFD 234
#endif
#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES 235
#endif
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#endif
#ifndef KVM_CAP_X86_APIC_BUS_CYCLES_NS
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS 237
#endif
#ifndef KVM_CAP_X86_GUEST_MODE
#define KVM_CAP_X86_GUEST_MODE 238
#endif
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS 244
#endif

/* Types of VM */
#ifndef KVM_X86_DEFAULT_VM
#define KVM_X86_DEFAULT_VM 0
#endif
#ifndef KVM_X86_SW_PROTECTED_VM
#define KVM_X86_SW_PROTECTED_VM 1
#endif

/* Memory regions with a guest_memfd, KVM_CAP_USER_MEMORY2 */
#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD (1UL << 2)
#endif
#ifndef KVM_SET_USER_MEMORY_REGION2
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

/* Private and shared memory, KVM_CAP_MEMORY_ATTRIBUTES */
#ifndef KVM_SET_MEMORY_ATTRIBUTES
struct kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};
#define KVM_SET_MEMORY_ATTRIBUTES _IOW(KVMIO, 0xd2, struct kvm_memory_attributes)
#endif
#ifndef KVM_MEMORY_ATTRIBUTE_PRIVATE
#define KVM_MEMORY_ATTRIBUTE_PRIVATE (1ULL << 3)
#endif

/* Memory that only the guest maps, KVM_CAP_GUEST_MEMFD */
#ifndef KVM_CREATE_GUEST_MEMFD
struct kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};
#define KVM_CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#endif

/* Population of page tables ahead of the guest, KVM_CAP_PRE_FAULT_MEMORY */
#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

/* The exit union's member for KVM_EXIT_MEMORY_FAULT, which 6.1 lacks: read it through kvm_run.padding. */
typedef struct {
	__u64 flags;
	__u64 gpa;
	__u64 size;
} kvm_run_memory_fault;

/* Names for the kernel's nameless nested structs, so that the compiler can be asked for their layout. */
#define KVM_RUN_MEMBER(member) typedef __typeof__(((struct kvm_run *)0)->member) kvm_run_##member
KVM_RUN_MEMBER(hw);
KVM_RUN_MEMBER(fail_entry);
KVM_RUN_MEMBER(ex);
KVM_RUN_MEMBER(io);
KVM_RUN_MEMBER(debug);
KVM_RUN_MEMBER(mmio);
KVM_RUN_MEMBER(hypercall);
KVM_RUN_MEMBER(tpr_access);
KVM_RUN_MEMBER(internal);
KVM_RUN_MEMBER(emulation_failure);
KVM_RUN_MEMBER(system_event);
KVM_RUN_MEMBER(eoi);
KVM_RUN_MEMBER(msr);
KVM_RUN_MEMBER(notify);
KVM_RUN_MEMBER(s);
typedef __typeof__(((struct kvm_vcpu_events *)0)->exception) kvm_vcpu_events_exception;
typedef __typeof__(((struct kvm_vcpu_events *)0)->interrupt) kvm_vcpu_events_interrupt;
typedef __typeof__(((struct kvm_vcpu_events *)0)->nmi) kvm_vcpu_events_nmi;
typedef __typeof__(((struct kvm_vcpu_events *)0)->smi) kvm_vcpu_events_smi;
typedef __typeof__(((struct kvm_vcpu_events *)0)->triple_fault) kvm_vcpu_events_triple_fault;
typedef __typeof__(((struct kvm_ioapic_state *)0)->redirtbl[0]) kvm_ioapic_redirection;
typedef __typeof__(((struct kvm_irqchip *)0)->chip) kvm_irqchip_chip;
typedef __typeof__(((struct kvm_irq_routing_entry *)0)->u) kvm_irq_routing_target;

#endif
