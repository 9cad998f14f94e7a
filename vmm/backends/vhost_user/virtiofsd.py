"""virtiofsd as the engine of a shared directory, in its own sandbox: namespaces in which the directory is the root.

There are two programs of this name: one in Rust, and the one in C that came with QEMU until 7.2 and takes other words.
Source: virtiofsd(1) of both.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from ...bus.engine_link import EngineLost
from ...errors import ConfigError
from .frontend import Frontend
from .process import EngineProcess
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...memory.guest_memory import GuestMemory

PROGRAM = "virtiofsd"
ELSEWHERE = "/usr/libexec:/usr/lib/qemu"
"""Where Debian and others have it."""
QUEUES = 2
"""One for urgent requests, one for the others."""


class Virtiofsd(Frontend):
    """Serves the directory `path`."""

    def __init__(self, path: str, read_only: bool, memory: GuestMemory, field: str = "share") -> None:
        """ConfigError, with `field`, for what it does not take."""
        program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=ELSEWHERE)
        if program is None:
            raise ConfigError.of(field, f"{path},virtiofs takes {PROGRAM}, which is not installed (Debian: {PROGRAM})")
        if not os.path.isdir(path):
            raise ConfigError.of(field, f"{path} is no directory")
        self._process = EngineProcess([program, *_words(program, os.path.abspath(path), read_only, field)])
        try:
            super().__init__(Wire(self._process.connection), memory)
        except EngineLost as error:
            raise ConfigError.of(field, f"{path}: {PROGRAM}: {self._process.last_words(str(error))}") from None
        except BaseException:
            self._process.end()
            raise
        for index in range(QUEUES):
            self.add_queue(index)

    def end_words(self) -> str:
        """How it has ended."""
        return f"{PROGRAM} has ended: {self._process.last_words('it has hung up')}"

    def close(self) -> None:
        """See EngineLink."""
        super().close()
        self._process.end()


def _words(program: str, path: str, read_only: bool, field: str) -> list[str]:
    """Its options."""
    help = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    if "--shared-dir" in help:
        words = ["--fd=0", f"--shared-dir={path}", "--sandbox=namespace"]
        if not read_only:
            return words
        if "--readonly" in help:
            return [*words, "--readonly"]
    elif os.geteuid():
        raise ConfigError.of(field, f"{path}: this {PROGRAM}, QEMU's, takes root for its sandbox")
    elif not read_only:
        source = path.replace("\\", "\\\\").replace(",", "\\,")
        return ["-f", "--fd=0", "-o", f"source={source},sandbox=namespace,log_level=err"]
    raise ConfigError.of(field, f"{path}: this {PROGRAM} cannot share for reading only; without virtiofs it can be")
