"""The devices that hostile.py tries, and what they like to be asked."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from vmm.backends.disk import MemoryDisk
from vmm.devices.virtio.block import Block
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.rng import Rng


def _block() -> VirtioDevice:
    return Block(MemoryDisk(bytes(64 << 10)), "serial", queues=2)


def _rng() -> VirtioDevice:
    def fill(views: list[memoryview]) -> int:
        for view in views:
            view[:] = bytes(len(view))
        return sum(map(len, views))

    return Rng(fill)


DEVICES: dict[str, tuple[Callable[[], VirtioDevice], tuple[bytes, ...]]] = {
    "rng": (_rng, ()),
    "blk": (_block, tuple(pack("<I4xQ", kind, 1) for kind in (0, 1, 4, 8, 11, 13, 99))),
}
"""(how it is made, contents of memory that it likes) by name."""
