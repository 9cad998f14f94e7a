"""Where the text screen is: what the BIOS data area and the display chip say, and how much of it is believed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices import vga_text
from vmm.errors import ConfigError
from vmm.machine import text_screen
from vmm.memory.guest_memory import GuestMemory
from vmm.units import KiB, MiB

MODE, COLUMNS, PAGE_START, CURSORS, SHAPE, PAGE, LAST_ROW = 0x449, 0x44A, 0x44E, 0x450, 0x460, 0x462, 0x484


@pytest.fixture(scope="module")
def shared():
    memory = GuestMemory()
    memory.add(0, MiB)
    yield memory
    memory.close()


@pytest.fixture
def memory(shared):
    shared.write(0x400, bytes(0x100))
    shared.write(0xB0000, bytes(0x10000))
    return shared


def bios(memory, mode=3, columns=80, last_row=24):
    memory.write_int(MODE, 1, mode)
    memory.write_int(COLUMNS, 2, columns)
    memory.write_int(LAST_ROW, 1, last_row)
    memory.write_int(SHAPE, 2, 0x0D0E)


def put(memory, gpa, text):
    memory.write(gpa, bytes(byte for code in text.encode("cp437") for byte in (code, 7)))


def told(**registers):
    chip = vga_text.VgaText(lambda: 0)
    for name, value in registers.items():
        chip.crtc.write(0, 1, getattr(vga_text, name))
        chip.crtc.write(1, 1, value)
    return chip


def test_without_a_bios_it_is_80_by_25_at_b8000_without_a_cursor(memory):
    put(memory, 0xB8000, "no BIOS")
    screen = text_screen.read(memory)
    assert (screen.columns, screen.rows, screen.cursor, screen.text) == (80, 25, None, "no BIOS\n")


def test_a_bios_says_columns_rows_and_cursor(memory):
    bios(memory, 1, 40, 49)
    memory.write(CURSORS, bytes([5, 30]))
    put(memory, 0xB8000 + 80, "second row")
    screen = text_screen.read(memory)
    assert (screen.columns, screen.rows, screen.cursor) == (40, 50, (30, 5))
    assert screen.lines[1] == "second row"


def test_mode_7_is_at_b0000(memory):
    bios(memory, 7)
    put(memory, 0xB8000, "colour")
    put(memory, 0xB0000, "monochrome")
    assert text_screen.read(memory).text == "monochrome\n"


def test_the_active_page_has_its_own_start_and_cursor(memory):
    bios(memory)
    memory.write_int(PAGE, 1, 2)
    memory.write_int(PAGE_START, 2, 0x2000)
    memory.write(CURSORS, bytes([1, 1, 2, 2, 7, 3]))
    put(memory, 0xBA000, "page two")
    screen = text_screen.read(memory)
    assert (screen.text, screen.cursor) == ("page two\n", (3, 7))


def test_a_hidden_cursor_and_one_off_the_screen_are_none(memory):
    bios(memory)
    memory.write_int(SHAPE, 2, 0x2000)
    assert text_screen.read(memory).cursor is None
    bios(memory)
    memory.write(CURSORS, bytes([80, 0]))
    assert text_screen.read(memory).cursor is None


@pytest.mark.parametrize("area", [{"mode": 0x13}, {"columns": 0}, {"columns": 200}, {"last_row": 0}, {"last_row": 255}])
def test_a_data_area_that_is_something_else_is_not_believed(memory, area):
    bios(memory, **area)
    put(memory, 0xB8000, "x")
    screen = text_screen.read(memory)
    assert (screen.columns, screen.rows, screen.text) == (80, 25, "x\n")


def test_the_chip_knows_better_what_it_was_told_and_nothing_else(memory):
    bios(memory)
    memory.write(CURSORS, bytes([1, 1]))
    put(memory, 0xB8000 + 160, "scrolled by one")
    assert text_screen.read(memory, told()).cursor == (1, 1)
    screen = text_screen.read(memory, told(START_HIGH=0, START_LOW=80, CURSOR_HIGH=0, CURSOR_LOW=85))
    assert (screen.lines[0], screen.cursor) == ("scrolled by one", (0, 5))
    assert text_screen.read(memory, told(CURSOR_START=0x20)).cursor is None
    assert text_screen.read(memory, told(CURSOR_HIGH=0xFF, CURSOR_LOW=0xFF)).cursor is None


def test_blinking_is_the_chips_to_say(memory):
    chip = vga_text.VgaText(lambda: 0)
    assert text_screen.read(memory, chip).blinking
    for value in (0x30, 0x04):
        chip.registers.write(0, 1, value)
    assert not text_screen.read(memory, chip).blinking


def test_a_start_near_the_end_of_the_memory_goes_on_at_its_beginning(memory):
    put(memory, 0xBFFF0, "the last")
    put(memory, 0xB8000, "and first")
    screen = text_screen.read(memory, told(START_HIGH=0x3F, START_LOW=0xF8))
    assert screen.lines[0] == "the lastand first"
    assert len(screen.cells) == 4000


@pytest.mark.parametrize("size", [4 * KiB, 640 * KiB, 764 * KiB])
def test_a_machine_without_memory_there_has_none_and_is_told_what_it_needs(size):
    small = GuestMemory()
    small.add(0, size)
    assert not text_screen.is_there(small)
    with pytest.raises(ConfigError, match="768 KiB"):
        text_screen.read(small)
    small.close()


@settings(max_examples=200, deadline=None)
@given(area=st.binary(min_size=256, max_size=256), registers=st.binary(min_size=5, max_size=5))
def test_whatever_is_in_the_data_area_and_the_chip_there_is_a_screen(shared, area, registers):
    shared.write(0x400, area)
    names = ("START_HIGH", "START_LOW", "CURSOR_HIGH", "CURSOR_LOW", "CURSOR_START")
    for chip in (None, told(**dict(zip(names, registers, strict=True)))):
        screen = text_screen.read(shared, chip)
        assert len(screen.cells) == 2 * screen.columns * screen.rows
        assert len(screen.lines) == screen.rows
        assert screen.cursor is None or screen.cursor < (screen.rows, 0)
