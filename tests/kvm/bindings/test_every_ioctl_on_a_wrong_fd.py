"""Every ioctl of the table, through the method that calls it, on fds where it must fail."""

from __future__ import annotations

import inspect
import os
from contextlib import contextmanager

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.device import Device
from kvm_bindings.errors import KvmError
from kvm_bindings.ioctls import IOCTLS
from kvm_bindings.system import System
from kvm_bindings.vcpu import Vcpu
from kvm_bindings.vm import Vm

pytestmark = pytest.mark.requires_kvm
CLASSES = {"system": System, "vm": Vm, "vcpu": Vcpu, "device": Device}
CASES = [pytest.param(ioctl, kind, id=f"{ioctl.name}-{kind}") for ioctl in IOCTLS for kind in ioctl.kinds]


def call(ioctl, kind, fd):
    """The method of that class, on that fd, with arguments made up from its signature."""
    one = CLASSES[kind].__new__(CLASSES[kind])
    method = getattr(one, ioctl.method)
    samples = {"int": 1, "bool": False, "Mapping[int, int]": {1: 1}, "Sequence[int]": [1]}
    arguments = []
    for parameter in inspect.signature(method).parameters.values():
        if parameter.default is not parameter.empty:
            continue
        if parameter.annotation == "CData":
            arguments.append(ffi.new(f"{ioctl.argument} *"))
        else:
            arguments.append(samples.get(parameter.annotation, []))
    one.fd = fd
    try:
        return method(*arguments)
    finally:
        one.fd = -1


@contextmanager
def failure(ioctl, kind, *errno_names):
    with pytest.raises(KvmError) as caught:
        yield
    assert caught.value.ioctl == ioctl.name
    assert caught.value.fd_kind == kind
    assert caught.value.errno_name in errno_names
    assert ioctl.name in str(caught.value)
    assert caught.value.errno_name in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(("ioctl", "kind"), CASES)
def test_a_file_that_is_no_kvm_fd_gives_enotty(ioctl, kind):
    fd = os.open("/dev/null", os.O_RDWR)
    try:
        with failure(ioctl, kind, "ENOTTY"):
            call(ioctl, kind, fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize(("ioctl", "kind"), CASES)
def test_a_closed_fd_gives_ebadf(ioctl, kind):
    with failure(ioctl, kind, "EBADF"):
        call(ioctl, kind, -1)


@pytest.mark.parametrize("ioctl", [pytest.param(ioctl, id=ioctl.name) for ioctl in IOCTLS])
def test_a_kvm_fd_of_another_kind_refuses(ioctl, guest):
    fds = {"system": guest.system.fd, "vm": guest.vm.fd, "vcpu": guest.enter("f4").fd}
    for kind, fd in fds.items():
        if kind in ioctl.kinds:
            continue
        also = () if kind == "vm" else ("EINVAL",)  # x86 answers so on the system and a vCPU fd
        with failure(ioctl, ioctl.kinds[0], "ENOTTY", *also):
            call(ioctl, ioctl.kinds[0], fd)


def test_every_request_number_is_of_kvm():
    for ioctl in IOCTLS:
        assert ioctl.number >> 8 & 0xFF == 0xAE
        size = ioctl.number >> 16 & 0x3FFF
        if size and ioctl.argument:
            assert size == ffi.sizeof(ioctl.argument)
    assert len({ioctl.name for ioctl in IOCTLS}) == len(IOCTLS)
    assert all(not ioctl.capability or isinstance(getattr(lib, ioctl.capability), int) for ioctl in IOCTLS)
