"""Virtio drivers that do not keep to anything: a string of bytes is a program of what a guest may do to a device.

Any bytes are a program, so that hypothesis, a plain random generator and atheris can all write them. To have a device
tried, enter it in hostile_devices.py.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable
from contextlib import suppress
from struct import pack

from vmm.devices.virtio import mmio, pci
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.transport import Transport
from vmm.errors import ConfigError, HostError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import KiB

RAM, HIGH, ROM = (0, 64 * KiB), (0x10_0000, 16 * KiB), (0x20_0000, 4 * KiB)
RINGS = 0x1000
"""Where the program's rings are: 0x1000 for each queue, the descriptors first."""
AVAILABLE, USED = 0x800, 0xC00
DATA = 0x8000
SIZES = (0, 1, 2, 15, 16, 20, 64, 511, 512, 513, 4096, 0x8000, 0xFFFF, 1 << 20, 0x7FFF_FFFF, 0xFFFF_FFFF)
PLACES = (DATA, DATA + 0x10, DATA + 0x200, 0xFFF0, 0xFFFF, 0x1_0000, 0xF_FFFF, HIGH[0], HIGH[0] + 0x3FF0, ROM[0],
          ROM[0] + 0xFFF, RINGS, RINGS + USED, 1 << 40, (1 << 64) - 1, (1 << 64) - 0x1000)  # fmt: skip
REGISTERS = (0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x64, 0x70, 0x80, 0x84, 0x90, 0x94, 0xA0, 0xA4, 0xC0)
VALUES = (0, 1, 2, 3, 8, 15, 64, 0xFF, 0x100, 0xFFFF, RINGS, RINGS + AVAILABLE, RINGS + USED, 1 << 31, 0xFFFF_FFFF)


class Input:
    """Bytes that are read one after the other; zeroes behind their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def of(self, choices: tuple) -> int:
        return choices[self.byte() % len(choices)]


class Outside:
    """Makes a device that a process outside serves, which maps the bench's memory; and what looks for news of it."""

    def __init__(self, make: Callable[[GuestMemory], tuple[VirtioDevice, Callable[[], None]]]) -> None:
        self.make = make


Make = Callable[[], VirtioDevice] | Outside


class Bench:
    """One device behind a transport, with memory of its own, and a reactor that does at once what is posted."""

    kind: type[Transport] = mmio.Mmio

    def __init__(self, make: Make) -> None:
        self.memory = GuestMemory(is_shared=isinstance(make, Outside))
        for gpa, size in (RAM, HIGH):
            self.memory.add(gpa, size)
        self.memory.add(*ROM, name="rom", read_only=True)
        self.memory.write(ROM[0], bytes(range(256)) * 16)
        self.posted: list[Callable[[], None]] = []
        self.laps = 0
        try:
            self.device, self.news = make.make(self.memory) if isinstance(make, Outside) else (make(), lambda: None)
        except BaseException:
            self.memory.close()
            raise
        self.transport = self.kind(self.device, "tried", self.memory, RLock(), self.posted.append)

    def run(self, most: int = 64) -> None:
        """What is posted, and what that posts, as far as patience goes."""
        self.news()
        for _ in range(most):
            if not self.posted:
                return
            self.posted.pop(0)()

    def close(self) -> None:
        self.posted.clear()
        self.transport.close()
        self.memory.close()

    # -- what drivers do --

    STATUS, ACCEPTED_PAGE, ACCEPTED, QUEUE, ENTRIES, READY = (
        (0x70, 4),
        (0x24, 4),
        (0x20, 4),
        (0x30, 4),
        (0x38, 4),
        (0x44, 4),
    )
    PLACES = (0x80, 0x90, 0xA0)
    CONFIG = 0x100

    def set(self, register: tuple[int, int], value: int) -> None:
        self.transport.write(*register, value)

    def begin(self, features: int, size: int, ready: int = 0xF) -> None:
        """As the specification has it, with the program's features and sizes."""
        for status in (0, 1, 3):
            self.set(self.STATUS, status)
        for page in (0, 1):
            self.set(self.ACCEPTED_PAGE, page)
            self.set(self.ACCEPTED, features >> 32 * page & 0xFFFF_FFFF)
        self.set(self.STATUS, 0xB)
        for index in range(len(self.device.queue_sizes)):
            rings = RINGS * (1 + index % 6)
            self.set(self.QUEUE, index)
            self.set(self.ENTRIES, size)
            for offset, place in zip(self.PLACES, (rings, rings + AVAILABLE, rings + USED), strict=True):
                self.set((offset, 4), place)
            self.set(self.READY, ready >> index % 4 & 1)
        self.set(self.STATUS, 0xF)

    def poke(self, given: Input) -> None:
        """A register, whatever it is."""
        self.transport.write(given.of(REGISTERS), given.of((4, 4, 4, 1, 2)), given.of(VALUES))

    def peek(self, given: Input) -> None:
        """The same."""
        self.transport.read(given.byte() * 2, given.of((1, 2, 4)))

    def describe(self, queue: int, at: int, gpa: int, size: int, flags: int, next: int) -> None:
        self.memory.write(RINGS * (1 + queue % 6) + 16 * at, pack("<QIHH", gpa, size, flags, next))

    def offer(self, queue: int, size: int, *heads: int) -> None:
        """Puts heads into the available ring and moves its index; in a packed ring all bits of availability change."""
        if self.transport.accepted >> 34 & 1:
            for at in range(size):
                place = RINGS * (1 + queue % 6) + 16 * at + 14
                flags = self.memory.read_int(place, 2) & 7
                self.memory.write_int(place, 2, flags | (1 << 15 if self.laps & 1 else 1 << 7))
            self.laps += at == size - 1 and size <= 4
            return
        ring = RINGS * (1 + queue % 6) + AVAILABLE
        index = self.memory.read_int(ring + 2, 2)
        for head in heads:
            self.memory.write_int(ring + 4 + 2 * (index % size), 2, head)
            index += 1
        self.memory.write_int(ring + 2, 2, index)


class PciBench(Bench):
    """The same on PCI, with configuration space and interrupt vectors to play with."""

    kind = pci.Pci
    STATUS, ACCEPTED_PAGE, ACCEPTED, QUEUE, ENTRIES, READY = (
        (0x14, 1),
        (0x08, 4),
        (0x0C, 4),
        (0x16, 2),
        (0x18, 2),
        (0x1C, 2),
    )
    PLACES = (0x20, 0x28, 0x30)
    CONFIG = pci.DEVICE

    def poke(self, given: Input) -> None:
        part, size, value = given.byte() % 8, given.of((1, 2, 4)), given.of(VALUES)
        if part < 3:
            at = given.byte() & ~(size - 1)
            self.transport.space.write(min(at, 256 - size), size, value & (1 << 8 * size) - 1)
        else:
            at = (pci.COMMON, pci.ISR, pci.NOTIFY, pci.TABLE, pci.PENDING)[part - 3] + (given.byte() & ~(size - 1))
            self.transport.write(at, size, value & (1 << 8 * size) - 1)

    def peek(self, given: Input) -> None:
        size = given.of((1, 2, 4))
        at = min(given.byte() & ~(size - 1), 256 - size)
        self.transport.space.looked_at(at, size)
        self.transport.space.read(at, size)
        self.transport.read(given.byte() % 8 * 0x1000 + at, size)


BENCHES = {"mmio": Bench, "pci": PciBench}


def drive(bench: Bench, data: bytes, hints: tuple[bytes, ...] = ()) -> None:
    """Runs the program. `hints` are contents that a device may like, such as headers of requests."""
    given = Input(data)
    transport, memory = bench.transport, bench.memory
    queues = len(bench.device.queue_sizes)
    size = 1 << given.byte() % 7
    bench.begin(_features(bench, given), size)
    while given:
        action, queue = given.byte() % 24, given.byte() % queues
        if action < 9:
            _ask(bench, given, queue, size, hints)
        elif action < 12:
            flags = given.of((0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3))
            bench.describe(queue, given.byte() % 64, given.of(PLACES), given.of(SIZES), flags, given.byte() % 66)
        elif action < 14:
            bench.offer(queue, size, given.byte() % (size + 1))
            transport.notified(queue)
        elif action == 14:
            ring = RINGS * (1 + queue % 6) + AVAILABLE
            memory.write_int(ring + given.of((0, 2, 4, 4 + 2 * size)), 2, given.byte() * 257)
            transport.notified(queue)
        elif action == 15:
            bench.poke(given)
        elif action == 16:
            bench.peek(given)
        elif action == 17:
            transport.write(bench.CONFIG + given.byte() % 64, given.of((1, 2, 4)), given.of(VALUES) & 0xFF)
        elif action < 20:
            bench.begin(_features(bench, given), size, given.of((0xF, 0xF, 1, 0, 6)))
        elif action == 20:
            bench.set(bench.STATUS, 0)
        elif action == 21:
            with suppress(HostError, ConfigError):  # an engine outside that is busy, or has a state of its own
                transport.load(transport.save())
        elif action == 22:
            _ask_indirectly(bench, given, queue, size, hints)
        else:
            memory.write(given.of(PLACES[:3]), bytes((given.byte(),)) * 16)
        bench.run()


def _features(bench: Bench, given: Input) -> int:
    """Mostly those that are offered, with or without those of rings."""
    every, choice = bench.transport.offered, given.byte()
    if choice & 0xF == 15:
        return choice << 24
    if choice & 0x40:
        every &= ~(1 << 34)  # a split ring
    return every & ~((choice & 3) << 28) & ~(given.byte() if choice & 0xF == 14 else 0)


def _parts(given: Input, hints: tuple[bytes, ...], memory: GuestMemory) -> list[tuple[int, int, int]]:
    """(place, size, flags) of a request as a device may like it: a hint, some data, a byte; now and then not quite."""
    hint = given.of(hints) if hints else b""
    memory.write(DATA, hint)
    wrong, direction = given.byte(), given.byte() & 2
    parts = [(DATA, max(16, len(hint)), 0)] if hints else []
    for _ in range(given.byte() % 4):
        parts.append(
            (given.of((DATA + 0x200, DATA + 0x400, HIGH[0])), given.of((512, 512, 1024, 16, 24, 64)), direction)
        )
    parts.append((DATA + 0x100, 1 if hints else 64, 2))
    if wrong & 0x1F == 1:
        parts[wrong >> 5 & len(parts) - 1] = (given.of(PLACES), given.of(SIZES), given.byte() & 7)
    return parts


def _ask(bench: Bench, given: Input, queue: int, size: int, hints: tuple[bytes, ...]) -> None:
    parts = _parts(given, hints, bench.memory)
    for at, (gpa, length, flags) in enumerate(parts):
        bench.describe(queue, at, gpa, length, flags | (at + 1 < len(parts)), at + 1)
    bench.offer(queue, size, 0)
    bench.transport.notified(queue)


def _ask_indirectly(bench: Bench, given: Input, queue: int, size: int, hints: tuple[bytes, ...]) -> None:
    parts = _parts(given, hints, bench.memory)
    table = DATA + 0x2000
    for at, (gpa, length, flags) in enumerate(parts):
        bench.memory.write(table + 16 * at, pack("<QIHH", gpa, length, flags | (at + 1 < len(parts)), at + 1))
    bench.describe(queue, 0, table, 16 * (len(parts) if given.byte() & 7 else given.byte()), 4, 0)
    bench.offer(queue, size, 0)
    bench.transport.notified(queue)


def check(bench: Bench) -> None:
    """What holds after any program: the ROM is what it was, and the device can be used anew."""
    assert bench.memory.read(*ROM) == bytes(range(256)) * 16
    bench.memory.fill(RINGS, 6 * 0x1000)
    bench.run()
    bench.begin(bench.transport.offered, 8)
    assert bench.transport.status == 0xF


def try_out(make: Make, hints: tuple[bytes, ...], data: bytes, transport: str = "mmio") -> None:
    """One input from beginning to end. Raises what should not be."""
    bench = BENCHES[transport](make)
    try:
        drive(bench, data, hints)
        check(bench)
    finally:
        bench.close()
