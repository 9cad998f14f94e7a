"""Shadow RAM: a window below 1 MiB in which each segment is ROM or the RAM behind it, for reads and writes apart.

What the guest may read without us is a region of guest memory: the ROM's or the RAM's bytes, read-only unless reads and
writes both go to RAM. A write to a read-only region comes here: it reaches the RAM where writes go there, else nothing.
Neighbours with the same answer share a region, so that a window of one kind is one. Not modelled: writes to the ROM.
Source: Intel 82441FX PMC datasheet 290549, section 3.2.12 (PAM).
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from .pci.i440fx import READ_RAM, SEGMENTS, WRITE_RAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..memory.guest_memory import GuestMemory, Region

_SCHEMA = "vmm.shadow"


class Shadow(Device):
    """The window at `start` of `memory`, which is all ROM at first. `rom` fills it from end to end.

    `remapped(removed, added)` tells whoever runs the guest of regions that went and came.
    """

    name = "shadow"

    def __init__(
        self, memory: GuestMemory, start: int, rom: bytes, remapped: Callable[[list[Region], list[Region]], None]
    ) -> None:
        self._memory = memory
        self._start = start
        self._remapped = remapped
        self._rom, self._ram = memory.backing(len(rom)), memory.backing(len(rom))
        self._rom[:] = rom
        self._attributes: tuple[int, ...] = (0,) * len(SEGMENTS)
        self._regions: dict[tuple[int, int, int], Region] = {}
        """By (offset, end, what they show); the guest's view of the window."""
        self._map()

    def set(self, attributes: tuple[int, ...]) -> None:
        """READ_RAM and WRITE_RAM of each segment."""
        if attributes != self._attributes:
            self._attributes = attributes
            self._remapped(*self._map())

    def _map(self) -> tuple[list[Region], list[Region]]:
        """Brings the regions to what the attributes say: (those that went, those that came)."""
        wanted = list(self._runs())
        removed = [self._regions.pop(run) for run in list(self._regions) if run not in wanted]
        for region in removed:
            self._memory.remove(region)
        added = []
        for run in wanted:
            if run not in self._regions:
                offset, end, attribute = run
                mapping = self._ram if attribute & READ_RAM else self._rom
                region = self._memory.add(
                    self._start + offset, end - offset, "shadow RAM" if attribute & READ_RAM else "ROM",
                    read_only=attribute != READ_RAM | WRITE_RAM, backing=(mapping, offset),
                )  # fmt: skip
                self._regions[run] = region
                added.append(region)
        return removed, added

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """(offset, end, attribute) of neighbours that show the same; writes to RAM alone do not show."""
        begin, last = 0, -1
        for (offset, _), attribute in zip(SEGMENTS, self._attributes, strict=True):
            shown = attribute if attribute & READ_RAM else 0
            if shown != last and offset:
                yield begin, offset, last
                begin = offset
            last = shown
        yield begin, len(self._rom), last

    def read(self, offset: int, size: int) -> int:
        """What the guest sees there, for an engine that asks."""
        if offset + size > len(self._rom):
            return mask(size)
        source = self._ram if self._attribute_at(offset) & READ_RAM else self._rom
        return int.from_bytes(source[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """A write that found its region read-only."""
        if self._attribute_at(offset) & WRITE_RAM and offset + size <= len(self._ram):
            self._memory.note(self._ram, offset, size)
            self._ram[offset : offset + size] = value.to_bytes(size, "little")

    def _attribute_at(self, offset: int) -> int:
        index = next(index for index, (start, size) in enumerate(SEGMENTS) if offset < start + size)
        return self._attributes[index]

    def reset(self) -> None:
        """All ROM; the RAM keeps its content."""
        self.set((0,) * len(SEGMENTS))

    def save(self) -> State:
        """The attributes, and the RAM, which guest memory need not show."""
        return State(_SCHEMA, 1, {"attributes": list(self._attributes), "ram": bytes(self._ram[:])})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("attributes", "ram"))
        attributes, ram = fields["attributes"], fields["ram"]
        known = (0, READ_RAM, WRITE_RAM, READ_RAM | WRITE_RAM)
        if not isinstance(attributes, list) or len(attributes) != len(SEGMENTS) or not set(attributes) <= set(known):
            raise SnapshotError(f"{_SCHEMA}: attributes cannot be {attributes!r}")
        if type(ram) is not bytes or len(ram) != len(self._ram):
            raise SnapshotError(f"{_SCHEMA}: ram must be {len(self._ram)} bytes")
        self._ram[:] = ram
        self.set(tuple(attributes))


class RomTop(Device):
    """The rest of the ROM, below 4 GiB: guest memory too; what is written to it comes here and goes nowhere."""

    name = "rom"
