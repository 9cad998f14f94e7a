"""A fid: a number by which the driver knows a file, one that is open, or an extended attribute.

A directory is read from a list that is made when it is read from its start, so that entries that come and go meanwhile
neither hide others nor show them twice.
"""

from __future__ import annotations

import errno

from ...errors import SnapshotError
from . import wire
from .attributes import kind_of, path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tree import File, Tree

_OFFSET_AND_TYPE = 9


class Fid:
    """Of `file`; with `value` of one of its attributes, which can be read."""

    def __init__(self, file: File | None, value: bytes | None = None) -> None:
        self._file = file
        self._flags = -1
        """How it was opened; -1 while it is not."""
        self._value = value
        self._wanted: tuple[bytes, int, int] | None = None
        """(name, size, flags) of an attribute that the driver writes."""
        self._entries: list[bytes] = []

    @property
    def file(self) -> File:
        """ESTALE for one that was not found again."""
        if self._file is None:
            raise OSError(errno.ESTALE, "the file is no more")
        return self._file

    @property
    def opened(self) -> File:
        """EBADF for one that is not open."""
        if self._flags < 0:
            raise OSError(errno.EBADF, "the fid is not open")
        return self.file

    def open(self, flags: int) -> None:
        """LOPEN."""
        if self._flags >= 0:
            raise OSError(errno.EBADF, "the fid is open")
        self.file.open(flags)
        self._flags = flags

    def become(self, file: File, flags: int) -> None:
        """LCREATE: the fid of a directory is that of the new file, open."""
        self.close()
        self._file, self._flags = file, flags

    # -- data --

    def read(self, room: list[memoryview], offset: int, count: int) -> int:
        """Fills `room`, at most `count` bytes."""
        if self._value is None:
            return self.opened.read(_limited(room, count), offset)
        value, done = self._value[offset : offset + count], 0
        for view in _limited(room, len(value)):
            view[:] = value[done : done + len(view)]
            done += len(view)
        return done

    def write(self, data: list[memoryview], offset: int, count: int) -> int:
        """Writes what is in `data`, at most `count` bytes."""
        views = _limited(data, count)
        if self._wanted is None:
            return self.opened.write(views, offset)
        content = b"".join(views)
        if self._value is None or offset != len(self._value) or offset + len(content) > self._wanted[1]:
            raise OSError(errno.EINVAL, "not where the attribute goes on")
        self._value += content
        return len(content)

    def listed(self, offset: int, count: int) -> bytes:
        """Entries from `offset` on: qid[13] offset[8] type[1] name[s] each."""
        if not offset:
            device = self.opened.stat().st_dev
            self._entries = [
                wire.qid(kind_of(kind << 12), 0, path_of(device, inode))
                + at.to_bytes(8, "little") + bytes((kind,)) + wire.text(name)
                for at, (name, inode, kind) in enumerate(self.file.entries(), start=1)
            ]  # fmt: skip
        found, size = [], 0
        for entry in self._entries[offset:]:
            size += len(entry)
            if size > count:
                break
            found.append(entry)
        return b"".join(found)

    # -- extended attributes --

    def expect(self, name: bytes, size: int, flags: int) -> None:
        """XATTRCREATE: what is written next is the value, put in place when the fid is clunked."""
        self._wanted, self._value = (name, size, flags), b""

    def finish(self) -> None:
        """Before it is clunked."""
        if self._wanted is not None and self._value is not None:
            name, size, flags = self._wanted
            if len(self._value) != size:
                raise OSError(errno.EINVAL, "less than was announced")
            self.file.set_attribute(name, self._value, flags)

    # -- its life --

    def close(self) -> None:
        """Gives back what it holds."""
        if self._file is not None:
            self._file.close()

    def save(self) -> list[bytes | int | None]:
        """[where its file is, how it was opened]."""
        return [self._file.place() if self._file is not None else None, self._flags]

    @classmethod
    def loaded(cls, tree: Tree, place: object, flags: object) -> Fid:
        """What was saved. SnapshotError for what cannot be."""
        if not (place is None or isinstance(place, bytes)) or type(flags) is not int or not -1 <= flags < 1 << 32:
            raise SnapshotError("vmm.9p: this is no fid")
        fid = cls(None)
        fid._flags = flags
        if place is None:
            return fid
        try:
            file = tree.find(place)
            if flags >= 0:
                file.open(flags & ~0o1700)
        except OSError:
            return fid
        fid._file = file
        return fid


def _limited(views: list[memoryview], size: int) -> list[memoryview]:
    found = []
    for view in views:
        if size <= 0:
            break
        found.append(view[:size])
        size -= len(found[-1])
    return found
