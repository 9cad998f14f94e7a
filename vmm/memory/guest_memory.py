"""Guest RAM: host mappings that the guest sees as its physical memory, with bounds on every access from our side.

Regions are anonymous private mappings, created untouched: a page costs host memory once somebody writes to it. Where
another process serves devices they are memfds that it maps too.
"""

from __future__ import annotations

import mmap
import os
import sys

from ..bits import mask
from ..errors import ConfigError, HostError
from ..ranges import Range, RangeMap
from ..units import MiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from .arriving import Arriving

    class Image(Protocol):
        """The content of all mappings of a GuestMemory, in a file."""

        fd: int
        """-1 once closed; what is mapped stays."""

        @property
        def offsets(self) -> Sequence[int]:
            """Where in the file each mapping begins."""


LARGE = 128 * MiB
"""A region from here on is backed by huge pages where the host has them: a guest that uses so much memory meets a
five-hundredth of the page faults, and one that does not pays for the few that it touches."""
HUGE_PAGE = 2 * MiB
_NOWHERE = (1, 0, 0, memoryview(b""), False)
"""In place of where the last one was lent: no address is there."""
MOST_SPACERS = 8
"""The first ones may go into gaps elsewhere; a spacer costs some microseconds."""


class Region:
    """Host memory at a guest physical address: `mapping` from `offset` on. `slot` is KVM's index for it."""

    __slots__ = ("is_later", "mapping", "name", "offset", "read_only", "slot", "span")

    def __init__(
        self, span: Range, slot: int, name: str, read_only: bool, mapping: mmap.mmap, offset: int,
        is_later: bool = False,
    ) -> None:  # fmt: skip
        self.span = span
        self.slot = slot
        self.name = name
        self.read_only = read_only
        self.mapping = mapping
        self.offset = offset
        self.is_later = is_later
        """The guest does not find it by itself: a device tells it what is there."""


def _map(size: int) -> mmap.mmap:
    try:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        mapping = mmap.mmap(-1, size, flags)
    except OSError as error:
        raise HostError(
            f"no host memory for {format_size(size)} of guest memory ({error.strerror})",
            "give the guest less, or free some",
        ) from error
    return mapping


def _map_image(image: Image, size: int, offset: int) -> mmap.mmap:
    """What `image` holds there, copy-on-write."""
    try:
        return mmap.mmap(image.fd, size, mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0x4000), offset=offset)
    except OSError as error:
        raise HostError(
            f"cannot map {format_size(size)} of guest memory ({error.strerror})",
            "each machine over a template takes three files: raise `ulimit -n`, or close some",
        ) from error


def _map_large(gpa: int, size: int) -> mmap.mmap:
    """Host memory for a region at `gpa`, in huge pages. KVM shows the guest a huge page as one only where the host's
    address and the guest's agree modulo its size; the host puts mappings side by side, so another one between them
    moves this one to where it should be. Where that does not come out, the guest has small pages."""
    from ctypes import addressof, c_char

    spacers: list[mmap.mmap] = []
    while True:
        mapping = _map(size)
        surplus = (addressof(c_char.from_buffer(mapping)) - gpa) % HUGE_PAGE
        if not surplus or len(spacers) == MOST_SPACERS:
            break
        mapping.close()
        spacers.append(_map(surplus))
    for spacer in spacers:
        spacer.close()
    try:
        mapping.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return mapping  # a kernel without them
    return mapping


def _map_file(size: int) -> tuple[mmap.mmap, int]:
    """Host memory that others can map too, and its fd."""
    fd = os.memfd_create("vmm-memory", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, size)
        return mmap.mmap(fd, size, mmap.MAP_SHARED), fd
    except OSError as error:
        os.close(fd)
        raise HostError(
            f"no host memory for {format_size(size)} of guest memory ({error.strerror})",
            "give the guest less, or free some",
        ) from error


class GuestMemory:
    """All regions of one machine. Every method that takes a range refuses one that is not wholly inside one region."""

    resizer: Callable[[int], int] | None = None
    """What resize() does, where a device can do it."""
    plugged: Callable[[], int] = staticmethod(lambda: 0)
    """Bytes that the guest has taken besides those it started with."""
    below: Image | None = None
    """What the mappings show where nobody has written to them since they were laid over it; None: zeroes."""
    arriving: Arriving | None = None
    """What is still to come of it, while it comes; its pages are waited for before anything here touches them."""
    stop_arriving: Callable[[], None] = staticmethod(lambda: None)
    """Has nothing more come, before it is unmapped."""
    _slots = 0
    _notes: set[tuple[int, int]] | None = None
    _lent: tuple[int, int, int, memoryview, bool] = _NOWHERE
    """Where lend() found the last one: its first address, its end, the address of its mapping's first byte, that
    mapping, whether it is a ROM."""

    def __init__(self, is_shared: bool = False, large_pages: bool = True, below: Image | None = None) -> None:
        """`is_shared`: other processes are to map it. Without `large_pages` for memory that will lie over an image,
        whose pages are small; `below` is such an image, over which the mappings that it has are laid as they are
        made."""
        self.is_shared = is_shared
        if below is not None:
            self.below = below
        self._large = LARGE if large_pages else sys.maxsize
        self._files: dict[int, int] = {}
        """The memfd of each mapping, by its id(), where they are shared."""
        self._regions: RangeMap[Region] = RangeMap()
        self._mappings: list[mmap.mmap] = []
        self._free_slots: list[int] = []
        self._viewed: set[tuple[int, int]] = set()
        self._wholes: dict[int, memoryview] = {}
        """Of each mapping that somebody lent from, by its id()."""

    def add(
        self, gpa: int, size: int, name: str = "ram", read_only: bool = False,
        backing: tuple[mmap.mmap, int] | None = None, is_later: bool = False,
    ) -> Region:  # fmt: skip
        """A new region, over host memory of its own or over `backing`, (what backing() gave, offset in it).

        ConfigError when it overlaps another or is not made of whole 4 KiB pages.
        """
        if size <= 0 or (gpa | size) % mmap.PAGESIZE:
            raise ConfigError.of(
                name, f"[{gpa:#x}, {gpa + size:#x}) is not made of whole pages of {mmap.PAGESIZE} bytes"
            )
        mapping, offset = backing or (self._new(gpa, size), 0)
        slot = self._free_slots[-1] if self._free_slots else self._slots
        region = Region(Range(gpa, size), slot, name, read_only, mapping, offset, is_later)
        standing = self._regions.add(region.span, region)
        if standing is not None:
            if backing is None:
                mapping.close()
            raise ConfigError.of(name, f"{region.span} overlaps {standing[1].name} at {standing[0]}")
        if backing is None:
            self._mappings.append(mapping)
        if self._free_slots:
            self._free_slots.pop()
        else:
            self._slots += 1
        return region

    def resize(self, size: int) -> int:
        """Asks the guest to have `size` bytes of memory, from what it started with to MachineConfig.memory_max. Any
        thread, before or while it runs. Gives what was asked for, in whole steps of 2 MiB; the guest takes memory at
        once and gives back what it can free: see `plugged`. ConfigError for a size that cannot be, or a machine
        without."""
        if self.resizer is None:
            raise ConfigError.of(
                "memory", "this machine's is fixed: MachineConfig(memory_max=...), vmm run --memory-max"
            )
        return self.resizer(size)

    def _new(self, gpa: int, size: int) -> mmap.mmap:
        """Host memory for a region at `gpa`."""
        if not self.is_shared:
            below, index = self.below, len(self._mappings)
            if below is not None and index < len(below.offsets):
                return _map_image(below, size, below.offsets[index])
            return _map_large(gpa, size) if size >= self._large else _map(size)
        mapping, fd = _map_file(size)
        self._files[id(mapping)] = fd
        return mapping

    def file_of(self, region: Region) -> tuple[int, int]:
        """(memfd, offset in it) of a region of shared memory."""
        return self._files[id(region.mapping)], region.offset

    def fd_of(self, mapping: mmap.mmap) -> int:
        """The memfd of a mapping of shared memory."""
        return self._files[id(mapping)]

    def twin(self) -> GuestMemory:
        """One with the same regions in the same slots, over untouched mappings of its own."""
        twin = GuestMemory()
        new = twin._mappings = [_map(len(mapping)) for mapping in self._mappings]
        of = {id(mapping): fresh for mapping, fresh in zip(self._mappings, new, strict=True)}
        twin._regions = self._regions.copy()
        for _, region in self._regions:
            copy = Region(
                region.span,
                region.slot,
                region.name,
                region.read_only,
                of[id(region.mapping)],
                region.offset,
                region.is_later,
            )
            twin._regions.replace(region.span, copy)
        twin._slots, twin._free_slots = self._slots, self._free_slots.copy()
        return twin

    @property
    def mappings(self) -> list[mmap.mmap]:
        """The host memory behind all regions, also behind those that were removed, in the order of its making. All of
        it: HostError when some never comes."""
        arriving = self.arriving
        if arriving is not None:
            arriving.finish()
            self.arriving = None
        return self._mappings

    def _wait_for(self, mapping: mmap.mmap, offset: int, size: int) -> None:
        """Until these bytes are here. HostError when they never come."""
        arriving = self.arriving
        if arriving is not None:
            arriving.need(self._start_of(mapping) + offset, size)

    def _start_of(self, mapping: mmap.mmap) -> int:
        start = 0
        for each in self._mappings:
            if each is mapping:
                break
            start += len(each)
        return start

    def backing(self, size: int) -> mmap.mmap:
        """Host memory for regions, which may come and go while its content stays; given back by close()."""
        mapping = self._new(0, size)
        self._mappings.append(mapping)
        return mapping

    def remove(self, region: Region) -> None:
        """Takes a region away; an engine that holds it must be told. What it showed stays until close()."""
        self._regions.remove(region.span)
        self._lent = _NOWHERE
        self._free_slots.append(region.slot)

    @property
    def regions(self) -> list[Region]:
        """All regions by address."""
        return [region for _, region in self._regions]

    @property
    def size(self) -> int:
        """Bytes of RAM in all regions together that the guest finds when it starts."""
        return sum(region.span.size for region in self.regions if not region.read_only and not region.is_later)

    @property
    def end(self) -> int:
        """The first address above all regions that the guest finds when it starts."""
        return max((region.span.end for region in self.regions if not region.is_later), default=0)

    def contains(self, gpa: int, size: int = 1) -> bool:
        """Whether [gpa, gpa + size) lies wholly in one region."""
        entry = self._regions.find(gpa) if gpa >= 0 else None
        return size >= 0 and entry is not None and gpa + size <= entry[0].end

    def is_writable(self, gpa: int, size: int = 1) -> bool:
        """Whether the guest itself could write all of [gpa, gpa + size): it lies in one region, and not in a ROM."""
        entry = self._regions.find(gpa) if gpa >= 0 else None
        return size >= 0 and entry is not None and gpa + size <= entry[0].end and not entry[1].read_only

    def _locate(self, gpa: int, size: int) -> tuple[mmap.mmap, int]:
        entry = self._regions.find(gpa) if gpa >= 0 else None
        if entry is None or size < 0 or gpa + size > entry[0].end:
            here = ", ".join(f"{span} {region.name}" for span, region in self._regions) or "no memory"
            raise ConfigError.of(f"gpa {gpa:#x}", f"{size} bytes here are not in guest memory ({here})")
        mapping, at = entry[1].mapping, entry[1].offset + gpa - entry[0].start
        if self.arriving is not None and size:
            self._wait_for(mapping, at, size)
        return mapping, at

    def place(self, gpa: int, size: int) -> tuple[int, int]:
        """Where `size` bytes are: (which of the mappings, offset in it). ConfigError where no one region has them."""
        mapping, offset = self._locate(gpa, size)
        return next(at for at, each in enumerate(self._mappings) if each is mapping), offset

    def read(self, gpa: int, size: int) -> bytes:
        """A copy of `size` bytes."""
        mapping, at = self._locate(gpa, size)
        return mapping[at : at + size]

    def write(self, gpa: int, data: bytes | bytearray | memoryview) -> None:
        """Copies `data` in, read-only regions too: they are read-only to the guest."""
        mapping, at = self._locate(gpa, len(data))
        if self._notes is not None:
            self.note(mapping, at, len(data))
        mapping[at : at + len(data)] = data

    def fill(self, gpa: int, size: int, byte: int = 0) -> None:
        """Sets `size` bytes to `byte`. Zeroing what was never written costs nothing worth saving here."""
        mapping, at = self._locate(gpa, size)
        if self._notes is not None:
            self.note(mapping, at, size)
        chunk = bytes([byte]) * min(size, 1 << 20)
        for start in range(0, size, 1 << 20):
            length = min(1 << 20, size - start)
            mapping[at + start : at + start + length] = chunk[:length]

    def read_int(self, gpa: int, size: int) -> int:
        """A little-endian integer of `size` bytes."""
        return int.from_bytes(self.read(gpa, size), "little")

    def write_int(self, gpa: int, size: int, value: int) -> None:
        """A little-endian integer of `size` bytes, cut to fit."""
        self.write(gpa, (value & mask(size)).to_bytes(size, "little"))

    def view(self, gpa: int, size: int) -> memoryview:
        """The memory itself, not a copy. Release it before the machine closes. Nobody notes what is written through it:
        once noted, its pages always count as written."""
        mapping, at = self._locate(gpa, size)
        self._viewed |= self._pages(mapping, at, size)
        with memoryview(mapping) as whole:
            return whole[at : at + size]

    def lend(self, gpa: int, size: int, writable: int = 0) -> memoryview | None:
        """The memory itself for a while, as a device of its own accord reads and writes it; None where [gpa, gpa +
        size) is not in one region, or `writable` and in a ROM. Whoever writes to it says so by note_at(). Let go of it
        before the machine closes."""
        start, end, first, whole, read_only = self._lent
        if not start <= gpa <= gpa + size <= end:
            entry = self._regions.find(gpa) if gpa >= 0 else None
            if entry is None or size < 0 or gpa + size > entry[0].end:
                return None
            start, end, first, whole, read_only = self._lent = self._lending(*entry)
        if writable and read_only:
            return None
        at = gpa - first
        if self.arriving is not None and size:
            self._wait_for(whole.obj, at, size)  # type: ignore[arg-type]
        return whole[at : at + size]

    def _lending(self, span: Range, region: Region) -> tuple[int, int, int, memoryview, bool]:
        """See _lent."""
        whole = self._wholes.get(id(region.mapping))
        if whole is None:
            whole = self._wholes[id(region.mapping)] = memoryview(region.mapping)
        return span.start, span.end, span.start - region.offset, whole, region.read_only

    def discard(self, gpa: int, size: int) -> None:
        """The guest has no use for these whole pages: the host has their memory back, and they read as zeroes, or as
        what `below` holds. ConfigError where [gpa, gpa + size) is not in one region."""
        mapping, at = self._locate(gpa, size)
        if self._notes is not None:
            self.note(mapping, at, size)
        mapping.madvise(mmap.MADV_REMOVE if self.is_shared else mmap.MADV_DONTNEED, at, size)
        arriving = self.arriving
        if arriving is not None:
            arriving.discarded(self._start_of(mapping) + at, size)

    # -- what was written from our side --

    @property
    def is_noting(self) -> bool:
        """Whether somebody wants to know what is written from our side."""
        return self._notes is not None

    def note_at(self, gpa: int, size: int) -> None:
        """Something was written to [gpa, gpa + size) by way of lend()."""
        notes = self._notes
        if notes is not None and size:
            mapping, at = self._locate(gpa, size)
            notes.update(self._pages(mapping, at, size))  # not |=, which would put it back after take_notes()

    def note_writes(self) -> None:
        """From now on write(), fill() and views are noted, for whoever must know what changed."""
        if self._notes is None:
            self._notes = set()

    def note(self, mapping: mmap.mmap, offset: int, size: int) -> None:
        """Something was written to `size` bytes of `mapping` from `offset` on, by a way that goes past this object."""
        if self._notes is not None and size:
            self._notes |= self._pages(mapping, offset, size)

    def was_written(self) -> bool:
        """Whether there are notes to take."""
        return bool(self._notes or self._viewed)

    def take_notes(self) -> set[tuple[int, int]]:
        """What was noted since the last call: (which of the mappings, page of it)."""
        taken, self._notes = self._notes or set(), set()
        return taken | self._viewed if self._viewed else taken

    def _pages(self, mapping: mmap.mmap, offset: int, size: int) -> set[tuple[int, int]]:
        at = next(at for at, each in enumerate(self._mappings) if each is mapping)
        return {(at, page) for page in range(offset // mmap.PAGESIZE, (offset + size - 1) // mmap.PAGESIZE + 1)}

    def refault(self, gpa: int) -> None:
        """Has the host forget its mapping of the page at `gpa`, and the guest's with it; the content stays. Does
        nothing where there is no RAM. While another vCPU writes to the page, what it writes may be lost."""
        if not self.contains(gpa, mmap.PAGESIZE) or gpa % mmap.PAGESIZE:
            return
        arriving = self.arriving
        if arriving is not None:
            arriving.finish()
        content = self.read(gpa, mmap.PAGESIZE)
        mapping, at = self._locate(gpa, mmap.PAGESIZE)
        mapping.madvise(mmap.MADV_DONTNEED, at, mmap.PAGESIZE)
        mapping[at : at + mmap.PAGESIZE] = content

    def close(self) -> None:
        """Gives the mappings back. Legal twice. BufferError while a view of them is held."""
        self.stop_arriving()
        self._lent, self.resizer = _NOWHERE, None
        for whole in self._wholes.values():
            whole.release()
        self._wholes.clear()
        for mapping in self._mappings:
            mapping.close()
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()
