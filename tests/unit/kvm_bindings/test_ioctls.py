"""The tables agree with the compiled module, with each other and with the classes."""

from __future__ import annotations

from pathlib import Path

from kvm_bindings import exit_reasons, ffi, lib, stub
from kvm_bindings.caps import CAPABILITIES
from kvm_bindings.device import Device
from kvm_bindings.ioctls import IOCTLS
from kvm_bindings.system import System
from kvm_bindings.vcpu import Vcpu
from kvm_bindings.vm import Vm

CLASSES = {"system": System, "vm": Vm, "vcpu": Vcpu, "device": Device}


def test_every_capability_declared_is_in_the_table_once():
    names = [cap.name for cap in CAPABILITIES]
    assert sorted(names) == sorted(name for name in dir(lib) if name.startswith("KVM_CAP_"))
    assert all(cap.meaning for cap in CAPABILITIES)
    assert len({cap.number for cap in CAPABILITIES}) == len(CAPABILITIES)


def test_every_ioctl_is_a_method_of_each_kind_of_fd_that_takes_it():
    for ioctl in IOCTLS:
        for kind in ioctl.kinds:
            assert callable(getattr(CLASSES[kind], ioctl.method)), ioctl
        assert ioctl.meaning
        assert ioctl.direction in ("", "in", "out", "in out")
        assert bool(ioctl.argument) == bool(ioctl.direction)
        if ioctl.argument not in ("", "int"):
            assert ffi.sizeof(ioctl.argument)


def test_every_exit_reason_has_a_name_and_a_sentence():
    declared = {
        getattr(lib, name) for name in dir(lib) if name.startswith("KVM_EXIT_") and not name.startswith("KVM_EXIT_IO_")
    }
    assert set(exit_reasons.reasons()) == declared
    assert set(range(42)) <= set(exit_reasons.reasons())
    assert exit_reasons.short_name(lib.KVM_EXIT_IO) == "io"
    assert exit_reasons.short_name(lib.KVM_EXIT_X86_RDMSR) == "rdmsr"
    assert exit_reasons.short_name(lib.KVM_EXIT_IRQ_WINDOW_OPEN) == "irq_window_open"
    assert "triple fault" in exit_reasons.sentence(lib.KVM_EXIT_SHUTDOWN)


def test_a_reason_from_the_future_is_still_told():
    assert exit_reasons.short_name(777) == "exit_777"
    assert "777" in exit_reasons.sentence(777)


def test_the_stub_is_that_of_the_compiled_module():
    assert Path(stub.STUB).read_text() == stub.stub_text(), "run python kvm_bindings/build.py"


def test_newer_numbers_are_those_of_the_kernel():
    """Against Linux 6.18, whether the installed headers or newer.h defined them."""
    assert lib.KVM_SET_USER_MEMORY_REGION2 == 0x40A0AE49
    assert lib.KVM_SET_MEMORY_ATTRIBUTES == 0x4020AED2
    assert lib.KVM_CREATE_GUEST_MEMFD == 0xC040AED4
    assert lib.KVM_PRE_FAULT_MEMORY == 0xC040AED5
    assert (lib.KVM_CAP_GUEST_MEMFD, lib.KVM_EXIT_MEMORY_FAULT) == (234, 39)
