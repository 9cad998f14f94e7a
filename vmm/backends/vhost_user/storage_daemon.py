"""qemu-storage-daemon as the engine of a disk: it knows the formats of other products' virtual disks.

What it serves is a chain: a filter that limits, then the image, or a qcow2 image in memory over it. QMP changes the
limits and puts another image of that kind in place. Source: qemu-storage-daemon(1), qemu-qmp-ref(7).
"""

from __future__ import annotations

import json
import os
import shutil
import socket

from ...bus.engine_link import EngineLost
from ...errors import ConfigError, HostError, SnapshotError
from ...state import State
from ...units import SECOND
from .changes import FORMAT, Changes
from .frontend import Frontend
from .process import EngineProcess
from .qmp import Qmp
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...memory.guest_memory import GuestMemory

PROGRAM = "qemu-storage-daemon"
_SCHEMA = "vmm.external_disk"
SECTOR = 512
_NEARLY_FULL = 1 << 20
"""Bytes: so little is a likely cause of errors."""


class StorageDaemon(Frontend):
    """Serves the disk image `path`, of QEMU's format `driver`, with `queues` queues. `manner` is "" for one that is
    written in place, "ro", or "overlay" for one whose changes are kept in memory."""

    def __init__(
        self, path: str, driver: str, manner: str, queues: int, memory: GuestMemory, field: str = "disk"
    ) -> None:
        """ConfigError, with `field`, for what it does not take."""
        self.name, self._driver, self._manner = path, driver, manner
        if not os.access(path, os.R_OK if manner else os.R_OK | os.W_OK):
            hint = f"; {path},ro reads it only, {path},overlay keeps changes in memory"
            words = "not allowed" if os.path.exists(path) else "there is no such file"
            raise ConfigError.of(field, f"cannot open {path}: {words}{hint if os.access(path, os.R_OK) else ''}")
        if not shutil.which(PROGRAM):
            raise ConfigError.of(field, f"{path} takes {PROGRAM}, which is not installed (Debian: qemu-utils)")
        self._process: EngineProcess | None = None
        self._qmp: Qmp | None = None
        self._changes: Changes | None = None
        self._top = 0
        """Which image the filter lies over."""
        self._limits: dict[str, int] = {}
        self._queues = queues
        try:
            if manner == "overlay":
                self._changes = Changes(path, driver)
            super().__init__(Wire(self._connected()), memory)
            self.size = int.from_bytes(self.config(8), "little") * SECTOR
        except EngineLost as error:
            words = str(error) if self._process is None else self._last_words(str(error))
            self._end()
            raise ConfigError.of(field, f"{path}: {words}") from None
        except BaseException:
            self._end()
            raise
        for index in range(queues):
            self.add_queue(index)

    def lives(self) -> bool:
        """See EngineLink: it hangs up on rings that cannot be."""
        return self._process is not None and not self._process.has_ended()

    def begin_anew(self) -> None:
        """See EngineLink. The image is the same, and what is kept over it in memory."""

        def make() -> Wire:
            self._end_process()
            return Wire(self._connected())

        try:
            self._begin_anew(make)
            if self._limits:
                self._set_limits(self._limits)
        except EngineLost:
            self._end_process()
            raise

    def _connected(self) -> socket.socket:
        """Starts it."""
        self._top = 0
        ours, far = socket.socketpair()
        self._qmp = Qmp(ours)
        read_only = self._manner == "ro"
        below = "base" if self._manner == "overlay" else "disk0"
        options: list[tuple[str, str | dict[str, object]]] = [
            ("chardev", f"socket,id=qmp,fd={far.fileno()}"), ("monitor", "chardev=qmp"),
            ("object", {"qom-type": "throttle-group", "id": "limits", "limits": {}}),
            ("blockdev", {"driver": "file", "node-name": "file", "filename": self.name, "discard": "unmap",
                          "read-only": bool(self._manner)}),
            ("blockdev", {"driver": self._driver, "node-name": below, "file": "file", "discard": "unmap",
                          "read-only": bool(self._manner)}),
        ]  # fmt: skip
        if self._changes is not None:
            options.append(("blockdev", self._over(self._changes, 0)))
        options += [
            ("blockdev", self._filter(0)),
            ("export", {"type": "vhost-user-blk", "id": "disk", "node-name": "top", "writable": not read_only,
                        "num-queues": self._queues, "addr": {"type": "fd", "str": "0"}}),
        ]  # fmt: skip
        words = [PROGRAM]
        for name, value in options:
            words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
        with far:
            self._process = EngineProcess(words, (far.fileno(),))
        return self._process.connection

    def _over(self, changes: Changes, top: int) -> dict[str, Any]:
        """An image in memory over the file; one that was put in its place has another number."""
        file = {"driver": "file", "filename": changes.path, "discard": "unmap"}
        return {"driver": FORMAT, "node-name": f"disk{top}", "file": file, "backing": "base", "discard": "unmap"}

    def _filter(self, top: int) -> dict[str, Any]:
        return {"driver": "throttle", "node-name": "top", "throttle-group": "limits", "file": f"disk{top}",
                "read-only": self._manner == "ro"}  # fmt: skip

    def _ask(self, command: str, **arguments: Any) -> None:
        if self._qmp is None:
            raise EngineLost("the engine has ended")
        self._qmp.ask(command, **arguments)

    def drain(self) -> None:
        """See Frontend: it stops the rings, and goes on with the requests that it had taken. To open the filter anew it
        must be done with them, limits or not; and it flushes all that lies below."""
        self._ask("blockdev-reopen", options=[self._filter(self._top)])

    # -- limits --

    def limit(self, bandwidth: int, operations: int, burst: int) -> None:
        """From now on so many bytes and requests a second, 0 for any number; `burst` nanoseconds' worth may be saved
        up, a tenth of a second's where it is less than a second. Any thread. EngineLost."""
        limits: dict[str, int] = {}
        for name, rate in (("bps-total", bandwidth), ("iops-total", operations)):
            limits |= {name: rate, f"{name}-max": rate * burst // SECOND if burst >= SECOND else 0}
        self._set_limits(limits)
        self._limits = limits

    def _set_limits(self, limits: dict[str, int]) -> None:
        self._ask("qom-set", path="limits", property="limits", value=limits)

    # -- state: a disk of the board --

    def save(self) -> State:
        """When the file was last written to, and the changes kept in memory. The rings stand still. HostError."""
        try:
            self.drain()
        except EngineLost as error:
            raise HostError(f"{self.name}: {error}", "a machine whose disk is lost cannot be saved") from None
        changes = None if self._changes is None else self._changes.runs()
        return State(_SCHEMA, 1, {"size": self.size, "written_ns": self._written_ns(), "changes": changes})

    def load(self, state: State) -> None:
        """Becomes the disk that was saved, over the same file. SnapshotError for another disk, and no change."""
        fields = state.expect(_SCHEMA, 1, ("size", "written_ns", "changes"))
        size, runs = fields["size"], fields["changes"]
        if size != self.size:
            raise SnapshotError(f"{self.name} has {self.size} bytes, the disk of the saved machine had {size}")
        if (runs is None) != (self._changes is None):
            kept = "kept changes to it in memory" if runs is not None else "wrote it in place"
            raise SnapshotError(f"{self.name}: the saved machine {kept}; open it so")
        if runs is None:
            return
        if not isinstance(runs, list) or not all(map(_is_run, runs)):
            raise SnapshotError(f"{_SCHEMA}: a change should be its place and its bytes")
        self._put_in_place(runs)

    def _put_in_place(self, runs: list[list[Any]]) -> None:
        before, top = self._changes, self._top
        assert before is not None
        try:
            changes = Changes(self.name, self._driver)
        except EngineLost as error:
            raise SnapshotError(f"{self.name}: {error}") from None
        try:
            changes.fill(runs)
            self._ask("blockdev-add", **self._over(changes, top + 1))
            self._ask("blockdev-reopen", options=[self._filter(top + 1)])
        except (EngineLost, SnapshotError) as error:
            changes.close()
            raise SnapshotError(f"{self.name}: {error}") from None
        self._changes, self._top = changes, top + 1
        self._ask("blockdev-del", **{"node-name": f"disk{top}"})
        before.close()

    def _written_ns(self) -> int:
        return os.stat(self.name).st_mtime_ns

    def expect_unwritten(self, state: State) -> None:
        """SnapshotError when the file was written to after the disk was saved."""
        if state.fields.get("written_ns") != self._written_ns():
            raise SnapshotError(f"{self.name} is not as it was when the machine was saved: it was written to since")

    # -- its end --

    def error_words(self) -> str:
        """What is known of a request that failed: the engine does not say why."""
        words = f"{self.name}: {PROGRAM} answers a request with an error"
        try:
            place = os.statvfs(os.path.dirname(os.path.abspath(self.name)))
        except OSError:
            return words
        left = place.f_bavail * place.f_frsize
        return words if left > _NEARLY_FULL else f"{words}: {left} bytes are free in its file system"

    def _last_words(self, otherwise: str = "it has hung up") -> str:
        assert self._process is not None
        return self._process.last_words(otherwise).rpartition("}: ")[2]

    def end_words(self) -> str:
        """How it has ended."""
        return f"{PROGRAM} has ended: {self._last_words()}"

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None

    def _end(self) -> None:
        self._end_process()
        if self._changes is not None:
            self._changes.close()

    def close(self) -> None:
        """See EngineLink: what was written it writes out before it ends."""
        super().close()
        self._end()


def _is_run(run: object) -> bool:
    return isinstance(run, list) and len(run) == 2 and type(run[0]) is int and run[0] >= 0 and isinstance(run[1], bytes)
