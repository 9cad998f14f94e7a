"""Which pages of a mapping hold something: found without touching the others, so that a guest of 1 GiB that uses 64 MiB
costs 64 MiB to look through.

Source: Linux Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import mmap
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Run = tuple[int, int]
    """(offset, size) in bytes, whole pages."""

PAGE = mmap.PAGESIZE
LONGEST_RUN = 1 << 20
"""Bytes of a run; what is longer comes in several."""
_ZERO = bytes(PAGE)
_ENTRY = 8
_PRESENT, _SWAPPED, _OF_FILE = 0x80, 0x40, 0x20  # bits 63, 62, 61, in an entry's last byte
_PRIVATE = bytes(
    bool(top & (_PRESENT | _SWAPPED) and not top & _OF_FILE) for top in range(256)
)  # pages that a write or a read of zeroes has made the process's own
_HERE = bytes(bool(top & (_PRESENT | _SWAPPED)) for top in range(256))
_POPULATE_READ, _POPULATE_WRITE = 22, 23  # madvise(2)


def own_runs(mapping: mmap.mmap) -> list[Run]:
    """Runs of pages that were written since a private mapping was made, some that were only read among them; all of it
    where the kernel does not tell."""
    return _runs(mapping, _PRIVATE)


def present_runs(mapping: mmap.mmap) -> list[Run]:
    """Runs of pages that are mapped: those that were read or written, and some of their neighbours."""
    return _runs(mapping, _HERE)


def populate(mapping: mmap.mmap, offset: int, size: int, for_writing: bool = False) -> None:
    """Has the host map these pages for reading, in one go (MADV_POPULATE_READ), or at least read them in. `for_writing`
    the process has copies of its own at once: a guest that writes to one meets one fault instead of two."""
    try:
        mapping.madvise(_POPULATE_WRITE if for_writing else _POPULATE_READ, offset, size)
    except OSError:  # before Linux 5.14
        mapping.madvise(mmap.MADV_WILLNEED, offset, size)


def _runs(mapping: mmap.mmap, table: bytes) -> list[Run]:
    size = len(mapping)
    try:
        fd = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return [(0, size)]
    try:
        entries = os.pread(fd, size // PAGE * _ENTRY, address_of(mapping) // PAGE * _ENTRY)
    finally:
        os.close(fd)
    if len(entries) != size // PAGE * _ENTRY:
        return [(0, size)]
    return marked_runs(entries[_ENTRY - 1 :: _ENTRY].translate(table))


def marked_runs(marks: bytes | bytearray) -> list[Run]:
    """Runs of pages whose byte is 1 and not 0."""
    runs, start = [], marks.find(1)
    while start >= 0:
        end = marks.find(0, start)
        end = len(marks) if end < 0 else end
        runs.append((start * PAGE, (end - start) * PAGE))
        start = marks.find(1, end)
    return runs


def data_runs(fd: int, offset: int, size: int) -> list[Run]:
    """Runs of [offset, offset + size) of a file that are no holes, counted from `offset`."""
    runs, at, end = [], offset, offset + size
    while at < end:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: no data from here on
            break
        at = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        if start >= end:
            break
        first = start // PAGE * PAGE
        runs.append((first - offset, -(-(at - first) // PAGE) * PAGE))
    return runs


def united(first: list[Run], second: list[Run]) -> list[Run]:
    """Runs that cover what either covers, by offset."""
    runs: list[Run] = []
    for start, size in sorted(first + second):
        if runs and start <= runs[-1][0] + runs[-1][1]:
            runs[-1] = runs[-1][0], max(runs[-1][1], start + size - runs[-1][0])
        else:
            runs.append((start, size))
    return runs


def without_zeroes(mapping: mmap.mmap, runs: list[Run]) -> Iterator[Run]:
    """The parts of `runs` that have other bytes than zeroes, each LONGEST_RUN at most."""
    for start, size in in_pieces(runs):
        chunk = mapping[start : start + size]
        begin = -1
        for at in range(0, size, PAGE):
            is_empty = chunk[at : at + PAGE] == _ZERO
            if is_empty and begin >= 0:
                yield start + begin, at - begin
                begin = -1
            elif not is_empty and begin < 0:
                begin = at
        if begin >= 0:
            yield start + begin, size - begin


def in_pieces(runs: list[Run]) -> Iterator[Run]:
    """The same, each LONGEST_RUN at most."""
    for start, size in runs:
        for at in range(start, start + size, LONGEST_RUN):
            yield at, min(LONGEST_RUN, start + size - at)


def address_of(mapping: mmap.mmap) -> int:
    """Its address in this process."""
    import ctypes  # not before somebody looks: it costs milliseconds

    return ctypes.addressof(ctypes.c_char.from_buffer(mapping))
