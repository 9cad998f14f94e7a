"""One whole snapshot out of one that adds to others."""

from __future__ import annotations

import mmap
import os

from ...errors import SnapshotError
from ...memory import pages
from ...memory.image import checked_runs
from . import files, memory_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...memory.image import CheckedRun
    from ...memory.pages import Run
    from .snapshot import Snapshot


def squash(path: str, to: str) -> str:
    """Writes what the snapshot at `path` and those it adds to are together to `to`, which may be `path`: the same
    machine under the same id, so that what adds to it still does. Its parents stay as they are; its id.

    All memory is read against its checksums. SnapshotError for a damaged one, HostError when it cannot be written.
    """
    chain = files.read_chain(path)
    top = chain[-1][1]

    def write_memory(fd: int) -> list[CheckedRun]:
        os.ftruncate(fd, top.memory.size)
        used: list[Run] = []
        for place, snapshot in chain:
            _copy(place, snapshot, fd)
            used = pages.united(used, [(offset, size) for offset, size, _ in snapshot.memory.runs])
        with mmap.mmap(fd, top.memory.size, mmap.MAP_SHARED, mmap.PROT_READ) as image:
            return checked_runs(image, pages.without_zeroes(image, used))

    fields = top.state, top.needs, top.host
    return files.write(to, lambda: fields, list(top.memory.sizes), write_memory, id=top.id).id


def _copy(place: str, snapshot: Snapshot, to: int) -> None:
    image = memory_file.open_image(os.path.dirname(place), snapshot.memory, verify=True)
    try:
        for offset, size, _ in snapshot.memory.runs:
            piece = os.pread(image, size, offset)
            if len(piece) != size or os.pwrite(to, piece, offset) != size:
                raise SnapshotError(f"{place}: its memory was cut just now")
    finally:
        os.close(image)
