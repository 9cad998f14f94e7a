"""The process of an engine: it begins with the machine and ends with it, also with one that is killed."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile

from .wire import PATIENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WATCH = "read -r pid; read -r _; kill $pid"
"""What a shell beside it does with a pipe of ours, whose end is our end. (A signal at its parent's death would come at
the end of the thread that has started it.) It has none of the engine's sockets, whose end is then the engine's."""
_MOMENT = 0.2
"""Seconds."""


class EngineProcess:
    """`command` serves who connects to its standard input, a socket that listens already: nobody need wait until it
    does. `fds` are handed to it, too."""

    def __init__(self, command: Sequence[str], fds: Sequence[int] = ()) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # for as long as the process
        with tempfile.TemporaryDirectory(prefix="vmm-") as folder, socket.socket(socket.AF_UNIX) as door:
            door.bind(f"{folder}/engine")
            door.listen(1)
            self._name = os.path.basename(command[0])
            theirs, self._life = os.pipe()
            try:
                self._watcher = subprocess.Popen(
                    ["/bin/sh", "-c", _WATCH], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
                self._process = subprocess.Popen(
                    command, stdin=door.fileno(), stdout=self._said, stderr=self._said, start_new_session=True,
                    pass_fds=fds,
                )  # fmt: skip
                os.write(self._life, b"%d\n" % self._process.pid)
            except BaseException:
                os.close(self._life)
                raise
            finally:
                os.close(theirs)
            self.connection = socket.socket(socket.AF_UNIX)
            """With the engine, once that takes it up."""
            self.connection.connect(f"{folder}/engine")

    @property
    def pid(self) -> int:
        """The host's number of it."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it has, after a moment in which one that hangs up may be about to."""
        try:
            self._process.wait(_MOMENT)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self, otherwise: str = "") -> str:
        """The signal that ended it, what it said last, or its status; `otherwise` of one that has neither ended nor
        said anything. It is made to end."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            code = 0
        else:
            otherwise = f"status {code}"
        lines: list[str] = []
        if not self._said.closed:
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
        self.end()
        if code < 0:
            return f"signal {-code}"
        return lines[-1].removeprefix(f"{self._name}: ") if lines else otherwise

    def end(self) -> None:
        """Asks it to end, and makes it if it does not. Legal twice."""
        if self._life >= 0:
            self._watcher.kill()  # first: it shall not take another process for the engine
            self._watcher.wait()
            os.close(self._life)
            self._life = -1
        if self._process.returncode is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._said.close()
