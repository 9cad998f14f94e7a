"""A KVM vCPU's registers as plain names and numbers."""

from __future__ import annotations

from _operator import attrgetter  # not `operator`, which is a file of its own

from kvm_bindings import ffi, lib

from ..cpu.register_names import FILE64 as GENERAL
from ..cpu.segments import FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kvm_bindings._kvm import CData
    from kvm_bindings.vcpu import Vcpu as BoundVcpu

    from ..cpu.modes import InitialState

SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")
CONTROL = ("cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base")
APIC_BASE = 0xFEE0_0000
APIC_ENABLED = 1 << 11
APIC_BOOTSTRAP = 1 << 8

_GENERAL = attrgetter(
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "rflags",
)  # fmt: skip
"""struct kvm_regs, in its own order."""
_SEGMENTS = attrgetter(*SEGMENTS)
_SEGMENT = attrgetter("base", "limit", "selector", "type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable")
"""struct kvm_segment, in its own order."""


def general(vcpu: BoundVcpu) -> dict[str, int]:
    """rax ... r15, rip, rflags."""
    regs = vcpu.get_regs()
    return {name: int(getattr(regs, name)) for name in GENERAL}


def set_general(vcpu: BoundVcpu, values: dict[str, int]) -> None:
    """Changes some of them; KeyError for a name that is none."""
    regs = vcpu.get_regs()
    for name, value in values.items():
        if name not in GENERAL:
            raise KeyError(name)
        setattr(regs, name, value)
    vcpu.set_regs(regs)


def special(vcpu: BoundVcpu) -> dict[str, Any]:
    """Control registers, descriptor tables as (base, limit), segments as dicts of FIELDS."""
    sregs = vcpu.get_sregs()
    values: dict[str, Any] = {name: int(getattr(sregs, name)) for name in CONTROL}
    values["gdt"] = (int(sregs.gdt.base), int(sregs.gdt.limit))
    values["idt"] = (int(sregs.idt.base), int(sregs.idt.limit))
    for name in SEGMENTS:
        segment = getattr(sregs, name)
        values[name] = {field: int(getattr(segment, field)) for field in FIELDS}
    return values


def start_at(run: CData, state: InitialState, is_bootstrap: bool) -> None:
    """All registers from `state`, to be taken over by the next KVM_RUN (KVM_CAP_SYNC_REGS: no ioctl, 14 us saved).

    Structs are filled from tuples in the order of their fields, which costs half of what names do; what was made of a
    shared state is kept, and copied the next time.
    """
    filled = _FILLED.get(state) if state.is_shared and is_bootstrap else None
    if filled is None:
        filled = ffi.new("struct kvm_sync_regs *")
        _fill(filled, state, is_bootstrap)
        if state.is_shared and is_bootstrap:
            _FILLED[state] = filled
    lib.kvm_put_at_entry(run, filled, _STARTING)


_STARTING = lib.KVM_SYNC_X86_REGS | lib.KVM_SYNC_X86_SREGS
_FILLED: dict[InitialState, CData] = {}
"""struct kvm_sync_regs of each shared state; there are few."""


def _fill(into: CData, state: InitialState, is_bootstrap: bool) -> None:
    sregs = into.sregs
    into.regs = _GENERAL(state)
    segments = _SEGMENTS(state)
    known = {id(segment): _SEGMENT(segment) for segment in segments}  # most modes use two in eight registers
    (
        sregs.cs, sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss, sregs.tr, sregs.ldt,
    ) = [known[id(segment)] for segment in segments]  # fmt: skip
    sregs.gdt, sregs.idt = state.gdt, state.idt
    sregs.cr0, sregs.cr2, sregs.cr3, sregs.cr4, sregs.cr8 = state.cr0, state.cr2, state.cr3, state.cr4, 0
    sregs.efer = state.efer
    sregs.apic_base = APIC_BASE | APIC_ENABLED | (APIC_BOOTSTRAP if is_bootstrap else 0)
