"""The part of a shared file that is open: its data, its entries, its locks.

Locks are those of open file descriptions (fcntl(2)): other machines and the host's programs see them, and they end with
the descriptor. The guest's own kernel has kept its processes apart before it asks.
"""

from __future__ import annotations

import errno
import fcntl
import os
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LOCK = Struct("hhxxxxqqixxxx")
"""struct flock."""
_UNLOCK = 2
_DIRECTORY, _FILE, _LINK = 4, 8, 10
"""d_type."""
_LARGEST = (1 << 63) - 1


class OpenFile:
    """With a descriptor for data, once it has one."""

    def __init__(self) -> None:
        self._io = -1

    def close(self) -> None:
        """Legal twice."""
        if self._io >= 0:
            os.close(self._io)
            self._io = -1

    @property
    def _data(self) -> int:
        if self._io < 0:
            raise OSError(errno.EBADF, "not open")
        return self._io

    def read(self, views: Sequence[memoryview], offset: int) -> int:
        """How many bytes there were."""
        return os.preadv(self._data, views, _inside(offset)) if views else 0

    def write(self, views: Sequence[memoryview], offset: int) -> int:
        """How many bytes were taken."""
        return os.pwritev(self._data, views, _inside(offset)) if views else 0

    def sync(self, is_data_only: bool) -> None:
        """On the disk when it returns."""
        (os.fdatasync if is_data_only else os.fsync)(self._data)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """(name, inode, d_type) of a directory's."""
        own = os.fstat(self._data).st_ino
        found = [(b".", own, _DIRECTORY), (b"..", own, _DIRECTORY)]
        with os.scandir(self._data) as entries:
            for entry in entries:
                kind = _LINK if entry.is_symlink() else 0
                kind = kind or (_DIRECTORY if entry.is_dir(follow_symlinks=False) else 0)
                kind = kind or (_FILE if entry.is_file(follow_symlinks=False) else 0)
                found.append((os.fsencode(entry.name), entry.inode(), kind))
        return found

    def lock(self, kind: int, start: int, size: int) -> bool:
        """0 to read, 1 to write, 2 to unlock; size 0 is to the end. False when another has it."""
        try:
            fcntl.fcntl(self._data, fcntl.F_OFD_SETLK, _lock(kind, start, size))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def lock_in_the_way(self, kind: int, start: int, size: int) -> tuple[int, int, int, int] | None:
        """(kind, start, size, process) of one that keeps such a lock from being had."""
        found = fcntl.fcntl(self._data, fcntl.F_OFD_GETLK, _lock(kind, start, size))
        there, _, first, length, process = _LOCK.unpack(found)
        return None if there == _UNLOCK else (there, first, length, max(0, process))


def _inside(offset: int) -> int:
    if offset > _LARGEST:
        raise OSError(errno.EINVAL, "no such place")
    return offset


def _lock(kind: int, start: int, size: int) -> bytes:
    if kind > _UNLOCK or start > _LARGEST or size > _LARGEST:
        raise OSError(errno.EINVAL, "no such lock")
    return _LOCK.pack(kind, os.SEEK_SET, start, size, 0)
