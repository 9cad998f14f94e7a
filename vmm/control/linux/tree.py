"""A directory of the host as members of an initramfs, and a file in memory that holds the archive for a loader."""

from __future__ import annotations

import os
import stat

from ...boot import cpio
from ...boot.cpio import Member
from ...errors import ConfigError
from ...units import KiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PIECE = 256 * KiB
ENDLESS = 1 << 63


def members(top: str, warn: Callable[[str], None], most: int = ENDLESS) -> list[Member]:
    """Everything below `top`, which itself becomes the root; or, once its files have more than `most` bytes, what was
    found until then.

    Links are kept as links. Sockets and fifos are left out, and `warn` is told. ConfigError names what cannot be read.
    """
    if not os.path.isdir(top):
        why = "is no directory" if os.path.lexists(top) else "does not exist"
        raise ConfigError.of("--dir", f"{top} {why}")
    found: list[Member] = []
    waiting, size = [""], 0
    try:
        while waiting:
            below = waiting.pop()
            with os.scandir(os.path.join(top, below)) as entries:
                for entry in entries:
                    name = os.path.join(below, entry.name)
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(name)
                    member = _member(entry.path, name, status)
                    if member is None:
                        warn(f"--dir: {entry.path} is a {_KINDS[stat.S_IFMT(status.st_mode)]}: left out")
                    else:
                        found.append(member)
                        size += member.size
                if size > most:
                    return found
    except OSError as error:
        raise ConfigError.of("--dir", f"cannot read {error.filename}: {error.strerror}") from None
    return found


_KINDS = {stat.S_IFSOCK: "socket", stat.S_IFIFO: "fifo"}


def _member(path: str, name: str, status: os.stat_result) -> Member | None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        if not os.access(path, os.R_OK):
            raise ConfigError.of("--dir", f"cannot read {path}: Permission denied")
        return Member(name=name, mode=mode, size=status.st_size, content=lambda: _pieces(path, status.st_size))
    if stat.S_ISDIR(mode):
        return Member(name=name, mode=mode)
    if stat.S_ISLNK(mode):
        return cpio.symlink(name, os.readlink(path))
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return Member(name=name, mode=mode, device=(os.major(status.st_rdev), os.minor(status.st_rdev)))
    return None


def _pieces(path: str, size: int) -> Iterator[bytes]:
    """What is in the file, one byte more than `size` at most: pack() says when it has changed."""
    left = size + 1
    try:
        with open(path, "rb", buffering=0) as file:
            while left > 0 and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise ConfigError.of("--dir", f"cannot read {path}: {error.strerror}") from None


class ArchiveFile:
    """Archives one after the other in a file that lives in memory, under a path that a loader can open."""

    def __init__(self, name: str) -> None:
        self._fd = os.memfd_create(name)
        self.path = f"/proc/self/fd/{self._fd}"
        self.size = 0

    def add(self, pieces: Iterable[bytes]) -> None:
        """Writes at the end. An archive begins at a multiple of four bytes: ours end at one."""
        for piece in pieces:
            self._write(piece)

    def add_directory(self, top: str, memory: int, warn: Callable[[str], None]) -> None:
        """Adds an archive of what is below `top`. ConfigError, before anything is read, when it is more than the
        guest's `memory`; otherwise as members() and pack()."""
        found = cpio.in_order(members(top, warn, memory))
        size = cpio.size_of(found)
        if size > memory:
            what = f"{top} makes an initramfs of {format_size(size)} at least"
            raise ConfigError.of("--dir", f"{what}; the guest has {format_size(memory)} of memory: raise --memory")
        self.add(cpio.pack(found))

    def add_members(self, members: Iterable[Member]) -> None:
        """Adds an archive of ours. BootError when a file changes meanwhile."""
        self.add(cpio.pack(cpio.in_order(members)))

    def _write(self, piece: bytes) -> None:
        self.size += len(piece)
        while piece:
            piece = piece[os.write(self._fd, piece) :]

    def close(self) -> None:
        """Gives the memory back. Legal twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def write(top: str, path: str) -> None:
    """Packs the directory `top` into the file `path`; scripts/guest-linux calls it."""
    with open(path, "wb") as file:
        for piece in cpio.pack(cpio.in_order(members(top, lambda words: None))):
            file.write(piece)
