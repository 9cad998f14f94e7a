"""A raw disk image as the host's side of a drive: bytes at offsets, read-write, read-only, or under a private overlay.

A drive's controller asks with offsets and sizes in bytes and turns DiskError into an error of the drive. Not modelled:
image formats with a header (qcow2, VMDK), holes, asynchronous access, locking against other writers of the file.
"""

from __future__ import annotations

import os

from ..bus.storage import DiskError
from ..errors import ConfigError, SnapshotError
from ..state import State
from ..units import MiB, format_size
from .holes import punched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SECTOR = 512
"""A disk is made of whole sectors of this many bytes."""
BLOCK = 4096
"""What an overlay keeps of the disk at a time."""

_SCHEMA = "vmm.disk"
_KIND, _REGULAR, _BLOCK_DEVICE, _FOLDER = 0o170000, 0o100000, 0o060000, 0o040000  # of st_mode


class Disk:
    """What every disk has, whatever its bytes are in."""

    def __init__(self, name: str, size: int, read_only: bool) -> None:
        self.name = name
        """What the user called it."""
        self.size = size
        """Bytes; whole sectors."""
        self.read_only = read_only

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes. DiskError when they are not all on the disk or the host cannot give them."""
        self._check(offset, size)
        try:
            data = self._read(offset, size)
        except OSError as error:
            raise DiskError(f"{self.name}: cannot read {size} bytes at {offset:#x}: {error.strerror}") from error
        if len(data) != size:
            raise DiskError(f"{self.name}: {size} bytes at {offset:#x} wanted, the file has {len(data)}: it was cut")
        return data

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """All of `data`, or DiskError; then some of it may be on the disk."""
        self._check(offset, len(data))
        if self.read_only:
            raise DiskError(f"{self.name}: written at {offset:#x}, but it is read-only")
        try:
            self._write(offset, data)
        except OSError as error:
            raise DiskError(f"{self.name}: cannot write {len(data)} bytes at {offset:#x}: {error.strerror}") from error

    def read_into(self, offset: int, views: Sequence[memoryview]) -> None:
        """As read(), into `views` one after the other."""
        data, done = self.read(offset, sum(map(len, views))), 0
        for view in views:
            view[:] = data[done : done + len(view)]
            done += len(view)

    def write_from(self, offset: int, views: Sequence[memoryview]) -> None:
        """As write(), from `views` one after the other."""
        self.write(offset, b"".join(views))

    def discard(self, offset: int, size: int) -> None:
        """Nobody needs these bytes any more: here they stay what they are."""
        self._check(offset, size)

    def zero(self, offset: int, size: int, may_unmap: bool) -> None:
        """Writes zeroes. With `may_unmap` they may be a hole in the file. DiskError as of write()."""
        while size > 0:
            part = min(size, MiB)
            self.write(offset, bytes(part))
            offset, size = offset + part, size - part

    def flush(self) -> None:
        """What was written is on the host's storage when this returns. DiskError when it is not."""

    def close(self) -> None:
        """Gives the file back. Legal twice."""

    def save(self) -> State:
        """What it has beyond its file: the changes that are kept in memory; and when the file was last written to."""
        return State(_SCHEMA, 2, {"size": self.size, "written_ns": self.written_ns, "blocks": self._kept()})

    def load(self, state: State) -> None:
        """Becomes the disk that was saved, over the same file. SnapshotError for another disk, and no change."""
        fields = state.expect(_SCHEMA, 2, ("size", "written_ns", "blocks"))
        size, blocks = fields["size"], fields["blocks"]
        if size != self.size:
            raise SnapshotError(f"{self.name} has {self.size} bytes, the disk of the saved machine had {size}")
        if not isinstance(blocks, list):
            raise SnapshotError(f"{_SCHEMA}: blocks should be a list")
        for block in blocks:
            is_pair = isinstance(block, list) and len(block) == 2
            if not is_pair or type(block[0]) is not int or not isinstance(block[1], bytes):
                raise SnapshotError(f"{_SCHEMA}: a block should be its number and its bytes")
            number, content = block
            if not 0 <= number * BLOCK < size or len(content) != min(BLOCK, size - number * BLOCK):
                raise SnapshotError(f"{_SCHEMA}: no disk of {size} bytes has {len(content)} bytes as block {number}")
        self._keep(dict(blocks))

    @property
    def written_ns(self) -> int | None:
        """When the file was last written to, by the host's wall clock; None where the host does not tell."""
        return None

    def expect_unwritten(self, state: State) -> None:
        """SnapshotError when the file was written to after the disk was saved: a guest that goes on would find other
        bytes than those that it has in its memory."""
        then, now = state.fields.get("written_ns"), self.written_ns
        if then is not None and now is not None and then != now:
            raise SnapshotError(f"{self.name} is not as it was when the machine was saved: it was written to since")

    def _kept(self) -> list[list[Any]]:
        """[number, content] of each block of the changes."""
        return []

    def _keep(self, blocks: dict[int, bytes]) -> None:
        """Takes those in place of what is there."""
        if blocks:
            raise SnapshotError(f"{self.name}: the saved machine kept changes to this disk in memory; open it so")

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DiskError(f"{self.name}: {size} bytes at {offset:#x} are not on its {self.size:#x} bytes")

    def _read(self, offset: int, size: int) -> bytes:
        raise NotImplementedError

    def _write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        raise NotImplementedError


class MemoryDisk(Disk):
    """A disk whose bytes the user gave; what is written goes to a copy of ours."""

    def __init__(self, content: bytes) -> None:
        super().__init__("the disk given as bytes", len(content), False)
        self._content = bytearray(content)

    def _kept(self) -> list[list[Any]]:
        return [[at // BLOCK, bytes(self._content[at : at + BLOCK])] for at in range(0, self.size, BLOCK)]

    def _keep(self, blocks: dict[int, bytes]) -> None:
        for number, content in blocks.items():
            self._write(number * BLOCK, content)

    def _read(self, offset: int, size: int) -> bytes:
        return bytes(self._content[offset : offset + size])

    def _write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._content[offset : offset + len(data)] = data


class FileDisk(Disk):
    """A file, or a block device of the host, read and written in place."""

    def __init__(self, path: str, fd: int, size: int, read_only: bool) -> None:
        super().__init__(path, size, read_only)
        self._fd = fd

    @property
    def written_ns(self) -> int | None:
        found = os.fstat(self._fd)
        return found.st_mtime_ns if found.st_mode & _KIND == _REGULAR else None

    def _read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._fd, size, offset)
        while 0 < len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def _write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        while left:
            done = os.pwrite(self._fd, left, offset)
            left, offset = left[done:], offset + done

    def read_into(self, offset: int, views: Sequence[memoryview]) -> None:
        wanted = sum(map(len, views))
        self._check(offset, wanted)
        try:
            done = os.preadv(self._fd, views, offset) if wanted else 0
        except OSError as error:
            raise DiskError(f"{self.name}: cannot read {wanted} bytes at {offset:#x}: {error.strerror}") from error
        if done != wanted:  # a signal, or more than one call takes
            super().read_into(offset, views)

    def write_from(self, offset: int, views: Sequence[memoryview]) -> None:
        wanted = sum(map(len, views))
        self._check(offset, wanted)
        try:
            done = os.pwritev(self._fd, views, offset) if wanted and not self.read_only else 0
        except OSError as error:
            raise DiskError(f"{self.name}: cannot write {wanted} bytes at {offset:#x}: {error.strerror}") from error
        if done != wanted:
            super().write_from(offset, views)

    def discard(self, offset: int, size: int) -> None:
        self._check(offset, size)
        if size and not self.read_only:
            punched(self._fd, offset, size, self.name)

    def zero(self, offset: int, size: int, may_unmap: bool) -> None:
        self._check(offset, size)
        if not size or self.read_only or not may_unmap or not punched(self._fd, offset, size, self.name):
            super().zero(offset, size, may_unmap)

    def flush(self) -> None:
        if not self.read_only and self._fd >= 0:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                raise DiskError(f"{self.name}: cannot be flushed: {error.strerror}") from error

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class OverlayDisk(Disk):
    """Another disk with changes of its own: blocks that were written are kept in memory and never reach it."""

    def __init__(self, below: Disk) -> None:
        super().__init__(below.name, below.size, False)
        self._below = below
        self._blocks: dict[int, bytearray] = {}

    @property
    def written_ns(self) -> int | None:
        return self._below.written_ns

    def _kept(self) -> list[list[Any]]:
        return [[number, bytes(content)] for number, content in self._blocks.items()]

    def _keep(self, blocks: dict[int, bytes]) -> None:
        self._blocks = {number: bytearray(content) for number, content in blocks.items()}

    def _read(self, offset: int, size: int) -> bytes:
        blocks = self._blocks
        first, last = offset // BLOCK, (offset + size - 1) // BLOCK
        changed = [block for block in range(first, last + 1) if block in blocks] if blocks and size else []
        if not changed:
            return self._below.read(offset, size)
        data = bytearray(self._below.read(offset, size))
        for block in changed:
            start = max(block * BLOCK, offset)
            end = min(block * BLOCK + len(blocks[block]), offset + size)
            data[start - offset : end - offset] = blocks[block][start - block * BLOCK : end - block * BLOCK]
        return bytes(data)

    def _write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        view, at = memoryview(data), 0
        while at < len(view):
            block, within = divmod(offset + at, BLOCK)
            kept = self._blocks.get(block)
            if kept is None:
                start = block * BLOCK
                kept = self._blocks[block] = bytearray(self._below.read(start, min(BLOCK, self.size - start)))
            count = min(BLOCK - within, len(view) - at)
            kept[within : within + count] = view[at : at + count]
            at += count

    def close(self) -> None:
        self._below.close()


def open_disk(spec: str | bytes, field: str = "disk") -> Disk:
    """The disk that "PATH", "PATH,ro", "PATH,overlay" names, or the bytes themselves, which stay private.

    ConfigError, with `field`, for what is no disk: a missing file, a folder, a size that is not whole sectors.
    """
    if isinstance(spec, (bytes, bytearray)):
        _check_size(field, "the disk given as bytes", len(spec))
        return MemoryDisk(bytes(spec))
    path, comma, manner = spec.rpartition(",")
    if not comma or manner not in ("ro", "overlay"):
        path, manner = spec, ""
    fd = _open(field, path, bool(manner))
    try:
        size = _size_of(field, path, fd)
        _check_size(field, path, size)
    except BaseException:
        os.close(fd)
        raise
    disk = FileDisk(path, fd, size, bool(manner))
    return OverlayDisk(disk) if manner == "overlay" else disk


def _open(field: str, path: str, read_only: bool) -> int:
    flags = os.O_RDONLY if read_only else os.O_RDWR
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO is refused below, not waited for
    except IsADirectoryError:
        raise ConfigError.of(field, f"{path} is a directory, not a disk image") from None
    except ValueError:
        raise ConfigError.of(field, f"{path!r} is no file name") from None
    except OSError as error:
        hint = ""
        if not read_only and os.access(path, os.R_OK):
            hint = f"; {path},ro reads it only, {path},overlay keeps changes in memory"
        raise ConfigError.of(field, f"cannot open {path}: {error.strerror}{hint}") from error


def _size_of(field: str, path: str, fd: int) -> int:
    kind = os.fstat(fd).st_mode & _KIND
    if kind not in (_REGULAR, _BLOCK_DEVICE):
        words = "a directory" if kind == _FOLDER else "neither a file nor a block device"
        raise ConfigError.of(field, f"{path} is {words}, not a disk image")
    return os.lseek(fd, 0, os.SEEK_END)


def _check_size(field: str, name: str, size: int) -> None:
    if not size:
        raise ConfigError.of(field, f"{name} is empty")
    if size % SECTOR:
        raise ConfigError.of(
            field, f"{name} has {format_size(size)}: {size % SECTOR} more than whole sectors of {SECTOR} bytes"
        )
