"""qemu-storage-daemon as the engine of a disk: it knows the formats of other products' virtual disks.

It begins and ends with the machine. Source: qemu-storage-daemon(1).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from contextlib import suppress

from ...bus.engine_link import EngineLost
from ...errors import ConfigError
from .frontend import Frontend
from .wire import PATIENCE, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...memory.guest_memory import GuestMemory

PROGRAM = "qemu-storage-daemon"


class StorageDaemon(Frontend):
    """Serves the disk image `path`, of QEMU's format `driver`, with `queues` queues."""

    def __init__(
        self, path: str, driver: str, read_only: bool, queues: int, memory: GuestMemory, field: str = "disk"
    ) -> None:
        """ConfigError, with `field`, for what it does not take."""
        if not os.access(path, os.R_OK if read_only else os.R_OK | os.W_OK):
            hint = f"; {path},ro reads it only" if os.access(path, os.R_OK) else ""
            words = "not allowed" if os.path.exists(path) else "there is no such file"
            raise ConfigError.of(field, f"cannot open {path}: {words}{hint}")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # for as long as the process
        self._process: subprocess.Popen[bytes] | None = None
        try:
            super().__init__(Wire(self._connected(path, driver, read_only, queues, field)), memory)
        except EngineLost:
            raise ConfigError.of(field, f"{path}: {self._last_words()}") from None
        except BaseException:
            self._end()
            raise
        for index in range(queues):
            self.add_queue(index)

    def _connected(self, path: str, driver: str, read_only: bool, queues: int, field: str) -> socket.socket:
        """Starts it with a socket that already listens, so that nobody need wait."""
        with tempfile.TemporaryDirectory(prefix="vmm-") as folder, socket.socket(socket.AF_UNIX) as door:
            door.bind(f"{folder}/disk")
            door.listen(1)
            file = {"driver": "file", "node-name": "file", "filename": path, "read-only": read_only,
                    "discard": "unmap"}  # fmt: skip
            disk = {"driver": driver, "node-name": "disk", "file": "file", "read-only": read_only, "discard": "unmap"}
            export = {"type": "vhost-user-blk", "id": "disk", "node-name": "disk", "writable": not read_only,
                      "num-queues": queues, "addr": {"type": "fd", "str": str(door.fileno())}}  # fmt: skip
            words = [PROGRAM]
            for option, value in (("blockdev", file), ("blockdev", disk), ("export", export)):
                words += [f"--{option}", json.dumps(value)]
            try:
                self._process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said,
                    pass_fds=(door.fileno(),), start_new_session=True,
                )  # fmt: skip
            except FileNotFoundError:
                raise ConfigError.of(
                    field, f"{path} takes qemu-storage-daemon, which is not installed (Debian: qemu-utils)"
                ) from None
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(f"{folder}/disk")
            return connection

    def _last_words(self) -> str:
        """After the process has ended, or was made to."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        self._end()
        code = self._process.returncode if self._process is not None else 0
        silent = f"signal {-code}" if code < 0 else f"status {code}"
        words = lines[-1].removeprefix(f"{PROGRAM}: ") if lines else silent
        return words.rpartition("}: ")[2]

    def end_words(self) -> str:
        """How it has ended."""
        return f"{PROGRAM} has ended: {self._last_words()}"

    def _end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._said.close()

    def close(self) -> None:
        """See EngineLink: what was written it writes out before it ends."""
        super().close()
        self._end()
