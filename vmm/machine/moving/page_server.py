"""A snapshot served page by page: who restores from it starts at once, and asks for memory as the guest touches it.

Each client has a thread and a connection of its own; nothing of one concerns another. A file that is written anew under
its name does not disturb those that are served: their image stays open.
"""

from __future__ import annotations

import os
import struct
from array import array

from ...errors import HostError, SnapshotError
from ..saved import files, memory_file, working_set
from ..saved.snapshot import PAGE
from . import wire
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...memory.pages import Run

LARGEST = 1 << 20
"""Bytes that are asked for in one go, at most."""


class Served:
    """A snapshot and those that it adds to, seen as one memory. SnapshotError as of files.read_chain()."""

    def __init__(self, path: str) -> None:
        chain = files.read_chain(path)
        place, self.snapshot = chain[-1]
        self._fds: list[int] = []
        self._source = array("H", bytes(2 * (self.snapshot.memory.size // PAGE)))
        """Of each page: 0 where it is empty, else which of the fds has it, counted from 1."""
        try:
            for number, (each, snapshot) in enumerate(chain, 1):
                self._fds.append(memory_file.open_image(os.path.dirname(each), snapshot.memory))
                for offset, size, _ in snapshot.memory.runs:
                    count = size // PAGE
                    self._source[offset // PAGE : offset // PAGE + count] = array("H", [number]) * count
        except BaseException:
            self.close()
            raise
        self.touched = working_set.read(working_set.path_of(place, self.snapshot.memory.id), self.snapshot.memory.sizes)
        """Runs that a machine restored from it touched first; none where that is not known."""

    def runs(self) -> list[Run]:
        """What holds something."""
        return [(at, size) for number, at, size in self._alike(0, self.snapshot.memory.size) if number]

    def read(self, offset: int, size: int) -> bytes:
        """Memory as it was saved. SnapshotError where there is none, or for an image that was cut meanwhile."""
        if size <= 0 or size > LARGEST or (offset | size) % PAGE or offset + size > self.snapshot.memory.size:
            raise SnapshotError(f"there is no memory of {size} bytes at {offset:#x}")
        parts = []
        for number, at, length in self._alike(offset, size):
            part = os.pread(self._fds[number - 1], length, at) if number else bytes(length)
            if len(part) != length:
                raise SnapshotError("the memory image was cut")
            parts.append(part)
        return b"".join(parts)

    def _alike(self, offset: int, size: int) -> Iterator[tuple[int, int, int]]:
        """(number, offset, size) of runs that are in one image."""
        at, end = offset // PAGE, (offset + size) // PAGE
        while at < end:
            number, first = self._source[at], at
            while at < end and self._source[at] == number:
                at += 1
            yield number, first * PAGE, (at - first) * PAGE

    def close(self) -> None:
        """Gives the images back."""
        while self._fds:
            os.close(self._fds.pop())


def serve(served: Served, line: Wire) -> int:
    """All that one client wants, until it has it: how many bytes it took. SnapshotError for one that breaks the
    protocol, HostError for a connection that fails."""
    line.greet(wire.PAGES_MAGIC)
    snapshot = served.snapshot
    memory = snapshot.memory.replace(runs=(), file="wire")
    line.send(wire.HELLO, snapshot.replace(parent=None, memory=memory).to_bytes())
    line.send(wire.RUNS, packed(served.runs()))
    line.send(wire.RUNS, packed(served.touched))
    while True:
        try:
            _, content = line.receive(wire.GET, patience=None)
        except wire.Gone:
            return line.sent
        if len(content) != _RUN.size:
            raise SnapshotError("what is asked for is no run of pages")
        offset, size = _RUN.unpack(content)
        try:
            line.send(wire.PAGES, struct.pack("<Q", offset), served.read(offset, size))
        except OSError as error:
            raise HostError(f"the memory image cannot be read: {error.strerror}") from error


_RUN = struct.Struct("<2Q")


def packed(runs: list[Run]) -> bytes:
    """Runs as they go over the line."""
    return b"".join(_RUN.pack(*run) for run in runs)


def unpacked(content: bytes, size: int) -> list[Run]:
    """Back, for memory of `size` bytes. SnapshotError for what is none."""
    if len(content) % _RUN.size or len(content) // _RUN.size > size // PAGE:
        raise SnapshotError("what came are no runs of pages")
    runs = list(_RUN.iter_unpack(content))
    if any(not 0 < length <= size - offset or (offset | length) % PAGE for offset, length in runs):
        raise SnapshotError("runs of pages that came lie nowhere")
    return runs
