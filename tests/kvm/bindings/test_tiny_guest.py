"""A guest of a few bytes under the bare bindings: ports, MMIO, interrupts, hlt."""

from __future__ import annotations

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]


def test_a_guest_writes_a_port_reads_a_port_and_halts(guest):
    vcpu = guest.enter("b041 e610 e420 e630 f4")  # mov al,'A'; out 0x10,al; in al,0x20; out 0x30,al; hlt
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert (vcpu.run.io.port, vcpu.run.io.direction, vcpu.run.io.size) == (0x10, lib.KVM_EXIT_IO_OUT, 1)
    assert bytes(vcpu.pio_data()) == b"A"
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert (vcpu.run.io.port, vcpu.run.io.direction) == (0x20, lib.KVM_EXIT_IO_IN)
    vcpu.pio_data()[:] = b"Z"
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert (vcpu.run.io.port, bytes(vcpu.pio_data())) == (0x30, b"Z")
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_an_access_beyond_memory_is_mmio(guest):
    vcpu = guest.enter("b80020 8ed8 c60634127e f4")  # mov ax,0x2000; mov ds,ax; mov byte [0x1234],0x7e; hlt
    assert vcpu.run_once() == lib.KVM_EXIT_MMIO
    mmio = vcpu.run.mmio
    assert (mmio.phys_addr, mmio.len, mmio.is_write, mmio.data[0]) == (0x21234, 1, 1, 0x7E)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_a_read_only_slot_turns_writes_into_mmio(bare, need):
    need("KVM_CAP_READONLY_MEM")
    bare.map_memory(lib.KVM_MEM_READONLY)
    vcpu = bare.enter("c6060050aa f4")  # mov byte [0x5000],0xaa; hlt
    assert vcpu.run_once() == lib.KVM_EXIT_MMIO
    assert vcpu.run.mmio.phys_addr == 0x5000
    assert bare.memory[0x5000] == 0


def test_an_injected_interrupt_reaches_its_handler(guest):
    guest.set_vector(0x20, "e699 cf")  # out 0x99,al; iret
    vcpu = guest.enter("fb f4 f4")  # sti; hlt; hlt
    assert vcpu.run_once() == lib.KVM_EXIT_HLT
    assert vcpu.run.ready_for_interrupt_injection
    vcpu.interrupt(0x20)
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert vcpu.run.io.port == 0x99
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_an_nmi_reaches_its_handler(guest, need):
    need("KVM_CAP_USER_NMI")
    guest.set_vector(2, "e699 f4")
    vcpu = guest.enter("f4 f4")
    assert vcpu.run_once() == lib.KVM_EXIT_HLT
    vcpu.nmi()
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert vcpu.run.io.port == 0x99


def test_immediate_exit_gives_eintr_before_the_guest_moves(guest, need):
    need("KVM_CAP_IMMEDIATE_EXIT")
    vcpu = guest.enter("f4")
    vcpu.run.immediate_exit = 1
    with pytest.raises(KvmError, match=r"KVM_RUN on a vcpu fd: EINTR") as caught:
        vcpu.run_once()
    assert "run again" in caught.value.hint
    vcpu.run.immediate_exit = 0
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_registers_travel_in_kvm_run(guest, need):
    need("KVM_CAP_SYNC_REGS")
    vcpu = guest.enter("40 e610 f4")  # inc ax; out 0x10,al; hlt
    vcpu.run.kvm_valid_regs = lib.KVM_SYNC_X86_REGS
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert vcpu.run.s.regs.regs.rax & 0xFFFF == 1
    assert vcpu.run.s.regs.regs.rip in (0x1001, 0x1003)  # on the access or after it, as the host likes


def test_a_single_step_exits_to_the_debugger(guest, need):
    need("KVM_CAP_SET_GUEST_DEBUG")
    vcpu = guest.enter("90 90 f4")
    vcpu.set_guest_debug(lib.KVM_GUESTDBG_ENABLE | lib.KVM_GUESTDBG_SINGLESTEP)
    assert vcpu.run_once() == lib.KVM_EXIT_DEBUG
    assert vcpu.run.debug.arch.pc == 0x1001
    vcpu.set_guest_debug(0)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_translation_in_real_mode_is_the_address_itself(guest):
    translation = guest.enter("f4").translate(0x1234)
    assert translation.valid
    assert translation.physical_address == 0x1234


def test_the_cpuid_set_is_the_cpuid_read(guest, system):
    vcpu = guest.enter("f4")
    assert {entry[0] for entry in vcpu.get_cpuid2()} == {entry[0] for entry in system.get_supported_cpuid()}
    with pytest.raises(KvmError, match=r"KVM_GET_CPUID2 on a vcpu fd: E2BIG"):
        vcpu.get_cpuid2(room=1)


def test_a_cpuid_struct_may_be_made_once_for_many(guest):
    from kvm_bindings import arrays

    vcpu = guest.enter("f4")
    vcpu.set_cpuid2(arrays.new_cpuid2([(0, 0, 0, 1, 0x6D6D7676, 0, 0), (1, 0, 0, 0, 0, 0, 0)]))
    assert vcpu.get_cpuid2()[0][:5] == (0, 0, 0, 1, 0x6D6D7676)


def test_run_is_null_once_the_vcpu_is_closed(guest):
    vcpu = guest.enter("f4")
    vcpu.close()
    vcpu.close()
    assert vcpu.run == ffi.NULL
    with pytest.raises(AttributeError):
        _ = vcpu.run.exit_reason
    with pytest.raises(KvmError, match="EBADF"):
        vcpu.get_regs()
