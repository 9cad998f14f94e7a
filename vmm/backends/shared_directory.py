"""A directory of the host's for a guest: what is below it, and nothing else.

A file is known by an O_PATH descriptor, never by a path: who renames and links meanwhile changes nothing of what it is.
Names come singly and are opened with openat2 beneath the directory that holds them. What is mounted below it is not
seen: with / shared, /proc/self would be the VMM. Only regular files and directories are opened; devices cannot be made,
files that run as their owner neither. An unprivileged VMM's own files seem to belong to the guest's root; new files are
its own. A directory that somebody on the host moves out while the guest has it open stays open.
"""

from __future__ import annotations

import errno
import os
import resource
import stat as modes
import time
from contextlib import suppress

from ..errors import ConfigError, HostError
from .beneath import open_beneath
from .shared_file import OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MOST_ATTRIBUTE = 64 << 10
_FILE_SYSTEM = 0x01021997
"""V9FS_MAGIC."""
_OPEN_FLAGS = os.O_ACCMODE | os.O_TRUNC | os.O_APPEND | os.O_DSYNC | os.O_SYNC
_PATH = os.O_PATH | os.O_NOFOLLOW
_OURS = b"user."
"""Of extended attributes: others mean something to the host's kernel."""


class SharedDirectory:
    """Implements Tree of the 9P server."""

    def __init__(self, path: str, is_read_only: bool, field: str) -> None:
        """ConfigError, with `field`, for what is no directory; HostError where the kernel is too old."""
        self.is_read_only = is_read_only
        try:
            self._fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError.of(field, f"{path}: {error.strerror}") from error
        try:
            os.close(open_beneath(self._fd, b".", os.O_PATH))
        except OSError as error:
            self.close()
            raise HostError(
                f"cannot share {path}: {error.strerror}", "openat2 is needed: Linux 5.6 or later"
            ) from error
        self.uid, self.gid = os.geteuid(), os.getegid()
        self.most_files = _room_for_files()

    def root(self) -> SharedFile:
        """The directory itself."""
        return SharedFile(self, os.dup(self._fd))

    def find(self, place: bytes) -> SharedFile:
        """What SharedFile.place() named."""
        return SharedFile(self, open_beneath(self._fd, place or b".", _PATH))

    def is_root(self, fd: int) -> bool:
        """Whether this is the directory itself."""
        return os.path.samestat(os.fstat(fd), os.fstat(self._fd))

    def place(self, fd: int) -> bytes | None:
        """Where a file is below the directory; None when it is there no more."""
        top, here = (os.readlink(f"/proc/self/fd/{each}".encode()) for each in (self._fd, fd))
        if here == top:
            return b""
        is_below = here.startswith(top.rstrip(b"/") + b"/") and os.fstat(fd).st_nlink
        return here[len(top.rstrip(b"/")) + 1 :] if is_below else None

    def close(self) -> None:
        """Legal twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class SharedFile(OpenFile):
    """Implements File of the 9P server. Owns `fd`."""

    def __init__(self, tree: SharedDirectory, fd: int) -> None:
        super().__init__()
        self._tree = tree
        self._fd = fd
        self._path = f"/proc/self/fd/{fd}"
        """By which calls reach it that take no O_PATH descriptor; it leads to the file, not through a link in it."""

    def close(self) -> None:
        """Gives back the descriptors. Legal twice."""
        super().close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # -- what it is --

    def stat(self) -> Any:
        """As os.stat_result, with owners as the guest sees them."""
        found = os.fstat(self._fd)
        tree = self._tree
        return _Seen(found, tree.uid, tree.gid) if tree.uid else found

    def statfs(self) -> tuple[int, ...]:
        """(type, block size, blocks, free, available, files, free files, longest name)."""
        found = os.fstatvfs(self._fd)
        return (_FILE_SYSTEM, found.f_frsize, found.f_blocks, found.f_bfree, found.f_bavail, found.f_files,
                found.f_ffree, found.f_namemax)  # fmt: skip

    def place(self) -> bytes | None:
        """See SharedDirectory.place()."""
        return self._tree.place(self._fd)

    def read_link(self) -> bytes:
        """Where a link leads, in its own words."""
        return os.readlink(b"", dir_fd=self._fd)

    # -- names in a directory --

    def walk(self, name: bytes) -> SharedFile:
        """The file of that name in this directory; b"." is the file itself."""
        if name == b".":
            return SharedFile(self._tree, os.dup(self._fd))
        if name == b".." and self._tree.is_root(self._fd):
            return self._tree.root()
        return SharedFile(self._tree, open_beneath(self._fd, _one(name), _PATH))

    def open(self, flags: int) -> None:
        """Opens it, a regular file or a directory."""
        kind = os.fstat(self._fd).st_mode
        if flags & (os.O_ACCMODE | os.O_TRUNC):
            self._change()
        if modes.S_ISDIR(kind):
            if flags & os.O_ACCMODE:
                raise OSError(errno.EISDIR, "a directory")
            self._io = open_beneath(self._fd, b".", os.O_RDONLY | os.O_DIRECTORY)
        elif modes.S_ISREG(kind):
            self._io = os.open(self._path, flags & _OPEN_FLAGS | os.O_CLOEXEC | os.O_NOCTTY)
        else:
            raise OSError(errno.ENXIO, "neither a file nor a directory")

    def create(self, name: bytes, flags: int, mode: int) -> SharedFile:
        """A new file in this directory, open."""
        self._change()
        how = flags & (_OPEN_FLAGS | os.O_EXCL) | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        io = open_beneath(self._fd, _one(name), how, mode & 0o777)
        try:
            if not modes.S_ISREG(os.fstat(io).st_mode):
                raise OSError(errno.ENXIO, "no file")
            file = SharedFile(self._tree, os.open(f"/proc/self/fd/{io}", os.O_PATH | os.O_CLOEXEC))
        except OSError:
            os.close(io)
            raise
        file._io = io
        return file

    def make_directory(self, name: bytes, mode: int) -> SharedFile:
        """A new one in this one."""
        self._change()
        os.mkdir(_one(name), mode & 0o1777, dir_fd=self._fd)
        return self.walk(name)

    def make_link(self, name: bytes, target: bytes) -> SharedFile:
        """A symbolic link; the guest follows it, we never do."""
        self._change()
        os.symlink(target, _one(name), dir_fd=self._fd)
        return self.walk(name)

    def make_node(self, name: bytes, mode: int) -> SharedFile:
        """A file, FIFO or socket. EPERM for a device."""
        self._change()
        if modes.S_IFMT(mode) not in (0, modes.S_IFREG, modes.S_IFIFO, modes.S_IFSOCK):
            raise OSError(errno.EPERM, "no devices")
        os.mknod(_one(name), modes.S_IFMT(mode) | mode & 0o777, dir_fd=self._fd)
        return self.walk(name)

    def link(self, name: bytes, file: Any) -> None:
        """One name more for a file."""
        self._change()
        os.link(file._path, _one(name), dst_dir_fd=self._fd)

    def rename(self, name: bytes, to: Any, new: bytes) -> None:
        """From this directory to another."""
        self._change()
        os.rename(_one(name), _one(new), src_dir_fd=self._fd, dst_dir_fd=to._fd)

    def unlink(self, name: bytes, is_directory: bool) -> None:
        """One name less, or an empty directory."""
        self._change()
        (os.rmdir if is_directory else os.unlink)(_one(name), dir_fd=self._fd)

    # -- attributes --

    def set_mode(self, mode: int) -> None:
        """Permissions. Files get no bits by which they run as somebody else."""
        self._change()
        kind = os.fstat(self._fd).st_mode
        os.chmod(self._path, mode if modes.S_ISDIR(kind) else mode & 0o1777)

    def set_owner(self, uid: int, gid: int) -> None:
        """-1 to keep one. EPERM for what only a privileged VMM may do."""
        self._change()
        tree, now = self._tree, os.fstat(self._fd)
        if tree.uid:
            uid, gid = tree.uid if uid == 0 else uid, tree.gid if gid == 0 else gid
        if uid not in (-1, now.st_uid) or gid not in (-1, now.st_gid):
            os.chown(self._path, uid, gid)

    def set_size(self, size: int) -> None:
        """Cuts it off or makes it longer."""
        self._change()
        if size >> 63:
            raise OSError(errno.EFBIG, "no file is so large")
        if not modes.S_ISREG(os.fstat(self._fd).st_mode):
            raise OSError(errno.EINVAL, "no file")
        os.truncate(self._path, size)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        """Nanoseconds since 1970; None to keep one, -1 for now."""
        self._change()
        found, now = os.fstat(self._fd), time.time_ns()
        times = [old if new is None else now if new == -1 else new
                 for new, old in ((accessed, found.st_atime_ns), (modified, found.st_mtime_ns))]  # fmt: skip
        os.utime(self._path, ns=(times[0], times[1]))

    def attribute(self, name: bytes) -> bytes:
        """An extended attribute's value. EOPNOTSUPP for those of the kernel's."""
        return os.getxattr(self._path, _own(name))

    def attributes(self) -> bytes:
        """The names, each with a NUL."""
        return b"".join(os.fsencode(name) + b"\0" for name in self._names())

    def _names(self) -> Iterator[str]:
        with suppress(OSError):  # a file system without has none
            yield from (name for name in os.listxattr(self._path) if os.fsencode(name).startswith(_OURS))

    def set_attribute(self, name: bytes, value: bytes, flags: int) -> None:
        """Sets it, with the flags of setxattr(2); an empty value with XATTR_REPLACE removes it, as v9fs has it."""
        self._change()
        if not value and flags & os.XATTR_REPLACE:
            os.removexattr(self._path, _own(name))
        else:
            os.setxattr(self._path, _own(name), value, flags & (os.XATTR_CREATE | os.XATTR_REPLACE))

    def _change(self) -> None:
        if self._tree.is_read_only:
            raise OSError(errno.EROFS, "the directory is shared read-only")


class _Seen:
    """A stat result in which the VMM's user is the guest's root."""

    def __init__(self, found: os.stat_result, uid: int, gid: int) -> None:
        self._found = found
        self.st_uid = 0 if found.st_uid == uid else found.st_uid
        self.st_gid = 0 if found.st_gid == gid else found.st_gid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)


def _one(name: bytes) -> bytes:
    """A name that is one component below a directory."""
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise OSError(errno.EINVAL, "no name", name)
    return name


def _own(name: bytes) -> bytes:
    if not name.startswith(_OURS) or b"\0" in name:
        raise OSError(errno.EOPNOTSUPP, "not one of a user's", name)
    return name


def _room_for_files() -> int:
    """How many files a guest may have at once: each takes up to two descriptors, a quarter of all is for others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 16384 if soft == resource.RLIM_INFINITY else soft * 3 // 8
