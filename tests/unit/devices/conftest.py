"""A serial port on a real wire, for the tests of it."""

from __future__ import annotations

import pytest

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.serial import Serial

DATA, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR = 0, 1, 2, 2, 3, 4, 5, 6, 7
RECEIVE, TRANSMIT, LINE, MODEM = 0x01, 0x02, 0x04, 0x08
NONE = 0x01
OUT2, LOOP = 0x08, 0x10
DLAB = 0x80


class SerialBench:
    """A port on a real wire and a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = 0
        self.edges: list[bool] = []
        self.sent = bytearray()
        self.quiet_changes = 0
        self.timers = Timers(lambda: self.clock)
        wire = IrqWire(4, lambda gsi, level: self.edges.append(level))
        self.port = Serial(wire.line(), self.sent.extend, self.timers)
        self.port.quiet_changed = self._quiet_changed

    def _quiet_changed(self) -> None:
        self.quiet_changes += 1

    @property
    def line(self) -> bool:
        return bool(self.edges) and self.edges[-1]

    @property
    def rises(self) -> int:
        return self.edges.count(True)

    def read(self, offset: int) -> int:
        return self.port.read(offset, 1)

    def write(self, offset: int, value: int) -> None:
        self.port.write(offset, 1, value)

    def sleep(self, nanoseconds: int) -> None:
        self.clock += nanoseconds
        self.timers.run_due()

    def drain(self) -> bytes:
        received = bytearray()
        while self.read(LSR) & 0x01:
            received.append(self.read(DATA))
        return bytes(received)


@pytest.fixture
def bench() -> SerialBench:
    return SerialBench()


@pytest.fixture
def driven() -> SerialBench:
    """As a driver leaves it: FIFO with trigger level 14, OUT2 on, no interrupt enabled yet."""
    bench = SerialBench()
    bench.write(FCR, 0xC7)
    bench.write(MCR, 0x0B)
    return bench


@pytest.fixture(scope="session")
def serial_bench() -> type[SerialBench]:
    """Makes ports, for tests that want several or fresh ones for each example."""
    return SerialBench
