"""The content of guest memory in a file or memfd: a sparse image that can be mapped, and machines over such images.

The image holds the mappings of a GuestMemory one behind the other; pages of zeroes are holes. Mapped privately it costs
nothing until a page is read, and its writes are the machine's own: a thousand machines may share one.
"""

from __future__ import annotations

import mmap
import os
from binascii import crc32  # as zlib.crc32

from . import pages
from .guest_memory import GuestMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .guest_memory import Image
    from .pages import Run

    CheckedRun = tuple[int, int, int]
    """(offset in the image, size, CRC-32 of its bytes)."""


class FileImage:
    """A file that holds an image, for machines to lie over (engine/kvm_pages.py)."""

    def __init__(self, fd: int, sizes: Iterable[int]) -> None:
        """Takes the fd; `sizes` are those of the mappings."""
        self.fd = fd
        self.sizes = tuple(sizes)
        self.offsets = tuple(sum(self.sizes[:at]) for at in range(len(self.sizes)))

    def close(self) -> None:
        """Gives the fd back; what is mapped stays. Legal twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


def image_size(memory: GuestMemory) -> int:
    """Bytes of a whole image."""
    return sum(len(mapping) for mapping in memory.mappings)


def write(memory: GuestMemory, fd: int) -> list[CheckedRun]:
    """Writes all content to a new, empty file; the runs written. OSError as os.pwrite's."""
    os.ftruncate(fd, image_size(memory))
    runs: list[CheckedRun] = []
    start = 0
    below = memory.below
    for at, mapping in enumerate(memory.mappings):
        used = pages.data_runs(memory.fd_of(mapping), 0, len(mapping)) if memory.is_shared else pages.own_runs(mapping)
        if below is not None:
            used = pages.united(used, pages.data_runs(below.fd, below.offsets[at], len(mapping)))
        runs += _write_runs(mapping, pages.without_zeroes(mapping, used), fd, start)
        start += len(mapping)
    return runs


def write_runs(memory: GuestMemory, wanted: list[list[Run]], fd: int) -> list[CheckedRun]:
    """Writes the `wanted` runs of each mapping, zeroes too; the runs written."""
    os.ftruncate(fd, image_size(memory))
    runs: list[CheckedRun] = []
    start = 0
    for mapping, some in zip(memory.mappings, wanted, strict=True):
        runs += _write_runs(mapping, pages.in_pieces(some), fd, start)
        start += len(mapping)
    return runs


def checked_runs(mapping: mmap.mmap, runs: Iterable[Run], start: int = 0) -> list[CheckedRun]:
    """The runs of a mapping with their checksums, its offsets counted from `start`."""
    done = []
    with memoryview(mapping) as view:
        for at, size in runs:
            with view[at : at + size] as piece:
                done.append((start + at, size, crc32(piece)))
    return done


def _write_runs(mapping: mmap.mmap, runs: Iterable[Run], fd: int, start: int) -> list[CheckedRun]:
    checked = checked_runs(mapping, runs, start)
    with memoryview(mapping) as view:
        for place, size, _ in checked:
            at, end = place - start, place - start + size
            while at < end:
                with view[at:end] as piece:
                    at += os.pwrite(fd, piece, start + at)
    return checked


def read_runs(memory: GuestMemory, runs: Iterable[Run], fd: int) -> None:
    """Brings `runs` of an image into memory that is there already. OSError as os.preadv's; EOFError for a cut file."""
    bounds = []
    start = 0
    for mapping in memory.mappings:
        bounds.append((start, start + len(mapping), mapping))
        start += len(mapping)
    for at, size in runs:
        for begin, end, mapping in bounds:
            first, last = max(at, begin), min(at + size, end)
            if first < last:
                with memoryview(mapping) as view, view[first - begin : last - begin] as piece:
                    _read(fd, piece, first)


def copy_in(memory: GuestMemory, image: Image) -> None:
    """Memory that is untouched so far takes a copy of what `image` holds. OSError, EOFError as of read_runs()."""
    for mapping, offset in zip(memory.mappings, image.offsets, strict=True):
        runs = pages.data_runs(image.fd, offset, len(mapping))
        read_runs(memory, ((offset + at, size) for at, size in runs), image.fd)


def _read(fd: int, piece: memoryview, at: int) -> None:
    done = 0
    while done < len(piece):
        count = os.preadv(fd, [piece[done:]], at + done)
        if not count:
            raise EOFError(f"the memory image ends at {at + done:#x}")
        done += count
