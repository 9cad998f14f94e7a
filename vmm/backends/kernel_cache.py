"""Unpacked kernels in the user's cache directory: what took a second to unpack is there at once the next time.

An entry is named by the SHA-256 of the file it comes from. A second name stands for a file as it lies on disk (device,
inode, size, times), so that an unchanged file need not be read to be known. Files appear in one piece, and only the
newest stay. A cache that cannot be read or written is none: nothing here raises OSError.
"""

from __future__ import annotations

import mmap
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 8
"""Kernels kept."""


class KernelCache:
    """The kernels in `directory`, which is made when the first comes."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def find(self, name: str) -> mmap.mmap | None:
        """The kernel of that name, mapped read-only; the caller closes it."""
        path = os.path.join(self._directory, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            mapping = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            os.close(fd)
            return None
        try:
            os.utime(fd)  # the newest are those used last
        except OSError:
            pass  # a cache that others keep
        finally:
            os.close(fd)
        return mapping

    def put(self, name: str, content: bytes) -> None:
        """Keeps `content` under `name`, and drops the oldest above MOST."""
        temporary = os.path.join(self._directory, f".{name}.{os.getpid()}")
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(content)
            os.replace(temporary, os.path.join(self._directory, name))
            self._prune()
        except OSError:
            _remove(temporary)

    def alias(self, other: str, name: str) -> None:
        """Lets `other` mean the kernel of that name."""
        temporary = os.path.join(self._directory, f".{other}.{os.getpid()}")
        try:
            os.symlink(name, temporary)
            os.replace(temporary, os.path.join(self._directory, other))
        except OSError:
            _remove(temporary)

    def _prune(self) -> None:
        """The oldest kernels, and names that lead nowhere."""
        kernels = sorted(self._entries(is_link=False), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        for entry in kernels[MOST:]:
            _remove(entry.path)
        for entry in self._entries(is_link=True):
            if not os.path.exists(entry.path):
                _remove(entry.path)

    def _entries(self, is_link: bool) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._directory) as entries:
            yield from [each for each in entries if each.name[0] != "." and each.is_symlink() is is_link]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
