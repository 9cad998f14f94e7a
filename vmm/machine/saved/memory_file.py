"""The memory image of a snapshot as a file: sparse, to be mapped, with a last page that says whose it is.

Its name has an id of its own, so that it never takes an older one's place: the one move that counts is that of the
snapshot's own file, which names the image. An image that no snapshot names is left from a writer that was killed; the
next one removes it. A writer holds a lock on its image, so that it is not taken for such a one.
"""

from __future__ import annotations

import fcntl
import os
from binascii import crc32  # as zlib.crc32

from ...errors import SnapshotError
from ...memory.pages import data_runs
from .snapshot import PAGE, SavedMemory

CHUNK = 1 << 20
_SUFFIX, WORKING_SET, TEMPORARY = ".memory", ".touched", ".tmp"
SUFFIXES = (_SUFFIX, WORKING_SET, TEMPORARY)
"""Of the files beside a snapshot: its image, what a restored machine touched first, and what is being written."""


def name_for(path: str, id: str) -> str:
    """The name of the image beside the snapshot at `path`."""
    return f"{os.path.basename(path)}.{id}{_SUFFIX}"


def create(path: str) -> int:
    """A new image, locked for this process as long as the fd is open. OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def finish(fd: int, size: int, id: str) -> tuple[int, int]:
    """Puts the last page behind `size` bytes of memory and all of it on the disk; the stamp."""
    os.pwrite(fd, _last_page(id), size)
    os.fsync(fd)
    found = os.fstat(fd)
    return found.st_ino, found.st_mtime_ns


def _last_page(id: str) -> bytes:
    return f"vmm-memory 1 {id}\n".encode().ljust(PAGE, b"\0")


def open_image(folder: str, memory: SavedMemory, verify: bool | None = None) -> int:
    """The fd of an image, known to be the snapshot's: to be read and mapped.

    Its content is compared with its checksums when `verify` says so, or, with None, unless its stamp tells that nobody
    has touched it since it was written: a copy is read through once. SnapshotError names what is wrong.
    """
    path = os.path.join(folder, memory.file)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SnapshotError(f"the memory of the snapshot cannot be read: {path}: {error.strerror}") from error
    try:
        found = os.fstat(fd)
        if found.st_size != memory.size + PAGE:
            how = "cut" if found.st_size < memory.size + PAGE else "altered"
            raise SnapshotError(f"{path} was {how}: {found.st_size} bytes instead of {memory.size + PAGE}")
        if os.pread(fd, PAGE, memory.size) != _last_page(memory.id):
            raise SnapshotError(f"{path} is the memory of another snapshot, or was altered")
        if verify or (verify is None and (found.st_ino, found.st_mtime_ns) != memory.stamp):
            _verify(fd, memory, path)
    except OSError as error:
        os.close(fd)
        raise SnapshotError(f"{path}: {error.strerror}") from error
    except BaseException:
        os.close(fd)
        raise
    return fd


def _verify(fd: int, memory: SavedMemory, path: str) -> None:
    at = 0
    for offset, size, checksum in (*memory.runs, (memory.size, 0, 0)):
        for start, length in data_runs(fd, at, offset - at):
            _expect_zeroes(fd, at + start, min(length, offset - at - start), path)
        if crc32(os.pread(fd, size, offset)) != (checksum if size else 0):
            raise SnapshotError(f"{path} was altered: the {size} bytes from {offset:#x} are others")
        at = offset + size


def _expect_zeroes(fd: int, start: int, size: int, path: str) -> None:
    for at in range(start, start + size, CHUNK):
        piece = os.pread(fd, min(CHUNK, start + size - at), at)
        if piece.count(0) != len(piece):
            raise SnapshotError(f"{path} was altered: there are bytes from {at:#x} on, where there were none")


def remove_strays(path: str, kept: str) -> None:
    """Removes what writers of the snapshot at `path` have left: images that nobody names any more and nobody writes,
    and what stands beside those. `kept` is the id of the image that is named now."""
    from contextlib import suppress  # for writers only

    folder, base = os.path.split(path)
    with suppress(OSError):
        for name in os.listdir(folder or "."):
            id, _, suffix = name.removeprefix(f"{base}.").partition(".")
            is_ours = name.startswith(f"{base}.{id}.") and len(id) == 16 and not set(id) - set("0123456789abcdef")
            if is_ours and id != kept and f".{suffix}" in SUFFIXES:
                with suppress(OSError):
                    _remove_unless_written(os.path.join(folder, name), os.path.join(folder, name_for(base, id)))


def _remove_unless_written(path: str, image: str) -> None:
    try:
        fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it was made first: whoever wrote beside it is gone
        os.unlink(path)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(fd)
