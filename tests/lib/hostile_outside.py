"""Devices for hostile.py whose rings a real engine serves: one process for many inputs, as long as it lives."""

from __future__ import annotations

import os
import select
import shutil
from collections.abc import Callable
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory
from typing import Any

from hostile import Outside
from virtiofsd_here import TROUBLE

from vmm.backends.vhost_user.frontend import Frontend
from vmm.backends.vhost_user.storage_daemon import StorageDaemon
from vmm.backends.vhost_user.virtiofsd import Virtiofsd
from vmm.bus.engine_link import EngineLost
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.external import External
from vmm.devices.virtio.external_block import ExternalBlock
from vmm.devices.virtio.external_fs import ExternalFs
from vmm.memory.guest_memory import GuestMemory

QUEUES = 2


class _Kept(Frontend):
    """Outlives the devices that use it."""

    is_lost = False

    def serve(self, memory: GuestMemory) -> None:
        self._memory = memory

    def close(self) -> None:
        try:
            self.stop()
        except EngineLost:
            self.is_lost = True
        if self.is_lost:
            super().close()


class _KeptDisk(_Kept, StorageDaemon):
    def lives(self) -> bool:
        return self._process is not None and self._process._process.poll() is None


class _KeptFs(_Kept, Virtiofsd):
    pass


class Engines:
    """The one that lives, of one kind: how it is made, over a folder of its own, and the device over it."""

    def __init__(self, engine: Callable[[str, GuestMemory], _Kept], device: Callable[[Any], External]) -> None:
        self._place = TemporaryDirectory()
        self._engine, self._device = engine, device
        self._kept: _Kept | None = None

    def make(self, memory: GuestMemory) -> tuple[VirtioDevice, Callable[[], None]]:
        """See Outside."""
        engine = self._living(memory)
        engine.serve(memory)
        device = self._device(engine)

        def news() -> None:
            if engine.is_lost:
                return
            fds = {fd: index for index, fd in engine.calls.items()}
            for fd in select.select([*fds, engine.fd], [], [], 0)[0]:
                if fd in fds:
                    os.eventfd_read(fd)
                    device.guarded(device.called)(fds[fd])
                elif device.is_cut_off:
                    pass
                elif engine.lives():
                    device.is_cut_off = True
                    device.guarded(device.cut_off)()
                else:
                    engine.is_lost = True
                    device.lost("gone")
                    device.guarded(device.take_over)()

        return device, news

    def _living(self, memory: GuestMemory) -> _Kept:
        """Another one where the last input was too much for it: it hangs up on rings that cannot be."""
        if self._kept is not None:
            if not self._kept.is_lost and not select.select([self._kept.fd], [], [], 0)[0]:
                return self._kept
            self._kept.is_lost = True
            self._kept.close()
        self._kept = self._engine(self._place.name, memory)
        return self._kept


def _disk(folder: str, memory: GuestMemory) -> _Kept:
    image = Path(folder, "disk.raw")
    image.write_bytes(bytes(64 << 10))
    return _KeptDisk(str(image), "raw", "", QUEUES, memory)


def _files(folder: str, memory: GuestMemory) -> _Kept:
    return _KeptFs(folder, False, memory)


def _asked(operation: int, content: bytes = b"") -> bytes:
    """A request of FUSE."""
    return pack("<IIQQIIII", 40 + len(content), operation, 7, 1, 0, 0, 1, 0) + content


REQUESTS = tuple(pack("<I4xQ", kind, 1) for kind in (0, 1, 4, 8, 11, 13, 99))
"""Of a block device."""
_FUSE = (
    _asked(26, pack("<IIII", 7, 31, 1 << 16, 0) + bytes(48)), _asked(1, b"none\0"), _asked(3, bytes(16)),
    _asked(2, pack("<Q", 1)), _asked(38), _asked(9, pack("<II", 0o755, 0o22) + b"new\0"), _asked(4096, b"\xff" * 24),
)  # fmt: skip
DEVICES: dict[str, tuple[Outside, tuple[bytes, ...]]] = {}
if shutil.which("qemu-storage-daemon"):
    DEVICES["blk-outside"] = Outside(Engines(_disk, lambda engine: ExternalBlock(engine, QUEUES)).make), REQUESTS
if not TROUBLE:
    DEVICES["fs-outside"] = Outside(Engines(_files, lambda engine: ExternalFs(engine, "tag", "shared")).make), _FUSE
