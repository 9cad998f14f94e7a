from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vmm.machine import layout
from vmm.units import GiB, KiB, MiB

LOADED = ((0x10_0000, 0x1000, "image"),)


def test_ram_leaves_a_hole_below_four_gigabytes():
    assert layout.ram(16 * MiB) == [(0, 16 * MiB)]
    assert layout.ram(3 * GiB) == [(0, 3 * GiB)]
    assert layout.ram(5 * GiB) == [(0, 3 * GiB), (4 * GiB, 2 * GiB)]


def test_ram_leaves_a_window_out_that_somebody_else_fills():
    above = layout.SHADOW[0] + layout.SHADOW[1]
    assert above == MiB
    assert layout.ram(2 * MiB, layout.SHADOW) == [(0, layout.SHADOW[0]), (MiB, MiB)]
    assert layout.ram(4 * GiB, layout.SHADOW) == [(0, layout.SHADOW[0]), (MiB, 3 * GiB - MiB), (4 * GiB, GiB)]


def test_tables_go_low_unless_the_image_is_there():
    assert layout.tables(0, LOADED, 2 * MiB) == 0
    assert layout.tables(0x7000, LOADED, 2 * MiB) == layout.LOW_TABLES
    assert layout.tables(0x7000, ((0x1000, 0x1234, "image"),), 2 * MiB) == 0x3000
    assert layout.tables(0x7000, ((0, 0x1001, "image"),), 2 * MiB) == 0x2000
    assert layout.tables(0x7000, ((0, 0x1000, "image"),), 0x7000) is None


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(0, 2 * MiB),
    length=st.integers(1, MiB),
    size=st.sampled_from([0x1000, 0x2000, 0x7000]),
    end=st.integers(1, 512).map(lambda pages: pages * 8 * KiB),
)
def test_image_tables_and_stack_keep_clear_of_each_other(start, length, size, end):
    assume(start + length <= end)
    loaded = ((start, length, "image"),)
    tables = layout.tables(size, loaded, end)
    if tables is None:
        return
    assert tables % layout.PAGE == 0
    assert tables + size <= end
    assert tables + size <= start or start + length <= tables
    stack = layout.stack("protected", loaded, end)
    assert stack <= end
    assert stack % 16 == 0
    if stack == layout.LOW_STACK:
        low = stack - layout.STACK_ROOM
        assert stack <= start or start + length <= low
        assert tables + size <= low or stack <= tables


def test_a_real_mode_stack_ends_below_the_image_where_that_can_be():
    assert layout.stack("real", ((0x1000, 10, "image"),), MiB) == 0x1000
    assert layout.stack("real", ((0x7C00, 512, "image"),), MiB) == 0x7C00
    assert layout.stack("real", ((0, 10, "image"),), MiB) == 0x7C00
    assert layout.stack("real", ((0x5_0000, 10, "image"),), MiB) == 0x7C00
    assert layout.stack("real", ((0, 10, "image"),), 0x1000) == 0x1000


def test_no_two_places_overlap():
    ports = [
        layout.PIC_MASTER, layout.PIC_SLAVE, layout.PIC_ELCR, layout.PIT, layout.SYSTEM_CONTROL_B, layout.KEYBOARD_DATA,
        layout.KEYBOARD_COMMAND, layout.RTC, layout.POST, layout.SYSTEM_CONTROL_A, layout.DEBUG_CONSOLE,
        layout.FIRMWARE_CONSOLE, layout.DEBUG_EXIT, layout.RESET_CONTROL, layout.PATTERN, *layout.COM,
    ]  # fmt: skip
    taken = [port for start, size in ports for port in range(start, start + size)]
    assert len(taken) == len(set(taken))
    assert layout.HOLE_START <= layout.TEST_DEVICE[0] < layout.HOLE_END


def word(values: dict[int, int], offset: int) -> int:
    return values[offset] | values[offset + 1] << 8


def test_cmos_tells_the_memory_as_a_bios_would():
    values = layout.cmos(64 * MiB)
    assert (word(values, 0x15), word(values, 0x17), word(values, 0x30)) == (640, 63 * 1024, 63 * 1024)
    assert word(values, 0x34) == (64 - 16) * 16
    assert values[0x5B] == values[0x5C] == values[0x5D] == 0
    assert word(layout.cmos(64 * KiB), 0x15) == 64
    assert word(layout.cmos(512 * MiB), 0x17) == 0xFFFF
    big = layout.cmos(5 * GiB)
    assert big[0x5B] | big[0x5C] << 8 | big[0x5D] << 16 == 2 * GiB // (64 * KiB)
    assert word(big, 0x34) == (3 * GiB - 16 * MiB) // (64 * KiB)
    assert all(0 <= value <= 0xFF for value in layout.cmos(layout.MOST_MEMORY).values())


@pytest.mark.parametrize("size", [MiB, 2 * MiB, 3 * GiB, 5 * GiB])
def test_a_rom_lies_between_the_pieces_of_ram(size):
    pieces = layout.ram(size, layout.ROM)
    start, length = layout.ROM
    assert pieces[0] == (0, start)
    assert all(gpa >= start + length for gpa, _ in pieces[1:])
    assert sum(length for _, length in pieces) == size - length


def test_the_memory_map_is_a_pcs_and_its_usable_parts_are_ram():
    assert layout.memory_map(4 * MiB) == (
        (0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (0xF0000, 0x10000, 2), (MiB, 3 * MiB, 1),
    )  # fmt: skip
    assert layout.memory_map(5 * GiB)[3:] == ((MiB, 3 * GiB - MiB, 1), (4 * GiB, 2 * GiB, 1))
    assert layout.memory_map(64 * 1024) == ((0, 0x10000, 1),)
