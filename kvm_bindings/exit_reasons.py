"""Every reason for which KVM_RUN comes back, by number: a short name and a sentence; and the finer reasons inside two.

Reasons of other architectures are named too, so that whatever a kernel says can be shown.
Source: Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

from ._kvm import lib

_SENTENCES = {
    "UNKNOWN": "the CPU left the guest for a reason that KVM does not know",
    "EXCEPTION": "the guest raised an exception that KVM hands out (not on x86)",
    "IO": "the guest accessed an I/O port",
    "HYPERCALL": "the guest made a hypercall that it was agreed to hand out",
    "DEBUG": "a breakpoint or single step of the host's debugger",
    "HLT": "the guest halted and no irqchip in the kernel waits for its next interrupt",
    "MMIO": "the guest accessed an address where there is no memory",
    "IRQ_WINDOW_OPEN": "the guest can take an interrupt now, as was asked for",
    "SHUTDOWN": "the guest shut down: a triple fault",
    "FAIL_ENTRY": "the CPU refused to enter the guest",
    "INTR": "a signal of the host interrupted the guest",
    "SET_TPR": "the guest lowered its task priority register",
    "TPR_ACCESS": "the guest accessed its task priority register",
    "S390_SIEIC": "an intercept (s390)",
    "S390_RESET": "the guest asked for a reset (s390)",
    "DCR": "an access to a device control register (PowerPC)",
    "NMI": "a non-maskable interrupt of the host",
    "INTERNAL_ERROR": "KVM could not go on with the guest",
    "OSI": "a hypercall of a paravirtual Mac OS (PowerPC)",
    "PAPR_HCALL": "a hypercall of the pSeries kind (PowerPC)",
    "S390_UCONTROL": "a page fault of a user-controlled VM (s390)",
    "WATCHDOG": "the guest's watchdog ran out (PowerPC)",
    "S390_TSCH": "the guest tested a subchannel (s390)",
    "EPR": "the guest acknowledged an interrupt at an outside controller (PowerPC)",
    "SYSTEM_EVENT": "the guest asked for something of the whole machine, such as a reset",
    "S390_STSI": "the guest asked for system information (s390)",
    "IOAPIC_EOI": "the guest ended a level interrupt that an I/O APIC outside the kernel must hear of",
    "HYPERV": "the guest used a Hyper-V facility that was agreed to be handed out",
    "ARM_NISV": "an access that KVM could not decode (Arm)",
    "X86_RDMSR": "the guest read a model-specific register that was agreed to be handed out",
    "X86_WRMSR": "the guest wrote a model-specific register that was agreed to be handed out",
    "DIRTY_RING_FULL": "the ring of dirty pages is full and wants to be harvested",
    "AP_RESET_HOLD": "an encrypted guest's processor waits to be started",
    "X86_BUS_LOCK": "the guest locked the bus with a split or uncached atomic access",
    "XEN": "the guest used a Xen facility that was agreed to be handed out",
    "RISCV_SBI": "a call of the supervisor binary interface (RISC-V)",
    "RISCV_CSR": "an access to a control register (RISC-V)",
    "NOTIFY": "the guest took no event for too long",
    "LOONGARCH_IOCSR": "an access to a control register (LoongArch)",
    "MEMORY_FAULT": "the guest touched memory that the host could not give, or that is private where shared was meant",
    "TDX": "a protected guest asked its host for a service",
    "ARM_SEA": "the guest met a hardware memory error (Arm)",
}
_ALL: dict[int, tuple[str, str]] = {
    getattr(lib, "KVM_EXIT_" + name): (name.lower().removeprefix("x86_"), text) for name, text in _SENTENCES.items()
}

INTERNAL_ERRORS = {
    lib.KVM_INTERNAL_ERROR_EMULATION: "KVM had to emulate an instruction and does not know how",
    lib.KVM_INTERNAL_ERROR_SIMUL_EX: "two exceptions came together in a way that KVM does not expect",
    lib.KVM_INTERNAL_ERROR_DELIVERY_EV: "the CPU left the guest in the middle of an event, as KVM does not expect",
    lib.KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: "the CPU left the guest for a reason that KVM does not expect",
}
"""Words for kvm_run.internal.suberror after KVM_EXIT_INTERNAL_ERROR."""

SYSTEM_EVENTS = {
    lib.KVM_SYSTEM_EVENT_SHUTDOWN: "the guest asked to be switched off",
    lib.KVM_SYSTEM_EVENT_RESET: "the guest asked for a reset",
    lib.KVM_SYSTEM_EVENT_CRASH: "the guest says that it has crashed",
    lib.KVM_SYSTEM_EVENT_WAKEUP: "a suspended guest has a reason to wake up",
    lib.KVM_SYSTEM_EVENT_SUSPEND: "the guest asked to be suspended",
    lib.KVM_SYSTEM_EVENT_SEV_TERM: "an encrypted guest ended itself (SEV)",
    lib.KVM_SYSTEM_EVENT_TDX_FATAL: "a protected guest met a fatal error (TDX)",
}
"""Words for kvm_run.system_event.type after KVM_EXIT_SYSTEM_EVENT."""


def short_name(reason: int) -> str:
    """ "io", "mmio", "hlt", "rdmsr" and the like; "exit_77" for a reason newer than this table."""
    known = _ALL.get(reason)
    return known[0] if known else f"exit_{reason}"


def sentence(reason: int) -> str:
    """The reason in words."""
    known = _ALL.get(reason)
    return known[1] if known else f"a reason newer than this program: {reason}"


def reasons() -> dict[int, str]:
    """All known reasons: {number: short name}."""
    return {number: name for number, (name, _) in _ALL.items()}
