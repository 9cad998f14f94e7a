"""The tuples that fill the kernel's structs must be in the kernel's order."""

from __future__ import annotations

from kvm_bindings import ffi, lib
from vmm.cpu import modes
from vmm.cpu.register_names import FILE64, SEGMENTS
from vmm.cpu.segments import FIELDS, Segment
from vmm.engine import kvm_registers


def test_every_register_of_a_state_reaches_its_own_field():
    state = modes.real(0x1234, 0x5678)
    for number, name in enumerate(FILE64, 0x100):
        setattr(state, name, number)
    for number, name in enumerate(SEGMENTS, 1):
        values = {field: at + number for at, field in enumerate(FIELDS)}
        setattr(state, name, Segment(**values))
    state.gdt, state.idt = (0x1000, 0x27), (0x2000, 0xFFF)
    state.cr0, state.cr2, state.cr3, state.cr4, state.efer = 1, 2, 3, 4, 5
    run = ffi.new("struct kvm_run *")
    kvm_registers.start_at(run, state, is_bootstrap=True)
    regs, sregs = run.s.regs.regs, run.s.regs.sregs
    assert {name: getattr(regs, name) for name in FILE64} == state.general()
    for name in SEGMENTS:
        segment = getattr(sregs, name)
        assert {field: getattr(segment, field) for field in FIELDS} == getattr(state, name).as_dict(), name
    assert [(table.base, table.limit) for table in (sregs.gdt, sregs.idt)] == [(0x1000, 0x27), (0x2000, 0xFFF)]
    assert (sregs.cr0, sregs.cr2, sregs.cr3, sregs.cr4, sregs.cr8, sregs.efer) == (1, 2, 3, 4, 0, 5)
    assert sregs.apic_base == 0xFEE0_0900
    assert run.kvm_dirty_regs == lib.KVM_SYNC_X86_REGS | lib.KVM_SYNC_X86_SREGS
