"""Shadow RAM: what the guest sees of a window in each state of its segments, and how few regions show it."""

from __future__ import annotations

import pytest

from vmm.devices.pci.i440fx import SEGMENTS
from vmm.devices.shadow import RomTop, Shadow
from vmm.errors import SnapshotError
from vmm.memory.guest_memory import GuestMemory, Region
from vmm.state import State
from vmm.units import KiB

START, SIZE = 0xC0000, 256 * KiB
ROM = bytes(at >> 8 & 0xFF for at in range(SIZE))
READ, WRITE = 1, 2


class Bench:
    def __init__(self) -> None:
        self.memory = GuestMemory()
        self.memory.add(0, START)
        self.changes: list[tuple[list[Region], list[Region]]] = []
        self.shadow = Shadow(self.memory, START, ROM, lambda removed, added: self.changes.append((removed, added)))

    def set(self, attribute: int, **others: int) -> None:
        """All segments, but for others given as at_<offset>."""
        each = {offset: attribute for offset, _ in SEGMENTS}
        each.update({int(name[3:], 16): value for name, value in others.items()})
        self.shadow.set(tuple(each.values()))

    def guest_writes(self, offset: int, data: bytes) -> None:
        """As the guest does: to memory where it is writable, else the access comes to the device."""
        region = next(each for each in self.memory.regions if START + offset in each.span)
        if region.read_only:
            self.shadow.write(offset, len(data), int.from_bytes(data, "little"))
        else:
            self.memory.write(START + offset, data)

    def guest_reads(self, offset: int, size: int) -> bytes:
        return self.memory.read(START + offset, size)

    @property
    def layout(self) -> list[tuple[int, int, str, bool]]:
        return [(each.span.start, each.span.size, each.name, each.read_only) for each in self.memory.regions[1:]]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_starts_as_rom_in_one_region(bench: Bench) -> None:
    assert bench.layout == [(START, SIZE, "ROM", True)]
    bench.guest_writes(0x100, b"lost")
    assert bench.guest_reads(0, SIZE) == ROM
    bench.set(READ)
    assert bench.guest_reads(0x100, 4) == bytes(4)


def test_rom_is_copied_to_the_ram_behind_it(bench: Bench) -> None:
    bench.set(WRITE)  # reads from ROM, writes to RAM
    assert bench.layout == [(START, SIZE, "ROM", True)]
    assert bench.changes == [([], [])]  # nothing that an engine would have to do
    for offset in range(0, SIZE, 8):
        bench.guest_writes(offset, bench.guest_reads(offset, 8))
    bench.guest_writes(0x2000, b"changed!")
    assert bench.guest_reads(0, SIZE) == ROM
    bench.set(READ)
    assert bench.guest_reads(0x2000, 8) == b"changed!"
    assert bench.guest_reads(0x3000, SIZE - 0x3000) == ROM[0x3000:]
    bench.guest_writes(0x2000, b"dropped!")
    assert bench.guest_reads(0x2000, 8) == b"changed!"


def test_writable_ram_keeps_its_content_through_every_other_state(bench: Bench) -> None:
    bench.set(READ | WRITE)
    assert bench.layout == [(START, SIZE, "shadow RAM", False)]
    bench.guest_writes(0x30000, b"kept")
    for attribute in (0, WRITE, READ, READ | WRITE):
        bench.set(attribute)
    assert bench.guest_reads(0x30000, 4) == b"kept"


def test_neighbours_that_show_the_same_share_a_region(bench: Bench) -> None:
    bench.set(READ | WRITE, at_30000=READ, at_2C000=READ, at_0=0, at_4000=WRITE)
    assert bench.layout == [
        (0xC0000, 0x8000, "ROM", True),
        (0xC8000, 0x24000, "shadow RAM", False),
        (0xEC000, 0x14000, "shadow RAM", True),
    ]


def test_only_what_changes_is_told_and_slots_are_used_again(bench: Bench) -> None:
    bench.set(READ | WRITE, at_30000=READ)
    bench.changes.clear()
    bench.set(READ | WRITE, at_30000=0)
    ((removed, added),) = bench.changes
    assert [region.span.start for region in removed] == [region.span.start for region in added] == [0xF0000]
    for _ in range(20):
        bench.set(0)
        bench.set(READ, **{f"at_{offset:X}": 0 for offset, _ in SEGMENTS[::2]})
    assert max(region.slot for region in bench.memory.regions) <= 13


def test_setting_what_stands_changes_nothing(bench: Bench) -> None:
    bench.set(0)
    assert bench.changes == []


def test_an_access_over_the_end_is_harmless(bench: Bench) -> None:
    bench.set(WRITE)
    bench.shadow.write(SIZE - 4, 8, 1 << 63)
    assert bench.shadow.read(SIZE - 4, 8) == (1 << 64) - 1
    assert bench.shadow.read(SIZE - 4, 4) == int.from_bytes(ROM[-4:], "little")


def test_saved_loaded_and_reset(bench: Bench) -> None:
    bench.set(READ | WRITE)
    bench.guest_writes(0x1234, b"RAM")
    bench.set(READ, at_0=WRITE)
    other = Bench()
    other.shadow.load(bench.shadow.save())
    assert other.layout == bench.layout
    assert other.guest_reads(0x1234, 3) == ROM[0x1234:0x1237]
    other.shadow.reset()
    assert other.layout == [(START, SIZE, "ROM", True)]
    other.set(READ)
    assert other.guest_reads(0x1234, 3) == b"RAM"


@pytest.mark.parametrize(
    "change", [{"attributes": [0] * 12}, {"attributes": [4] * 13}, {"attributes": 0}, {"ram": b""}]
)
def test_a_state_that_cannot_be_is_refused(bench: Bench, change: dict[str, object]) -> None:
    with pytest.raises(SnapshotError):
        bench.shadow.load(State("vmm.shadow", 1, {**bench.shadow.save().fields, **change}))


def test_the_rom_below_4_gib_takes_no_writes() -> None:
    rom = RomTop()
    rom.write(0, 8, 0)
    assert rom.read(0, 4) == 0xFFFF_FFFF
