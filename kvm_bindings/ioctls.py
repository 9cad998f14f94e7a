"""The table of every KVM ioctl bound here: on which fds, with what argument, by which capability, to what end.

Requests come from the compiler; directions from the kernel's documentation (Documentation/virt/kvm/api.rst), because
the bits in some request numbers are historically wrong. Read by reports and tests; calling needs none of it.
Not bound: other architectures, Xen, Hyper-V, memory encryption, and what newer ioctls replace (KVM_SET_CPUID,
KVM_CREATE_PIT, KVM_SET_MEMORY_REGION).
"""

from __future__ import annotations

from ._kvm import lib

ANY = "system vm vcpu device"


class Ioctl:
    """One ioctl. `number` is its request."""

    __slots__ = ("argument", "capability", "direction", "kinds", "meaning", "name", "number")

    def __init__(self, name: str, kinds: str, argument: str, direction: str, capability: str, meaning: str) -> None:
        self.name = "KVM_" + name
        self.kinds = tuple(kinds.split())
        """Which of "system", "vm", "vcpu", "device" take it."""
        self.argument = "struct kvm_" + argument[1:] if argument[:1] == "*" else argument
        """The struct or type that the argument points to, "int" for a plain number, "" for none."""
        self.direction = direction
        """"in" to the kernel, "out" of it, "in out", or "" without an argument."""
        self.capability = capability and "KVM_CAP_" + capability
        """The capability that announces it; "" where every kernel has it."""
        self.meaning = meaning
        self.number: int = getattr(lib, self.name)

    @property
    def method(self) -> str:
        """The method of System, Vm, Vcpu or Device that calls it."""
        return "run_once" if self.name == "KVM_RUN" else self.name.removeprefix("KVM_").removeprefix("X86_").lower()

    def __repr__(self) -> str:
        return f"<{self.name} on {', '.join(self.kinds)}>"


# In argument, "*x" stands for struct kvm_x. The order is the kernel's hierarchy: system, VM, vCPU, devices.
IOCTLS = tuple(
    Ioctl(*row)
    for row in (
        ("GET_API_VERSION", "system", "", "", "", "version of the interface, 12"),
        ("CREATE_VM", "system", "int", "in", "", "makes a VM and gives its fd"),
        ("CHECK_EXTENSION", "system vm", "int", "in", "", "asks for a capability"),
        ("GET_VCPU_MMAP_SIZE", "system", "", "", "", "bytes to map of a vCPU fd"),
        ("GET_SUPPORTED_CPUID", "system", "*cpuid2", "in out", "EXT_CPUID", "CPUID leaves that a guest may be shown"),
        ("GET_EMULATED_CPUID", "system", "*cpuid2", "in out", "EXT_EMUL_CPUID", "CPUID features that KVM emulates"),
        ("GET_MSR_INDEX_LIST", "system", "*msr_list", "in out", "", "MSRs that make up a vCPU's state"),
        ("GET_MSR_FEATURE_INDEX_LIST", "system", "*msr_list", "in out", "GET_MSR_FEATURES", "MSRs that tell features"),
        ("X86_GET_MCE_CAP_SUPPORTED", "system", "__u64", "out", "MCE", "machine check features a guest may have"),
        # VM: memory
        ("SET_USER_MEMORY_REGION", "vm", "*userspace_memory_region", "in", "USER_MEMORY", "sets a memory slot"),
        ("SET_USER_MEMORY_REGION2", "vm", "*userspace_memory_region2", "in", "USER_MEMORY2", "a slot with guest_memfd"),
        ("CREATE_GUEST_MEMFD", "vm", "*create_guest_memfd", "in", "GUEST_MEMFD", "makes memory of the VM's own"),
        ("SET_MEMORY_ATTRIBUTES", "vm", "*memory_attributes", "in", "MEMORY_ATTRIBUTES", "private or shared pages"),
        ("SET_TSS_ADDR", "vm", "int", "in", "SET_TSS_ADDR", "places three pages that Intel hosts need for real mode"),
        ("SET_IDENTITY_MAP_ADDR", "vm", "__u64", "in", "SET_IDENTITY_MAP_ADDR", "places one such page more"),
        ("GET_DIRTY_LOG", "vm", "*dirty_log", "in out", "", "pages of a slot written since the last call"),
        ("CLEAR_DIRTY_LOG", "vm", "*clear_dirty_log", "in", "MANUAL_DIRTY_LOG_PROTECT2", "forgets chosen dirty pages"),
        ("RESET_DIRTY_RINGS", "vm", "", "", "DIRTY_LOG_RING", "takes harvested entries of the dirty rings back"),
        ("REGISTER_COALESCED_MMIO", "vm", "*coalesced_mmio_zone", "in", "COALESCED_MMIO", "collects writes in a ring"),
        ("UNREGISTER_COALESCED_MMIO", "vm", "*coalesced_mmio_zone", "in", "COALESCED_MMIO", "collects them no more"),
        # VM: vCPUs, interrupts, events
        ("CREATE_VCPU", "vm", "int", "in", "", "makes a vCPU and gives its fd"),
        ("SET_BOOT_CPU_ID", "vm", "int", "in", "SET_BOOT_CPU_ID", "chooses the vCPU that starts running"),
        ("CREATE_IRQCHIP", "vm", "", "", "IRQCHIP", "puts two PICs, an I/O APIC and local APICs into the kernel"),
        ("GET_IRQCHIP", "vm", "*irqchip", "in out", "IRQCHIP", "state of a PIC or the I/O APIC"),
        ("SET_IRQCHIP", "vm", "*irqchip", "in", "IRQCHIP", "sets the state of a PIC or the I/O APIC"),
        ("CREATE_PIT2", "vm", "*pit_config", "in", "PIT2", "puts the timer i8254 into the kernel"),
        ("GET_PIT2", "vm", "*pit_state2", "out", "PIT_STATE2", "state of the timer"),
        ("SET_PIT2", "vm", "*pit_state2", "in", "PIT_STATE2", "sets the state of the timer"),
        ("REINJECT_CONTROL", "vm", "*reinject_control", "in", "REINJECT_CONTROL", "what becomes of missed ticks"),
        ("IRQ_LINE", "vm", "*irq_level", "in", "IRQCHIP", "sets the level of an interrupt input"),
        ("IRQ_LINE_STATUS", "vm", "*irq_level", "in out", "IRQ_INJECT_STATUS", "the same, and whether it got through"),
        ("SET_GSI_ROUTING", "vm", "*irq_routing", "in", "IRQ_ROUTING", "where each GSI leads: a pin or a message"),
        ("SIGNAL_MSI", "vm", "*msi", "in", "SIGNAL_MSI", "delivers a message-signalled interrupt"),
        ("IRQFD", "vm", "*irqfd", "in", "IRQFD", "ties an eventfd to a GSI"),
        ("IOEVENTFD", "vm", "*ioeventfd", "in", "IOEVENTFD", "ties a guest's write to an eventfd"),
        # VM: the rest
        ("GET_CLOCK", "vm", "*clock_data", "out", "ADJUST_CLOCK", "kvmclock in nanoseconds"),
        ("SET_CLOCK", "vm", "*clock_data", "in", "ADJUST_CLOCK", "sets kvmclock"),
        ("GET_TSC_KHZ", "vm vcpu", "", "", "GET_TSC_KHZ", "frequency of the guest's TSC (on a VM: VM_TSC_CONTROL)"),
        ("SET_TSC_KHZ", "vm vcpu", "int", "in", "TSC_CONTROL", "sets that frequency (on a VM: VM_TSC_CONTROL)"),
        ("ENABLE_CAP", "vm vcpu", "*enable_cap", "in", "ENABLE_CAP_VM", "switches a capability on"),
        ("X86_SET_MSR_FILTER", "vm", "*msr_filter", "in", "X86_MSR_FILTER", "MSRs the kernel may answer by itself"),
        ("SET_PMU_EVENT_FILTER", "vm", "*pmu_event_filter", "in", "PMU_EVENT_FILTER", "events a guest may count"),
        ("CREATE_DEVICE", "vm", "*create_device", "in out", "DEVICE_CTRL", "makes a device in the kernel"),
        ("GET_STATS_FD", "vm vcpu", "", "", "BINARY_STATS_FD", "gives an fd with the kernel's own counters"),
        # vCPU: running
        ("RUN", "vcpu", "", "", "", "runs the guest until it needs an answer"),
        ("SET_SIGNAL_MASK", "vcpu", "*signal_mask", "in", "", "signals blocked while the guest runs"),
        ("INTERRUPT", "vcpu", "*interrupt", "in", "", "queues an external interrupt"),
        ("NMI", "vcpu", "", "", "USER_NMI", "queues a non-maskable interrupt"),
        ("SMI", "vcpu", "", "", "X86_SMM", "queues a system management interrupt"),
        ("SET_GUEST_DEBUG", "vcpu", "*guest_debug", "in", "SET_GUEST_DEBUG", "single step and breakpoints"),
        ("TRANSLATE", "vcpu", "*translation", "in out", "", "guest virtual to guest physical address"),
        ("KVMCLOCK_CTRL", "vcpu", "", "", "KVMCLOCK_CTRL", "tells the guest that it was paused"),
        ("TPR_ACCESS_REPORTING", "vcpu", "*tpr_access_ctl", "in out", "VAPIC", "exits on task priority accesses"),
        ("SET_VAPIC_ADDR", "vcpu", "*vapic_addr", "in", "VAPIC", "places the virtual APIC page"),
        ("X86_SETUP_MCE", "vcpu", "__u64", "in", "MCE", "sets up machine check banks"),
        ("X86_SET_MCE", "vcpu", "*x86_mce", "in", "MCE", "injects a machine check"),
        ("PRE_FAULT_MEMORY", "vcpu", "*pre_fault_memory", "in out", "PRE_FAULT_MEMORY", "maps memory before its use"),
        # vCPU: state
        ("GET_REGS", "vcpu", "*regs", "out", "", "general registers, RIP and RFLAGS"),
        ("SET_REGS", "vcpu", "*regs", "in", "", "sets them"),
        ("GET_SREGS", "vcpu", "*sregs", "out", "", "segments, tables and control registers"),
        ("SET_SREGS", "vcpu", "*sregs", "in", "", "sets them"),
        ("GET_SREGS2", "vcpu", "*sregs2", "out", "SREGS2", "the same with the PDPTEs"),
        ("SET_SREGS2", "vcpu", "*sregs2", "in", "SREGS2", "sets them"),
        ("GET_FPU", "vcpu", "*fpu", "out", "", "x87 and SSE registers"),
        ("SET_FPU", "vcpu", "*fpu", "in", "", "sets them"),
        ("GET_XSAVE", "vcpu", "*xsave", "out", "XSAVE", "extended state in 4096 bytes"),
        ("GET_XSAVE2", "vcpu", "*xsave", "out", "XSAVE2", "extended state of any size"),
        ("SET_XSAVE", "vcpu", "*xsave", "in", "XSAVE", "sets it"),
        ("GET_XCRS", "vcpu", "*xcrs", "out", "XCRS", "extended control registers: XCR0"),
        ("SET_XCRS", "vcpu", "*xcrs", "in", "XCRS", "sets them"),
        ("GET_DEBUGREGS", "vcpu", "*debugregs", "out", "DEBUGREGS", "the guest's debug registers"),
        ("SET_DEBUGREGS", "vcpu", "*debugregs", "in", "DEBUGREGS", "sets them"),
        ("GET_MSRS", "system vcpu", "*msrs", "in out", "", "model-specific registers (on the system fd: features)"),
        ("SET_MSRS", "vcpu", "*msrs", "in", "", "sets model-specific registers"),
        ("GET_CPUID2", "vcpu", "*cpuid2", "in out", "EXT_CPUID", "the CPUID that the guest sees"),
        ("SET_CPUID2", "vcpu", "*cpuid2", "in", "EXT_CPUID", "sets the CPUID that the guest sees"),
        ("GET_VCPU_EVENTS", "vcpu", "*vcpu_events", "out", "VCPU_EVENTS", "exceptions and interrupts under way"),
        ("SET_VCPU_EVENTS", "vcpu", "*vcpu_events", "in", "VCPU_EVENTS", "sets them"),
        ("GET_MP_STATE", "vcpu", "*mp_state", "out", "MP_STATE", "running, halted or waiting to be started"),
        ("SET_MP_STATE", "vcpu", "*mp_state", "in", "MP_STATE", "sets it"),
        ("GET_LAPIC", "vcpu", "*lapic_state", "out", "IRQCHIP", "registers of the local APIC"),
        ("SET_LAPIC", "vcpu", "*lapic_state", "in", "IRQCHIP", "sets them"),
        ("GET_NESTED_STATE", "vcpu", "*nested_state", "in out", "NESTED_STATE", "state of a guest's own hypervisor"),
        ("SET_NESTED_STATE", "vcpu", "*nested_state", "in", "NESTED_STATE", "sets it"),
        # Attributes: mostly of devices
        ("HAS_DEVICE_ATTR", ANY, "*device_attr", "in", "DEVICE_CTRL", "whether there is such an attribute"),
        ("GET_DEVICE_ATTR", ANY, "*device_attr", "in out", "DEVICE_CTRL", "the value of an attribute"),
        ("SET_DEVICE_ATTR", ANY, "*device_attr", "in", "DEVICE_CTRL", "sets an attribute"),
    )
)
BY_NAME = {ioctl.name: ioctl for ioctl in IOCTLS}
