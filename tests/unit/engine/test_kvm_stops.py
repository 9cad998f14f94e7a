"""What every exit reason means, read from kvm_run structures that the test fills in."""

from __future__ import annotations

import pytest

from kvm_bindings import ffi, lib
from vmm.engine import protocol
from vmm.engine.kvm_stops import stop_for

GOES_ON = {"INTR", "IRQ_WINDOW_OPEN", "SET_TPR", "TPR_ACCESS", "IOAPIC_EOI", "X86_RDMSR", "X86_WRMSR"}
REASONS = {name.removeprefix("KVM_EXIT_"): getattr(lib, name) for name in dir(lib) if name.startswith("KVM_EXIT_")}
REASONS = {name: number for name, number in REASONS.items() if not name.startswith(("IO_", "HYPERV_", "XEN_"))}


@pytest.fixture
def run():
    return ffi.new("struct kvm_run *")


@pytest.mark.parametrize("name", sorted(REASONS))
def test_every_reason_has_an_answer_in_words(run, name):
    run.exit_reason = REASONS[name]
    stop = stop_for(run, REASONS[name])
    if name in GOES_ON:
        assert stop is None
    else:
        assert len(stop.words) > 10
        assert stop.words[-1] != "."


@pytest.mark.parametrize("number", [999, 4095, 0xFFFF_FFFF])
def test_a_reason_of_a_future_kernel_is_a_failure_with_its_number(run, number):
    stop = stop_for(run, number)
    assert stop.reason == protocol.FAILED
    assert str(number) in stop.words
    assert stop.detail == {"exit_reason": number}


@pytest.mark.parametrize("flag", [0, 1])
def test_a_halt_tells_whether_interrupts_are_on(run, flag):
    run.if_flag = flag
    stop = stop_for(run, lib.KVM_EXIT_HLT)
    assert (stop.reason, stop.detail) == (protocol.HALTED, {"interrupts": bool(flag)})


def test_an_emulation_failure_carries_the_instruction(run):
    run.internal.suberror = lib.KVM_INTERNAL_ERROR_EMULATION
    failure = run.emulation_failure
    failure.ndata = 3
    failure.flags = lib.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES
    failure.insn_size = 4
    failure.insn_bytes[0:4] = b"\xf3\x0f\xb8\xc0"
    stop = stop_for(run, lib.KVM_EXIT_INTERNAL_ERROR)
    assert stop.reason == protocol.INTERNAL_ERROR
    assert stop.detail == {"suberror": 1, "instruction": b"\xf3\x0f\xb8\xc0"}
    failure.insn_size = 200
    assert len(stop_for(run, lib.KVM_EXIT_INTERNAL_ERROR).detail["instruction"]) == 15
    failure.flags = 0
    assert "instruction" not in stop_for(run, lib.KVM_EXIT_INTERNAL_ERROR).detail


@pytest.mark.parametrize("ndata", [0, 2, 16, 1000])
def test_other_internal_errors_carry_the_kernels_numbers(run, ndata):
    run.internal.suberror = 99
    run.internal.ndata = ndata
    run.internal.data[0] = 7
    stop = stop_for(run, lib.KVM_EXIT_INTERNAL_ERROR)
    assert "99" in stop.words
    assert stop.detail["data"] == [7, *[0] * 15][: min(ndata, 16)]


def test_an_entry_failure_has_the_hardware_reason(run):
    run.fail_entry.hardware_entry_failure_reason = 0x8000_0021
    stop = stop_for(run, lib.KVM_EXIT_FAIL_ENTRY)
    assert stop.reason == protocol.ENTRY_FAILURE
    assert "0x80000021" in stop.words


def test_an_msr_nobody_knows_faults_in_the_guest(run):
    for reason in (lib.KVM_EXIT_X86_RDMSR, lib.KVM_EXIT_X86_WRMSR):
        run.msr.error = 0
        assert stop_for(run, reason) is None
        assert run.msr.error == 1


def test_a_system_event_is_a_reset_or_a_shutdown(run):
    run.system_event.type = lib.KVM_SYSTEM_EVENT_RESET
    assert stop_for(run, lib.KVM_EXIT_SYSTEM_EVENT).reason == protocol.RESET
    run.system_event.type = lib.KVM_SYSTEM_EVENT_SHUTDOWN
    assert stop_for(run, lib.KVM_EXIT_SYSTEM_EVENT).reason == protocol.SHUTDOWN
    run.system_event.type = 77
    assert "77" in stop_for(run, lib.KVM_EXIT_SYSTEM_EVENT).words
