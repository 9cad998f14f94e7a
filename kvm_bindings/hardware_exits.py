"""Why a processor left its guest, in its vendor's words: the codes of VMX and SVM, a sentence for the usual ones.

Source: Intel SDM volume 3D appendix C; AMD APM volume 2 appendix C; numbers from <asm/vmx.h> and <asm/svm.h>.
"""

from __future__ import annotations

from ._kvm import lib

VMX, SVM = 1, 2
"""The field `isa` of the tracepoint kvm_exit."""
EXCEPTIONS = (
    "de", "db", "nmi", "bp", "of", "br", "ud", "nm", "df", "cso", "ts", "np", "ss", "gp", "pf", "15", "mf", "ac", "mc",
    "xf", "ve", "cp", "22", "23", "24", "25", "26", "27", "hv", "vc", "sx", "31",
)  # fmt: skip
"""The vectors of the 32 exceptions, by their mnemonics."""

_SENTENCES = {
    "cpuid": "the guest asked for CPUID",
    "hlt": "the guest halted",
    "msr": "the guest read or wrote a model-specific register",
    "msr_read": "the guest read a model-specific register",
    "msr_write": "the guest wrote a model-specific register",
    "ioio": "the guest accessed an I/O port",
    "io_instruction": "the guest accessed an I/O port",
    "npf": "a guest address that the host has not mapped: memory touched first, or a device",
    "ept_violation": "a guest address that the host has not mapped: memory touched first",
    "ept_misconfig": "a guest address that the host keeps for a device",
    "intr": "an interrupt of the host",
    "external_interrupt": "an interrupt of the host",
    "vintr": "the guest can take an interrupt now",
    "interrupt_window": "the guest can take an interrupt now",
    "preemption_timer": "the guest's timer is due",
    "vmmcall": "a hypercall",
    "vmcall": "a hypercall",
    "pause": "the guest spins in PAUSE",
    "pause_instruction": "the guest spins in PAUSE",
    "apic_access": "the guest accessed its local APIC",
    "apic_write": "the guest wrote its local APIC",
    "eoi_induced": "the guest ended an interrupt",
    "avic_incomplete_ipi": "an interrupt to another vCPU that the processor could not deliver",
    "avic_unaccelerated_access": "an access to the local APIC that the processor leaves to KVM",
    "cr_access": "the guest accessed a control register",
    "write_cr0": "the guest wrote CR0",
    "cr0_sel_write": "the guest wrote CR0",
    "write_cr4": "the guest wrote CR4",
    "xsetbv": "the guest chose its extended states",
    "invlpg": "the guest flushed a page's translation",
    "wbinvd": "the guest flushed its caches",
    "exception_nmi": "an exception that KVM wants to see, or an NMI of the host",
    "nmi": "an NMI of the host",
    "shutdown": "a triple fault",
    "triple_fault": "a triple fault",
}


def _named(prefix: str) -> dict[int, str]:
    return {
        getattr(lib, name): name.removeprefix(prefix).lower() for name in sorted(dir(lib)) if name.startswith(prefix)
    }


_VMX = _named("EXIT_REASON_")
_SVM = {
    **{lib.SVM_EXIT_EXCP_BASE + vector: f"excp_{name}" for vector, name in enumerate(EXCEPTIONS)},
    **{number: name for number, name in _named("SVM_EXIT_").items() if name != "excp_base"},
}


def exit_name(isa: int, reason: int) -> str:
    """ "cpuid", "npf", "ept_violation" and the like; "vmx_77" or "svm_0x77" for what is newer than the table."""
    if isa == VMX:  # bit 31 says that the entry failed, others come from enclaves and the bus
        return _VMX.get(reason & 0xFFFF, f"vmx_{reason & 0xFFFF}") + ("_at_entry" if reason >> 31 else "")
    if isa == SVM:
        return _SVM.get(reason, f"svm_{reason:#x}")
    return f"exit_{reason:#x}"


def sentence(name: str) -> str:
    """What a name of exit_name() means, or ""."""
    return _SENTENCES.get(name, "an exception that KVM wants to see" if name.startswith("excp_") else "")
