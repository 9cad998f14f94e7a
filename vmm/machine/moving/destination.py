"""The side that a machine comes to: takes its memory and its state, and says that it stands ready; then it is given."""

from __future__ import annotations

import os
import struct

from ...engine.kvm_pages import lay_over
from ...errors import ConfigError, HostError, SnapshotError
from ...memory.image import FileImage
from ..saved.restore import CHANGEABLE, missing_here
from ..saved.snapshot import PAGE, Snapshot
from . import wire
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..config import MachineConfig

PATHS = ("fda", "hda", "hdb", "cdrom", "firmware", "disks", "networks", "ports", "shares", "vsock")
"""Fields of a config that name files, sockets and interfaces of the host."""
MOST_MEMORY = 1 << 40


class Destination:
    """What has come so far of one machine. `changes` are fields of its config that the host decides; with `is_known`
    the other side is trusted to name files of ours."""

    def __init__(self, line: Wire, changes: dict[str, Any], is_known: bool) -> None:
        self._line = line
        self._changes = changes
        self._is_known = is_known
        self.snapshot: Snapshot | None = None
        """With the last state that came."""
        self.image: FileImage | None = None

    @staticmethod
    def check(changes: dict[str, Any]) -> None:
        """ConfigError for changes that cannot be."""
        unknown = [name for name in changes if name not in CHANGEABLE]
        if unknown:
            raise ConfigError([(name, "that of a machine that comes cannot be changed") for name in unknown])

    def greet(self) -> None:
        """Hears what the machine needs and says whether it is here. SnapshotError when it is not."""
        self._line.greet()
        _, content = self._line.receive(wire.HELLO)
        try:
            self._expect_room(self.read(content))
        except (SnapshotError, HostError, ConfigError) as error:
            self.refuse(error)
            raise
        self._line.send(wire.YES)

    def refuse(self, error: Exception) -> None:
        """Tells the other side why; it goes on there."""
        try:
            self._line.send(wire.NO, str(error).encode())
        except (SnapshotError, HostError):
            return  # it has left, and goes on there anyway

    def drop(self) -> None:
        """Gives back what came of a machine that does not stay."""
        if self.image is not None:
            self.image.close()

    def read(self, content: bytes) -> Snapshot:
        """The state in a frame, with our changes. SnapshotError when it cannot be."""
        snapshot = Snapshot.from_bytes(content, "what came")
        if self.snapshot is not None and snapshot.memory.sizes != self.snapshot.memory.sizes:
            raise SnapshotError("its memory is not that of before")
        config = snapshot.state.config
        mine = [name for name in PATHS if getattr(config, name) and name not in self._changes]
        if mine and not self._is_known:
            raise SnapshotError(f"over the network files are named on the side that has them: {', '.join(mine)}")
        self.snapshot = snapshot.replace(state=snapshot.state.replace(config=self._changed(config)))
        return self.snapshot

    def _changed(self, config: MachineConfig) -> MachineConfig:
        symbols = config.symbols if self._is_known else ""
        return config.replace(**{"symbols": symbols, **self._changes})

    def _expect_room(self, snapshot: Snapshot) -> None:
        missing = missing_here(snapshot)
        if missing:
            raise SnapshotError(f"it needs what this host has not: {'; '.join(missing)}")
        sizes = snapshot.memory.sizes
        if not 0 < sum(sizes) <= MOST_MEMORY:
            raise SnapshotError(f"{sum(sizes)} bytes of memory are too many")
        try:
            fd = os.memfd_create("vmm-arriving", os.MFD_CLOEXEC)
            self.image = FileImage(fd, sizes)
            os.ftruncate(fd, sum(sizes))
        except OSError as error:
            raise HostError(f"no memory for it: {error.strerror}", "free some") from error

    def pages(self, content: bytes) -> tuple[int, memoryview]:
        """(offset, bytes) of a PAGES frame. SnapshotError when they lie nowhere."""
        assert self.snapshot is not None
        size = self.snapshot.memory.size
        if len(content) < 8 + PAGE or len(content) % PAGE != 8:
            raise SnapshotError("pages that came are no whole pages")
        (offset,) = struct.unpack_from("<Q", content)
        if offset % PAGE or offset + len(content) - 8 > size:
            raise SnapshotError(f"there is no memory for {len(content) - 8} bytes at {offset:#x}")
        return offset, memoryview(content)[8:]

    def write(self, offset: int, content: memoryview) -> None:
        """Puts pages where they belong. HostError when the host has no memory for them."""
        assert self.image is not None
        try:
            while content:
                done = os.pwrite(self.image.fd, content, offset)
                content, offset = content[done:], offset + done
        except OSError as error:
            raise HostError(f"no memory for what comes: {error.strerror}", "free some") from error

    def receive(self) -> Snapshot:
        """Takes all that comes until the machine is whole; it stands still there by then. SnapshotError when it stays
        there, HostError when the connection is lost."""
        while True:
            kind, content = self._line.receive(wire.PAGES, wire.STATE, wire.STAY)
            if kind == wire.STAY:
                raise SnapshotError("the machine stays where it was")
            if kind == wire.STATE:
                return self.read(content)
            self.write(*self.pages(content))

    def lay_over(self, memory: Any) -> None:
        """Puts what came into a machine's memory. SnapshotError when that is laid out differently."""
        assert self.image is not None
        if tuple(map(len, memory.mappings)) != self.image.sizes:
            raise SnapshotError("a machine of this config has memory of other sizes here")
        lay_over(memory, self.image)

    def take(self) -> None:
        """After the machine was made: says that it stands ready, waits to be given it, and takes it. When this returns
        it must be run; on any error it must not."""
        self._line.send(wire.YES)
        kind, _ = self._line.receive(wire.GO, wire.STAY)
        if kind == wire.STAY:
            raise SnapshotError("the machine stays where it was")
        self._line.send(wire.TAKEN)
