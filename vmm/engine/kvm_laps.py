"""Laps: one vCPU runs from one moment to a stop, is put back, and runs again, some ten thousand times a second.

What a lap wrote and what it did to registers is undone by one call into C (kvm_bindings/rewind.h). Clocks go on, and
chips are the machine's business.
"""

from __future__ import annotations

import os

from kvm_bindings import ffi, lib

from ..errors import HostError
from . import kvm_vcpu_state
from .protocol import ALL_PARTS, CLOCKS, REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..memory.guest_memory import GuestMemory
    from ..memory.template import Template
    from .kvm_engine import KvmEngine
    from .kvm_state import KvmState

PAGE_BITS = 12


class KvmLaps:
    """Implements protocol.Laps. KvmEngine.laps() makes it."""

    def __init__(self, engine: KvmEngine, memory: GuestMemory, template: Template, state: KvmState) -> None:
        self._memory = memory
        requests = engine.log_writes(memory).requests()
        vcpu, taken = engine.vcpus[0], state.vcpus[0]
        parts = ALL_PARTS & ~CLOCKS
        by_entry = kvm_vcpu_state.can_wait(taken, parts)
        calls = kvm_vcpu_state.calls_of(taken, parts & ~REGISTERS if by_entry else parts)
        source, pins = ffi.from_buffer(template.view), [ffi.from_buffer(mapping) for mapping in memory.mappings]
        self._regions = ffi.new("struct rewind_region[]", len(requests))
        self._numbers = {at: number for number, at in enumerate(requests)}
        for at, number in self._numbers.items():
            region = self._regions[number]
            region.log, region.to, region.pages = requests[at], pins[at], len(memory.mappings[at]) >> PAGE_BITS
            setattr(region, "from", source + template.offsets[at])
        self._kept = calls, requests, taken
        self._pins = [source, *pins]
        rewind = self._rewind = ffi.new("struct rewind *")
        rewind.vm_fd, rewind.vcpu_fd, rewind.run = engine.vm.fd, vcpu.fd.fd, vcpu.fd.run
        rewind.regions, rewind.region_count = self._regions, len(requests)
        rewind.calls, rewind.call_count = calls.array, calls.count
        rewind.registers, rewind.by_entry = taken.sync, by_entry

    def always(self, gpa: int, size: int) -> memoryview:
        """See protocol.Laps."""
        at, offset = self._memory.place(gpa, size)
        region = self._regions[self._numbers[at]]
        region.first_always = offset >> PAGE_BITS
        region.always = ((offset + size - 1) >> PAGE_BITS) - region.first_always + 1
        return memoryview(self._memory.mappings[at])[offset : offset + size]

    def back(self) -> None:
        """See protocol.Laps."""
        error = lib.rewind_now(self._rewind)
        if error:
            raise HostError(f"KVM does not put the machine back: {os.strerror(-error)}")

    def close(self) -> None:
        """See protocol.Laps."""
        for pin in self._pins:
            ffi.release(pin)

    @property
    def copied(self) -> int:
        """See protocol.Laps."""
        return int(self._rewind.copied)
