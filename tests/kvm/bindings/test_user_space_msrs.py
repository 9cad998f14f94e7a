"""MSR accesses handed out to the process by filter."""

from __future__ import annotations

import pytest

from kvm_bindings import lib

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]
MSR = 0x150


@pytest.fixture
def filtered(guest, need):
    need("KVM_CAP_X86_USER_SPACE_MSR", "KVM_CAP_X86_MSR_FILTER")
    guest.vm.enable_cap(lib.KVM_CAP_X86_USER_SPACE_MSR, args=(lib.KVM_MSR_EXIT_REASON_FILTER,))
    guest.vm.set_msr_filter([(lib.KVM_MSR_FILTER_READ | lib.KVM_MSR_FILTER_WRITE, MSR, b"\0")])
    return guest


def test_a_filtered_read_is_answered_by_the_process(filtered):
    vcpu = filtered.enter("66b950010000 0f32 e610 f4")  # mov ecx,0x150; rdmsr; out 0x10,al; hlt
    assert vcpu.run_once() == lib.KVM_EXIT_X86_RDMSR
    assert (vcpu.run.msr.index, vcpu.run.msr.reason) == (MSR, lib.KVM_MSR_EXIT_REASON_FILTER)
    vcpu.run.msr.data, vcpu.run.msr.error = 0x5A, 0
    assert vcpu.run_once() == lib.KVM_EXIT_IO
    assert bytes(vcpu.pio_data()) == b"\x5a"


def test_a_filtered_write_tells_its_value(filtered):
    vcpu = filtered.enter("66b950010000 66b878563412 66ba01000000 0f30 f4")  # ecx=0x150 eax=0x12345678 edx=1; wrmsr
    assert vcpu.run_once() == lib.KVM_EXIT_X86_WRMSR
    assert (vcpu.run.msr.index, vcpu.run.msr.data) == (MSR, 0x112345678)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_the_filter_can_be_taken_away(filtered):
    filtered.vm.set_msr_filter([])
    vcpu = filtered.enter("66b974010000 0f32 e610 f4")  # SYSENTER_CS, which the kernel knows
    assert vcpu.run_once() == lib.KVM_EXIT_IO
