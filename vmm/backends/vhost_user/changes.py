"""What a guest writes to a disk that keeps its file as it is: a qcow2 image in memory, over the file."""

from __future__ import annotations

import os
import subprocess

from ...bus.engine_link import EngineLost
from ...errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROGRAM = "qemu-img"
FORMAT = "qcow2"
CHUNK = 1 << 20
_FEATURES_AT = 72
"""Bits that a reader must know: one would have it open another file. Source: QEMU, docs/interop/qcow2.rst."""


class Changes:
    """A memfd with such an image; nothing in it yet but which file it is over."""

    def __init__(self, below: str, driver: str) -> None:
        """`below` is of QEMU's format `driver`. EngineLost, with qemu-img's words, where there can be none."""
        self._fd = os.memfd_create("vmm-disk", os.MFD_CLOEXEC)
        words = [PROGRAM, "create", "-q", "-f", FORMAT, "-b", os.path.abspath(below), "-F", driver, self.path]
        try:
            made = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            self.close()
            raise EngineLost(f"{PROGRAM} (Debian: qemu-utils) cannot be run: {error.strerror}") from None
        if made.returncode:
            self.close()
            said = made.stderr.strip().splitlines() or [f"status {made.returncode}"]
            raise EngineLost(said[-1].removeprefix(f"{PROGRAM}: "))

    @property
    def path(self) -> str:
        """By which processes of the same user find it."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def runs(self) -> list[list[Any]]:
        """[offset, bytes] of all that is no hole."""
        found: list[list[Any]] = []
        at, end = 0, os.fstat(self._fd).st_size
        while at < end:
            try:
                at = os.lseek(self._fd, at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole from here on
                break
            hole = os.lseek(self._fd, at, os.SEEK_HOLE)
            while at < hole:
                found.append([at, os.pread(self._fd, min(CHUNK, hole - at), at)])
                at += CHUNK
            at = hole
        return [*found, [end, b""]]

    def fill(self, runs: list[list[Any]]) -> None:
        """Becomes what runs() gave of another. SnapshotError for what no image of ours can be."""
        os.ftruncate(self._fd, 0)
        try:
            for at, content in runs:
                os.ftruncate(self._fd, at + len(content))
                os.pwrite(self._fd, content, at)
        except (OSError, OverflowError) as error:
            raise SnapshotError(f"changes to a disk cannot be put back: {error}") from None
        if os.pread(self._fd, 8, _FEATURES_AT).strip(b"\0"):
            raise SnapshotError("changes to a disk name another file, or are of a kind that is not known here")

    def close(self) -> None:
        """Gives it back. Legal twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
