"""A driver's side of a virtio-mmio device, for tests: registers, and split queues laid out in the machine's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ring_drivers import SplitDriver

from vmm.devices.virtio.ring import F_EVENT_INDEX
from vmm.devices.virtio.transport import ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
from vmm.memory.guest_memory import GuestMemory

F_VERSION_1 = 1 << 32


class Driver:
    """Of the device behind `transport`, whose lines and doorbells nobody has wired: work is done at once."""

    def __init__(self, transport: Any, memory: GuestMemory) -> None:
        self.transport, self.memory = transport, memory
        self.queues: list[SplitDriver] = []

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
            self.memory.fill(at + 0x1000 * index, 0x1000)
            queue = SplitDriver(self.memory, at + 0x1000 * index, size, bool(features & F_EVENT_INDEX))
            self.queues.append(queue)
            write(0x30, index)
            write(0x38, size)
            for offset, gpa in zip((0x80, 0x90, 0xA0), queue.places, strict=True):
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
