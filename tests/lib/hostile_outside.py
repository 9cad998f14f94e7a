"""A device for hostile.py whose rings a real engine serves: one qemu-storage-daemon for many inputs, while it lives."""

from __future__ import annotations

import os
import select
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hostile import Outside

from vmm.backends.vhost_user.storage_daemon import StorageDaemon
from vmm.bus.engine_link import EngineLost
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.external import ExternalBlock
from vmm.memory.guest_memory import GuestMemory

QUEUES = 2
IS_HERE = bool(shutil.which("qemu-storage-daemon"))


class _Kept(StorageDaemon):
    """Outlives the devices that use it."""

    is_lost = False
    begun = 0
    """How many of them there were."""

    def serve(self, memory: GuestMemory) -> None:
        self._memory = memory

    def close(self) -> None:
        try:
            self.stop()
        except EngineLost:
            self.is_lost = True
        if self.is_lost:
            super().close()


class Engines:
    """The one that lives."""

    def __init__(self) -> None:
        self._place = TemporaryDirectory()
        self._disk = Path(self._place.name, "disk.raw")
        self._disk.write_bytes(bytes(64 << 10))
        self._kept: _Kept | None = None

    def make(self, memory: GuestMemory) -> tuple[VirtioDevice, Callable[[], None]]:
        engine = self._living(memory)
        engine.serve(memory)
        device = ExternalBlock(engine, QUEUES)

        def news() -> None:
            if engine.is_lost:
                return
            fds = {fd: index for index, fd in engine.calls.items()}
            for fd in select.select([*fds, engine.fd], [], [], 0)[0]:
                if fd in fds:
                    os.eventfd_read(fd)
                    device.guarded(device.called)(fds[fd])
                elif not engine.is_lost:
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
        _Kept.begun += 1
        self._kept = _Kept(str(self._disk), "raw", "", QUEUES, memory)
        self._kept.patience = 0.05
        return self._kept


OUTSIDE = Outside(Engines().make)
