"""INT 10h: what cells, cursors and the data area hold after each call, and data areas that a guest has spoilt."""

from __future__ import annotations

import pytest

from vmm.devices.bios import ram


def say(bench, text: str) -> None:
    for character in text:
        bench.call(0x10, 0x0E00 | ord(character))


def cursor(bench, page: int = 0) -> tuple[int, int]:
    return divmod(bench.memory.read_int(ram.CURSORS + 2 * page, 2), 256)


def test_the_screen_is_blank_before_the_boot(bios) -> None:
    assert bios.memory.read(0xB8000, 4000) == b"\x20\x07" * 2000
    assert bios.memory.read_int(ram.VIDEO_MODE, 1) == 3
    assert cursor(bios) == (0, 0)


def test_teletype_wraps_at_the_end_of_a_line_and_scrolls_at_the_end_of_the_screen(bios) -> None:
    say(bios, "x" * 80 + "yz")
    assert (bios.text(0), bios.text(1), cursor(bios)) == ("x" * 80, "yz", (1, 2))
    say(bios, "\r\n" * 23)
    assert (bios.text(0), cursor(bios)) == ("x" * 80, (24, 0))
    say(bios, "\nlast")
    assert (bios.text(0), bios.text(24), cursor(bios)) == ("yz", "last", (24, 4))


def test_teletype_keeps_colours_and_a_new_line_takes_those_of_the_last(bios) -> None:
    bios.memory.write(0xB8000 + 2 * 80 * 24, b"\x20\x1e" * 80)
    bios.call(0x10, 0x0200, edx=0x1800)
    say(bios, "a\nb")
    assert bios.memory.read(0xB8000 + 2 * 80 * 23, 2) == b"a\x1e"
    assert bios.memory.read(0xB8000 + 2 * 80 * 24, 4) == b"\x20\x1eb\x1e"


def test_control_characters_move_the_cursor_alone(bios) -> None:
    say(bios, "\b\b12\b3\a\r4")
    assert (bios.text(0), cursor(bios)) == ("43", (0, 1))


def test_what_is_printed_is_said_in_utf_8(bios) -> None:
    say(bios, "a\r\n\xe4\x01")
    assert bytes(bios.said) == b"a\r\n" + "Σ".encode() + b"\x01"
    assert bios.memory.read(0xB80A0, 1) == b"\xe4"


def test_the_active_page_is_printed_on_whatever_bh_is(bios) -> None:
    bios.call(0x10, 0x0502)
    bios.call(0x10, 0x0E41, ebx=0x0100)
    assert bios.memory.read(0xBA000, 1) == b"A"
    assert bios.memory.read_int(ram.PAGE_START, 2) == 0x2000
    assert (cursor(bios, 2), cursor(bios, 0)) == ((0, 1), (0, 0))


@pytest.mark.parametrize(("mode", "columns", "base"), [(0, 40, 0xB8000), (1, 40, 0xB8000), (2, 80, 0xB8000),
                                                       (3, 80, 0xB8000), (7, 80, 0xB0000)])  # fmt: skip
def test_text_modes(bios, mode, columns, base) -> None:
    say(bios, "old")
    bios.call(0x10, mode)
    frame = bios.call(0x10, 0x0F00)
    assert (frame.al, frame.ah, frame.bh) == (mode, columns, 0)
    assert bios.text(0, columns, base) == ""
    say(bios, "x" * columns + "y")
    assert bios.text(1, columns, base) == "y"
    assert bios.memory.read_int(ram.CRTC_PORT, 2) == (0x3B4 if mode == 7 else 0x3D4)


def test_bit_7_of_a_mode_keeps_what_is_on_the_screen(bios) -> None:
    say(bios, "stays")
    bios.call(0x10, 0x0083)
    assert (bios.text(0), cursor(bios), bios.call(0x10, 0x0F00).al) == ("stays", (0, 0), 0x83)


@pytest.mark.parametrize("ax", [0x0004, 0x0013, 0x0400, 0x4F00, 0x1130, 0x1A01, 0x1230])
def test_what_there_is_not_gives_carry_and_changes_nothing(bios, ax) -> None:
    say(bios, "here")
    frame = bios.call(0x10, ax)
    assert (frame.carry, frame.ax, bios.text(0)) == (1, ax, "here")


def test_cells_are_written_to_the_end_of_the_page_and_not_beyond(bios) -> None:
    bios.call(0x10, 0x0200, edx=0x184E)
    bios.call(0x10, 0x0958, ebx=0x0012, ecx=0xFFFF)
    assert bios.memory.read(0xB8000 + 2 * (2000 - 3), 8) == b"\x20\x07X\x12X\x12\x20\x07"
    bios.call(0x10, 0x0A59, ecx=0xFFFF)
    assert bios.memory.read(0xB8000 + 2 * (2000 - 2), 6) == b"Y\x12Y\x12\x20\x07"
    bios.call(0x10, 0x0A59, ecx=0)
    assert bios.call(0x10, 0x0800).ax == 0x1259


@pytest.mark.parametrize(
    ("ax", "rows"),
    [
        (0x0601, "bcd "), (0x0602, "cd  "), (0x0604, "    "), (0x0605, "    "), (0x0600, "    "), (0x06FF, "    "),
        (0x0701, " abc"), (0x0703, "   a"), (0x0700, "    "),
    ],
)  # fmt: skip
def test_a_window_scrolls_and_its_surroundings_do_not(bios, ax, rows) -> None:
    for row, letter in enumerate("abcd", 5):
        bios.memory.write(0xB8000 + 2 * (80 * row + 10), f"{letter}\7".encode() * 4)
    bios.call(0x10, ax, ebx=0x2400, ecx=0x050B, edx=0x080C)
    cells = [bios.memory.read(0xB8000 + 2 * (80 * row + 10), 8) for row in range(5, 9)]
    assert "".join(chr(row[2]) for row in cells) == rows
    assert "".join(chr(row[0]) + chr(row[6]) for row in cells) == "aabbccdd"
    assert all(row[3] == (0x24 if row[2] == 0x20 else 7) for row in cells)


@pytest.mark.parametrize(("cx", "dx"), [(0x0500, 0x0400), (0x0009, 0x0008), (0xFFFF, 0xFFFF), (0x1900, 0xFFFF)])
def test_a_window_that_is_none_does_nothing(bios, cx, dx) -> None:
    say(bios, "here")
    bios.call(0x10, 0x0600, ebx=0x0700, ecx=cx, edx=dx)
    assert bios.text(0) == "here"


def test_strings(bios) -> None:
    bios.memory.write(0x9000, b"AB\r\nC")
    frame = bios.call(0x10, 0x1301, ebx=0x0012, ecx=5, edx=0x024E, bp=0x9000)
    assert frame.carry == 0
    assert bios.memory.read(0xB8000 + 2 * (80 * 2 + 78), 4) == b"A\x12B\x12"
    assert (bios.text(4), cursor(bios)) == ("C", (4, 1))
    bios.memory.write(0x9000, b"D\x21E\x22")
    bios.call(0x10, 0x1302, ecx=2, edx=0x0600, bp=0x9000)
    assert bios.memory.read(0xB8000 + 2 * 80 * 6, 4) == b"D\x21E\x22"
    assert cursor(bios) == (4, 1)
    assert bios.call(0x10, 0x1301, ecx=0xFFFF, es=0xEFFF, bp=0).carry == 1


def test_a_spoilt_data_area_hurts_nobody_but_the_guest(bios) -> None:
    bios.memory.write(0x449, b"\xff" * 0x40)
    say(bios, "text\r\n" * 30)
    for ax in (0x0300, 0x0501, 0x0601, 0x0701, 0x0800, 0x0958, 0x0A58, 0x0F00, 0x1210, 0x1A00):
        bios.call(0x10, ax, ebx=0xFF10, ecx=0xFFFF, edx=0xFFFF)
    bios.call(0x10, 0x0003)
    say(bios, "fine")
    assert bios.text(0) == "fine"


def test_the_cursors_shape(bios) -> None:
    assert bios.call(0x10, 0x0300).cx == 0x0607
    bios.call(0x10, 0x0100, ecx=0x2000)
    assert bios.memory.read_int(ram.CURSOR_SHAPE, 2) == 0x2000
