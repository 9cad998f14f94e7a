"""A channel on a bus with its drives, and the accesses that a driver makes."""

from __future__ import annotations

import pytest

from vmm.bus.bus import Bus
from vmm.bus.irq import IrqWire
from vmm.bus.storage import DiskError
from vmm.devices.ata.channel import Channel
from vmm.devices.ata.drive import Drive

DATA, ERROR, FEATURES, COUNT, LOW, MID, HIGH, DEVICE, STATUS, COMMAND = 0, 1, 1, 2, 3, 4, 5, 6, 7, 7


class Disk:
    """A disk in memory that may refuse, as a host's may."""

    def __init__(self, sectors: int, read_only: bool = False) -> None:
        self.content = bytearray(b"".join(number.to_bytes(4, "little") * 128 for number in range(sectors)))
        self.read_only = read_only
        self.fails = False
        self.flushes = 0

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        assert 0 <= offset <= offset + size <= self.size, "the drive asks for what is not on the disk"
        if self.fails:
            raise DiskError("worn out")
        return bytes(self.content[offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        assert 0 <= offset <= offset + len(data) <= self.size, "the drive writes where no disk is"
        assert not self.read_only, "the drive writes to what it was told is read-only"
        if self.fails:
            raise DiskError("worn out")
        self.content[offset : offset + len(data)] = data

    def flush(self) -> None:
        if self.fails:
            raise DiskError("worn out")
        self.flushes += 1


class AtaBench:
    """A channel at 0x1f0 and 0x3f6, its line, and a driver's moves."""

    def __init__(self, *drives: Drive | None) -> None:
        self.line = False
        self.rises = 0
        self.channel = Channel(IrqWire(14, self._set).line(), [*drives, None, None][:2])
        self.bus = Bus("io", 0x10000)
        self.failures: list[str] = []
        self.bus.on_failure = lambda name, error: self.failures.append(f"{name}: {error!r}")
        self.bus.claim(0x1F0, 8, self.channel.command, width=4)
        self.bus.claim(0x3F6, 1, self.channel.control)

    def _set(self, gsi: int, level: bool) -> None:
        self.line = level
        self.rises += level

    def put(self, register: int, value: int) -> None:
        self.bus.write(0x1F0 + register, 1, value)

    def get(self, register: int) -> int:
        return self.bus.read(0x1F0 + register, 1)

    def status(self) -> int:
        return self.bus.read(0x3F6, 1)

    def command(self, number: int, lba: int = 0, count: int = 1, device: int = 0xE0, features: int = 0) -> int:
        """A 28-bit command; the status after it."""
        self.put(DEVICE, device | lba >> 24 & 0xF)
        for register, value in (
            (FEATURES, features),
            (COUNT, count & 0xFF),
            (LOW, lba),
            (MID, lba >> 8),
            (HIGH, lba >> 16),
        ):
            self.put(register, value & 0xFF)
        self.put(COMMAND, number)
        return self.status()

    def extended(self, number: int, lba: int, count: int) -> int:
        """A 48-bit command; the status after it."""
        self.put(DEVICE, 0xE0)
        for register, value in ((COUNT, count), (LOW, lba), (MID, lba >> 8), (HIGH, lba >> 16)):
            self.put(register, (value >> (8 if register == COUNT else 24)) & 0xFF)
            self.put(register, value & 0xFF)
        self.put(COMMAND, number)
        return self.status()

    def take(self, size: int, width: int = 2) -> bytes:
        return b"".join(self.bus.read(0x1F0, width).to_bytes(width, "little") for _ in range(size // width))

    def give(self, data: bytes, width: int = 2) -> None:
        for at in range(0, len(data), width):
            self.bus.write(0x1F0, width, int.from_bytes(data[at : at + width], "little"))

    def packet(self, *bytes_of_it: int, limit: int = 0xFFFE) -> int:
        """A packet command; the status after it."""
        self.put(DEVICE, 0xA0)
        for register, value in ((FEATURES, 0), (MID, limit & 0xFF), (HIGH, limit >> 8)):
            self.put(register, value)
        self.put(COMMAND, 0xA0)
        self.give(bytes(bytes_of_it).ljust(12, b"\0"))
        return self.status()

    def answer(self) -> bytes:
        """All data of a packet command, as long as the drive offers it."""
        data = b""
        while self.status() & 0x08:
            size = self.get(MID) | self.get(HIGH) << 8
            data += self.take(size + size % 2)[:size]
        return data


@pytest.fixture(scope="session")
def ata_bench() -> type[AtaBench]:
    return AtaBench


@pytest.fixture(scope="session")
def ata_disk() -> type[Disk]:
    return Disk
