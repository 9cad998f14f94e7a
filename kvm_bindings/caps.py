"""The table of capabilities that matter on x86: what a kernel's positive answer to KVM_CHECK_EXTENSION means.

Not here: other architectures, memory encryption, and capabilities of things that kernels no longer have.
Source: Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

from ._kvm import lib


class Cap:
    """One capability."""

    __slots__ = ("meaning", "name", "number")

    def __init__(self, name: str, meaning: str) -> None:
        self.name = "KVM_CAP_" + name
        self.number: int = getattr(lib, self.name)
        self.meaning = meaning

    def __repr__(self) -> str:
        return f"<{self.name}: {self.meaning}>"


CAPABILITIES = tuple(
    Cap(*row)
    for row in (
        ("IRQCHIP", "interrupt controllers in the kernel"),
        ("HLT", "a halted guest is known as such"),
        ("USER_MEMORY", "guest memory is the process's own memory"),
        ("SET_TSS_ADDR", "the place of the pages for real mode on Intel can be chosen"),
        ("VAPIC", "virtual APIC page and task priority reporting"),
        ("EXT_CPUID", "CPUID entries with index and flags"),
        ("CLOCKSOURCE", "kvmclock, a paravirtual clock"),
        ("NR_VCPUS", "number of vCPUs recommended at most"),
        ("NR_MEMSLOTS", "number of memory slots"),
        ("PIT", "timer i8254 in the kernel, first interface"),
        ("MP_STATE", "state of a vCPU among several can be read and set"),
        ("COALESCED_MMIO", "writes to MMIO collected in a ring; the answer is the ring's page in the vCPU's mapping"),
        ("SYNC_MMU", "changes of the process's memory map reach the guest"),
        ("DESTROY_MEMORY_REGION_WORKS", "memory slots can be deleted"),
        ("USER_NMI", "non-maskable interrupts can be injected"),
        ("SET_GUEST_DEBUG", "single step and breakpoints for the host"),
        ("REINJECT_CONTROL", "what becomes of missed timer ticks can be chosen"),
        ("IRQ_ROUTING", "routes from GSIs to pins and messages; the answer is their greatest number"),
        ("IRQ_INJECT_STATUS", "raising a line tells whether it got through"),
        ("JOIN_MEMORY_REGIONS_WORKS", "neighbouring slots can be joined"),
        ("MCE", "machine checks; the answer is the number of banks"),
        ("IRQFD", "an eventfd raises an interrupt"),
        ("PIT2", "timer i8254 in the kernel"),
        ("SET_BOOT_CPU_ID", "the vCPU that starts running can be chosen"),
        ("PIT_STATE2", "state of the kernel's timer can be read and set"),
        ("IOEVENTFD", "a guest's write signals an eventfd"),
        ("SET_IDENTITY_MAP_ADDR", "the place of the identity map page can be chosen"),
        ("XEN_HVM", "Xen's interface to guests; the answer is a set of KVM_XEN_HVM_CONFIG_*"),
        ("ADJUST_CLOCK", "kvmclock can be read and set; the answer is a set of KVM_CLOCK_*"),
        ("INTERNAL_ERROR_DATA", "an internal error comes with data"),
        ("VCPU_EVENTS", "exceptions and interrupts under way can be read and set"),
        ("HYPERV", "Hyper-V's interface to guests"),
        ("HYPERV_VAPIC", "Hyper-V's APIC registers"),
        ("HYPERV_SPIN", "Hyper-V's notice of long spins"),
        ("INTR_SHADOW", "the interrupt shadow is part of the vCPU's events"),
        ("DEBUGREGS", "debug registers can be read and set"),
        ("X86_ROBUST_SINGLESTEP", "a single step does not disturb the guest's own flags"),
        ("ENABLE_CAP", "capabilities can be switched on for a vCPU"),
        ("XSAVE", "extended state of 4096 bytes can be read and set"),
        ("XCRS", "XCR0 can be read and set"),
        ("ASYNC_PF", "the guest may do something else while the host fetches a page"),
        ("TSC_CONTROL", "the CPU scales the TSC to any frequency"),
        ("GET_TSC_KHZ", "frequency of the TSC can be read"),
        ("MAX_VCPUS", "number of vCPUs at most"),
        ("TSC_DEADLINE_TIMER", "the local APIC's timer has the TSC deadline mode"),
        ("SYNC_REGS", "registers travel in kvm_run; the answer is a set of KVM_SYNC_X86_*"),
        ("KVMCLOCK_CTRL", "a guest can be told that it was paused"),
        ("SIGNAL_MSI", "messages can be delivered without a route"),
        ("READONLY_MEM", "read-only memory slots: a write is an MMIO exit"),
        ("IRQFD_RESAMPLE", "an eventfd for level interrupts, with notice of their end"),
        ("DEVICE_CTRL", "devices in the kernel with attributes"),
        ("EXT_EMUL_CPUID", "the kernel tells which CPUID features it emulates"),
        ("HYPERV_TIME", "Hyper-V's reference clock"),
        ("IOAPIC_POLARITY_IGNORED", "the I/O APIC in the kernel takes no notice of polarity"),
        ("ENABLE_CAP_VM", "capabilities can be switched on for a VM"),
        ("IOEVENTFD_NO_LENGTH", "an ioeventfd can wait for a write of any size"),
        ("VM_ATTRIBUTES", "a VM has attributes"),
        ("CHECK_EXTENSION_VM", "a VM can be asked for its own capabilities"),
        ("DISABLE_QUIRKS", "old oddities can be switched off"),
        ("X86_SMM", "system management mode"),
        ("MULTI_ADDRESS_SPACE", "number of address spaces; the second is for system management mode"),
        ("GUEST_DEBUG_HW_BPS", "number of hardware breakpoints for the host"),
        ("GUEST_DEBUG_HW_WPS", "number of hardware watchpoints for the host"),
        ("SPLIT_IRQCHIP", "local APICs in the kernel, the rest outside"),
        ("IOEVENTFD_ANY_LENGTH", "an ioeventfd for a write of any size is fast"),
        ("HYPERV_SYNIC", "Hyper-V's interrupt controller"),
        ("VCPU_ATTRIBUTES", "a vCPU has attributes"),
        ("MAX_VCPU_ID", "vCPU numbers end below this"),
        ("X2APIC_API", "32-bit APIC ids in the interface; the answer is a set of KVM_X2APIC_API_*"),
        ("IMMEDIATE_EXIT", "kvm_run.immediate_exit ends KVM_RUN before it enters the guest"),
        ("X86_DISABLE_EXITS", "the guest may halt or pause without an exit; a set of KVM_X86_DISABLE_EXITS_*"),
        ("HYPERV_SYNIC2", "Hyper-V's interrupt controller, second interface"),
        ("HYPERV_VP_INDEX", "Hyper-V's vCPU numbers"),
        ("GET_MSR_FEATURES", "MSRs that tell features can be read from the system fd"),
        ("HYPERV_EVENTFD", "an eventfd for Hyper-V's messages"),
        ("HYPERV_TLBFLUSH", "Hyper-V's TLB flush"),
        ("NESTED_STATE", "state of nested virtualisation; the answer is its greatest size"),
        ("MSR_PLATFORM_INFO", "reads of the platform info MSR can be allowed or forbidden"),
        ("HYPERV_SEND_IPI", "Hyper-V's inter-processor interrupts"),
        ("COALESCED_PIO", "writes to ports collected in the ring of coalesced MMIO"),
        ("HYPERV_ENLIGHTENED_VMCS", "Hyper-V's nested virtualisation"),
        ("EXCEPTION_PAYLOAD", "an exception's CR2 or DR6 is part of the vCPU's events"),
        ("HYPERV_CPUID", "Hyper-V's CPUID leaves can be asked for"),
        ("MANUAL_DIRTY_LOG_PROTECT2", "reading the dirty log does not clear it; a set of KVM_DIRTY_LOG_*"),
        ("PMU_EVENT_FILTER", "events that a guest may count can be limited"),
        ("HYPERV_DIRECT_TLBFLUSH", "Hyper-V's TLB flush for nested guests"),
        ("HALT_POLL", "how long the host waits actively for a halted guest can be set"),
        ("ASYNC_PF_INT", "asynchronous page faults end by an interrupt"),
        ("SMALLER_MAXPHYADDR", "a guest may have narrower physical addresses than its host"),
        ("X86_USER_SPACE_MSR", "MSR accesses can be handed out; a set of KVM_MSR_EXIT_REASON_*"),
        ("X86_MSR_FILTER", "MSRs that the kernel answers by itself can be limited"),
        ("ENFORCE_PV_FEATURE_CPUID", "paravirtual features that CPUID hides are refused"),
        ("SYS_HYPERV_CPUID", "Hyper-V's CPUID leaves can be asked of the system fd"),
        ("DIRTY_LOG_RING", "dirty pages in a ring for each vCPU; the answer is its greatest size in bytes"),
        ("X86_BUS_LOCK_EXIT", "bus locks can be made exits; a set of KVM_BUS_LOCK_DETECTION_*"),
        ("SET_GUEST_DEBUG2", "the KVM_GUESTDBG_* flags that are known"),
        ("HYPERV_ENFORCE_CPUID", "Hyper-V features that CPUID hides are refused"),
        ("SREGS2", "special registers with the PDPTEs"),
        ("EXIT_HYPERCALL", "hypercalls that can be handed out, as a set of 1 << number"),
        ("BINARY_STATS_FD", "the kernel's counters through an fd"),
        ("EXIT_ON_EMULATION_FAILURE", "an instruction that cannot be emulated is always an exit"),
        ("VM_GPA_BITS", "width of guest physical addresses"),
        ("XSAVE2", "extended state of any size; a VM's answer is the size in bytes"),
        ("SYS_ATTRIBUTES", "the system fd has attributes"),
        ("PMU_CAPABILITY", "the guest's performance counters can be switched off"),
        ("DISABLE_QUIRKS2", "old oddities that can be switched off, as a set of KVM_X86_QUIRK_*"),
        ("VM_TSC_CONTROL", "a VM's TSC frequency can be set before its vCPUs"),
        ("SYSTEM_EVENT_DATA", "system events come with data"),
        ("X86_TRIPLE_FAULT_EVENT", "a pending triple fault is part of the vCPU's events"),
        ("X86_NOTIFY_VMEXIT", "a guest that takes no event for long can be made to exit"),
        ("VM_DISABLE_NX_HUGE_PAGES", "the remedy for one CPU bug can be switched off for a VM"),
        ("DIRTY_LOG_RING_ACQ_REL", "dirty rings on hosts with weak memory order; the greatest size in bytes"),
        ("DIRTY_LOG_RING_WITH_BITMAP", "dirty rings with a bitmap for what no vCPU wrote"),
        ("PMU_EVENT_MASKED_EVENTS", "limits on counted events may use masks"),
        ("USER_MEMORY2", "memory slots with a guest_memfd"),
        ("MEMORY_FAULT_INFO", "a memory fault tells address and kind"),
        ("MEMORY_ATTRIBUTES", "pages can be private or shared; the attributes that are known"),
        ("GUEST_MEMFD", "memory that belongs to a VM"),
        ("VM_TYPES", "types of VM, as a set of 1 << type"),
        ("PRE_FAULT_MEMORY", "guest memory can be mapped before its use"),
        ("X86_APIC_BUS_CYCLES_NS", "nanoseconds of a cycle of the local APIC's timer; can be set"),
        ("X86_GUEST_MODE", "kvm_run.flags tells whether a nested guest was running"),
        ("GUEST_MEMFD_FLAGS", "flags of guest_memfd that are known"),
    )
)
