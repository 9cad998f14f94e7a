"""Snapshots on disk: written so that a kill at any moment leaves the old one or the new one, and read with their chain.

First the memory image, under a name of its own, synced; then the snapshot's file under a temporary name, synced; then
one rename, which is the moment at which the new one is there; then the old image goes.
"""

from __future__ import annotations

import os

from ...errors import HostError, SnapshotError
from . import memory_file, sealed
from .snapshot import Parent, SavedMemory, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...memory.image import CheckedRun
    from .machine_state import MachineState

LONGEST_CHAIN = 1000


def write(
    path: str, fields: Callable[[], tuple[MachineState, dict[str, object], dict[str, str]]], sizes: list[int],
    write_memory: Callable[[int], list[CheckedRun]], parent: Parent | None = None, id: str = "",
) -> Snapshot:  # fmt: skip
    """A new snapshot at `path`, in place of one that is there. `fields` gives (state, needs, host), `write_memory`
    fills the image's fd and gives its runs; `id` is given for one that is known already. HostError when it cannot be
    written: then nothing has changed."""
    path = os.path.realpath(path)
    image_id = os.urandom(8).hex()
    name = memory_file.name_for(path, image_id)
    image = os.path.join(os.path.dirname(path), name)
    temporary = f"{path}.{image_id}{memory_file.TEMPORARY}"
    made = []
    try:
        fd = memory_file.create(image)
        made.append(image)
        try:
            state, needs, host = fields()
            runs = write_memory(fd)
            stamp = memory_file.finish(fd, sum(sizes), image_id)
            memory = SavedMemory(id=image_id, file=name, sizes=tuple(sizes), runs=tuple(runs), stamp=stamp)
            snapshot = Snapshot(id=id or image_id, host=host, needs=needs, parent=parent, state=state, memory=memory)
            with open(temporary, "xb", opener=_private) as file:
                made.append(temporary)
                file.write(snapshot.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
            made.clear()
            _sync_folder(os.path.dirname(path))
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}", "nothing has changed" if made else "") from error
    finally:
        for leftover in made:
            if os.path.exists(leftover):
                os.unlink(leftover)
    memory_file.remove_strays(path, image_id)
    return snapshot


def _private(path: str, flags: int) -> int:
    """For nobody else's eyes: a guest's memory may hold secrets, and so may its registers."""
    return os.open(path, flags, 0o600)


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read(path: str) -> Snapshot:
    """The snapshot at `path`, without a look at its memory. SnapshotError for what is none."""
    try:
        with open(path, "rb") as file:
            content = file.read(sealed.MOST + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise SnapshotError(f"cannot read {path}: {words}") from error
    if len(content) > sealed.MOST:
        raise SnapshotError(f"{path} is too large for a snapshot")
    return Snapshot.from_bytes(content, path)


def read_chain(path: str) -> list[tuple[str, Snapshot]]:
    """(path, snapshot) of the one at `path` and of those it adds to, the full one first. SnapshotError for a chain that
    is broken: a parent that is gone, or another one in its place."""
    path = os.path.realpath(path)
    chain = [(path, read(path))]
    while (parent := chain[-1][1].parent) is not None:
        above, child = chain[-1]
        origin = os.path.realpath(os.path.join(os.path.dirname(above), parent.path))
        if len(chain) >= LONGEST_CHAIN or any(origin == each for each, _ in chain):
            raise SnapshotError(f"{above}: its chain of parents has no end")
        try:
            found = read(origin)
        except SnapshotError as error:
            raise SnapshotError(f"{above} adds to another snapshot: {error}") from error
        if found.id != parent.id:
            raise SnapshotError(f"{above} adds to snapshot {parent.id}, but {origin} is {found.id} by now")
        if found.memory.sizes != child.memory.sizes:
            raise SnapshotError(f"{above} and {origin} are of machines with different memory")
        chain.append((origin, found))
    return chain[::-1]
