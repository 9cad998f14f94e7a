"""A timer chip and port 0x61, as their tests drive them."""

from __future__ import annotations

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.pit import FREQUENCY, Pit
from vmm.devices.port61 import Port61

SECOND = 1_000_000_000
LSB, MSB, BOTH = 0x10, 0x20, 0x30


def at(pulse: int) -> int:
    """The first nanosecond of guest time at which that many clock pulses have passed."""
    return -(-pulse * SECOND // FREQUENCY)


class Bench:
    """A timer chip and port 0x61 on a real wire, in a guest time that the test moves."""

    def __init__(self) -> None:
        self.clock = 0
        self.edges: list[tuple[int, bool]] = []
        self.rings = 0
        self.timers = Timers(lambda: self.clock)
        wire = IrqWire(0, lambda gsi, level: self.edges.append((self.clock, level)))
        self.line = wire.line()
        self.pit = Pit(self.timers, self.line)
        self.port61 = Port61(self.pit)

    def program(self, counter: int, mode: int, count: int, access: int = BOTH, bcd: int = 0) -> None:
        self.pit.write(3, 1, counter << 6 | access | mode << 1 | bcd)
        if access != MSB:
            self.pit.write(counter, 1, count & 0xFF)
        if access != LSB:
            self.pit.write(counter, 1, count >> 8)

    def pulse(self, pulse: int) -> None:
        """Time jumps to a clock pulse; alarms ring once, late: a host that was away."""
        self.clock = at(pulse)
        self.timers.run_due()

    def flow(self, until: int) -> None:
        """Time passes from deadline to deadline up to `until` nanoseconds."""
        while (deadline := self.timers.next_host_deadline()) is not None and deadline <= until:
            self.clock = max(self.clock, deadline)
            self.rings += 1
            self.timers.run_due()
        self.clock = until

    def rises(self) -> list[int]:
        return [when for when, level in self.edges if level]

    def count(self, counter: int) -> int:
        """A latched 16-bit read."""
        self.pit.write(3, 1, counter << 6)
        return self.pit.read(counter, 1) | self.pit.read(counter, 1) << 8

    def status(self, counter: int) -> int:
        self.pit.write(3, 1, 0xE0 | 2 << counter)
        return self.pit.read(counter, 1)
