"""A driver's side of a virtio-mmio device, for tests: registers, and split queues laid out in the machine's memory."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from vmm.devices.virtio.transport import ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
from vmm.memory.guest_memory import GuestMemory

F_VERSION_1 = 1 << 32


class DriverQueue:
    """Queue `index` of `size` entries, its parts at `gpa`."""

    def __init__(self, memory: GuestMemory, gpa: int, size: int) -> None:
        self.memory, self.size = memory, size
        self.descriptors, self.available, self.used = gpa, gpa + 16 * size, (gpa + 18 * size + 6 + 3) & ~3
        self.free = 0
        self.offered = self.seen = 0

    def offer(self, *buffers: tuple[int, int, bool]) -> int:
        """Makes a chain of (gpa, size, whether the device writes) available; its head."""
        head = self.free
        for at, (gpa, size, is_written) in enumerate(buffers):
            here, following = self.free, (self.free + 1) % self.size
            flags = (2 if is_written else 0) | (1 if at < len(buffers) - 1 else 0)
            self.memory.write(self.descriptors + 16 * here, struct.pack("<QIHH", gpa, size, flags, following))
            self.free = following
        self.memory.write_int(self.available + 4 + 2 * (self.offered % self.size), 2, head)
        self.offered += 1
        self.memory.write_int(self.available + 2, 2, self.offered)
        return head

    def taken_back(self) -> list[tuple[int, int]]:
        """(head, bytes written) of each chain that the device has done since the last call."""
        found = []
        while self.seen != self.memory.read_int(self.used + 2, 2):
            found.append(struct.unpack("<II", self.memory.read(self.used + 4 + 8 * (self.seen % self.size), 8)))
            self.seen = self.seen + 1 & 0xFFFF
        return found


class Driver:
    """Of the device behind `transport`, whose lines and doorbells nobody has wired: work is done at once."""

    def __init__(self, transport: Any, memory: GuestMemory) -> None:
        self.transport, self.memory = transport, memory
        self.queues: list[DriverQueue] = []

    def start(self, features: int = 0, sizes: Sequence[int] | None = None, at: int = 0x10000) -> None:
        """From reset to DRIVER_OK with queues of these sizes (by default 8 each), from `at` on."""
        write = lambda offset, value: self.transport.write(offset, 4, value)  # noqa: E731
        write(0x70, 0)
        write(0x70, ACKNOWLEDGE)
        write(0x70, ACKNOWLEDGE | DRIVER)
        for page in (0, 1):
            write(0x24, page)
            write(0x20, (features | F_VERSION_1) >> 32 * page & 0xFFFF_FFFF)
        write(0x70, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        assert self.status & FEATURES_OK
        self.queues = []
        for index, size in enumerate(sizes or [8] * len(self.transport.setups)):
            queue = DriverQueue(self.memory, at + 0x1000 * index, size)
            self.memory.fill(at + 0x1000 * index, 0x1000)
            self.queues.append(queue)
            write(0x30, index)
            write(0x38, size)
            for offset, gpa in ((0x80, queue.descriptors), (0x90, queue.available), (0xA0, queue.used)):
                write(offset, gpa & 0xFFFF_FFFF)
                write(offset + 4, gpa >> 32)
            write(0x44, 1)
        write(0x70, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    @property
    def status(self) -> int:
        return int(self.transport.read(0x70, 4))

    def ring(self, index: int) -> None:
        """Tells the device of queue `index`."""
        self.transport.write(0x50, 4, index)

    def config(self, offset: int, size: int = 4) -> int:
        return int(self.transport.read(0x100 + offset, size))
