"""Which pages of a guest's memory were written since somebody last asked, by the guest or by us on its behalf.

The guest's writes are in KVM's dirty log, those of devices and users are noted by GuestMemory. Source:
Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG.
"""

from __future__ import annotations

from kvm_bindings import ffi, lib

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kvm_bindings._kvm import CData

    from ..memory.guest_memory import GuestMemory, Region
    from ..memory.template import Template
    from .kvm_engine import KvmEngine

PAGE_BITS = 12
WORD_BITS = 6


class KvmDirtyLog:
    """Implements protocol.DirtyLog. KvmEngine.log_writes() makes it."""

    def __init__(self, engine: KvmEngine, memory: GuestMemory) -> None:
        if memory.is_shared:
            raise ConfigError.of(
                "memory",
                "an engine outside writes to this machine's memory, of which nobody keeps a log: the machine can be"
                " saved whole, restored and forked, but not moved, mirrored, reset, or saved by its differences",
            )
        self._engine = engine
        self._memory = memory
        self._bitmaps: list[CData] = []
        """A bit for each page of each of the memory's mappings."""
        self._whole: dict[int, CData] = {}
        """KVM's request for each region that is all of a mapping, by that one's number; the answer is its bitmap."""
        self._parts: list[tuple[Region, CData, CData, int]] = []
        """Of each other region that the guest can write: request, bitmap, and which mapping it is part of."""
        self._others: list[int] = []
        """Mappings that no request fills."""
        memory.note_writes()
        self.regions_changed(())
        self.forget()

    def regions_changed(self, changed: Sequence[Region]) -> None:
        """After the guest's regions were changed: those that went and came count as written."""
        memory = self._memory
        for region in changed:
            memory.note(region.mapping, region.offset, region.span.size)
        places = {id(mapping): at for at, mapping in enumerate(memory.mappings)}
        self._bitmaps = [_bitmap(len(mapping)) for mapping in memory.mappings]
        self._whole.clear()
        self._parts.clear()
        for region in memory.regions:
            at = places[id(region.mapping)]
            if region.read_only:
                continue
            if region.span.size == len(region.mapping):
                self._whole[at] = _request(region, self._bitmaps[at])
            else:
                bitmap = _bitmap(region.span.size)
                self._parts.append((region, _request(region, bitmap), bitmap, at))
        self._others = [at for at in range(len(self._bitmaps)) if at not in self._whole]

    @property
    def is_plain(self) -> bool:
        """Whether every region is all of a mapping."""
        return not self._others

    def requests(self) -> dict[int, CData]:
        """KVM's request for each mapping, by its number: for C. While is_plain holds, these fetch everything."""
        return self._whole

    def fetch(self) -> list[CData]:
        """For each of the memory's mappings a bit for each page, set if it was written since the last call; good until
        the next one."""
        ask, bitmaps = self._engine.vm.ioctl_ptr, self._bitmaps
        for request in self._whole.values():
            ask("KVM_GET_DIRTY_LOG", request)
        for at in self._others:
            ffi.buffer(bitmaps[at])[:] = bytes(ffi.sizeof(bitmaps[at]))
        for region, request, bitmap, at in self._parts:
            ask("KVM_GET_DIRTY_LOG", request)
            first = region.offset >> PAGE_BITS
            for page in _set_bits(bitmap):
                _set(bitmaps[at], first + page)
        for at, page in self._memory.take_notes():
            _set(bitmaps[at], page)
        return bitmaps

    def forget(self) -> None:
        """What was written until now does not count."""
        self.fetch()

    def pages(self) -> list[list[int]]:
        """As fetch(), as the numbers of the pages."""
        return [list(_set_bits(bitmap)) for bitmap in self.fetch()]

    def put_back(self, template: Template) -> int:
        """What was written since the last call holds again what `template`, which the memory lies over, does; how many
        pages that were. No vCPU runs meanwhile."""
        copied = 0
        source = ffi.from_buffer(template.view)
        for mapping, offset, bitmap in zip(self._memory.mappings, template.offsets, self.fetch(), strict=True):
            copied += lib.host_put_back(ffi.from_buffer(mapping), source + offset, bitmap, len(mapping) >> PAGE_BITS)
        return copied


def _bitmap(size: int) -> CData:
    return ffi.new("uint64_t[]", (size >> PAGE_BITS) + 63 >> WORD_BITS)


def _request(region: Region, bitmap: CData) -> CData:
    return ffi.new("struct kvm_dirty_log *", {"slot": region.slot, "dirty_bitmap": bitmap})


def _set(bitmap: CData, page: int) -> None:
    bitmap[page >> WORD_BITS] |= 1 << (page & 63)


def _set_bits(bitmap: CData) -> Iterator[int]:
    for at, word in enumerate(bitmap):
        left = word
        while left:
            low = left & -left
            yield (at << WORD_BITS) + low.bit_length() - 1
            left ^= low
