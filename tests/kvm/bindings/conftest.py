"""A real VM for each test, with 64 KiB of memory at 0 and one vCPU that starts in real mode at 0x1000."""

from __future__ import annotations

import mmap
import os

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.system import System

CODE = 0x1000
SIZE = 64 * 1024


class Guest:
    """A VM with memory; `enter` makes the vCPU."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.vm = system.create_vm()
        self.memory = mmap.mmap(-1, SIZE)
        self.view = ffi.from_buffer(self.memory, require_writable=True)
        self.hva = int(ffi.cast("uintptr_t", self.view))
        self.vcpu = None

    def map_memory(self, flags: int = 0) -> None:
        self.vm.set_user_memory_region(0, flags, 0, SIZE, self.hva)

    def enter(self, code: str, rflags: int = 0x2):
        """Puts the code (hex) at CODE and a vCPU in front of it, in real mode with flat segments and a stack."""
        machine_code = bytes.fromhex(code)
        self.memory[CODE : CODE + len(machine_code)] = machine_code
        self.vcpu = self.vm.create_vcpu(0)
        self.vcpu.set_cpuid2(self.system.get_supported_cpuid())
        sregs = self.vcpu.get_sregs()
        for segment in (sregs.cs, sregs.ds, sregs.es, sregs.ss):
            segment.base = segment.selector = 0
        self.vcpu.set_sregs(sregs)
        regs = self.vcpu.get_regs()
        regs.rip, regs.rsp, regs.rflags = CODE, 0x8000, rflags
        self.vcpu.set_regs(regs)
        return self.vcpu

    def set_vector(self, vector: int, code: str, at: int = 0x2000) -> None:
        """An entry of the real-mode interrupt table that leads to the code (hex)."""
        machine_code = bytes.fromhex(code)
        self.memory[4 * vector : 4 * vector + 4] = at.to_bytes(2, "little") + b"\0\0"
        self.memory[at : at + len(machine_code)] = machine_code

    def close(self) -> None:
        if self.vcpu is not None:
            self.vcpu.close()
        self.vm.close()
        ffi.release(self.view)
        self.memory.close()


@pytest.fixture
def system():
    try:
        opened = System()
    except OSError as error:
        reason = f"/dev/kvm cannot be opened ({error.strerror})"
        if os.environ.get("VMM_REQUIRE_KVM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with opened:
        yield opened


@pytest.fixture
def bare(system):
    """A guest whose memory is not mapped yet."""
    guest = Guest(system)
    yield guest
    guest.close()


@pytest.fixture
def guest(bare):
    bare.map_memory()
    return bare


@pytest.fixture
def need(system):
    """Skips the test, naming what is missing, unless the host has the capabilities."""

    def check(*names: str) -> None:
        for name in names:
            if not system.check_extension(getattr(lib, name)):
                pytest.skip(f"this host's KVM has no {name}")

    return check
