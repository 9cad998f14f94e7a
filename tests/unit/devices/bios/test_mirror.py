"""The screen as a stream: what follows what, and what a jump of the cursor looks like."""

from __future__ import annotations


def at(bench, row: int, column: int) -> None:
    bench.call(0x10, 0x0200, edx=row << 8 | column)


def put(bench, text: str, row: int, column: int) -> None:
    """As loaders print: a character, then the cursor one on."""
    for index, character in enumerate(text):
        at(bench, row, column + index)
        bench.call(0x10, 0x0900 | ord(character), ebx=7, ecx=1)


def test_cells_written_one_by_one_are_text(bios) -> None:
    put(bios, "Hello,", 0, 0)
    put(bios, "world", 0, 7)
    put(bios, "below", 1, 2)
    assert bytes(bios.said) == b"Hello, world\r\n  below"


def test_a_row_of_blanks_is_clearing_and_a_row_of_others_is_text(bios) -> None:
    at(bios, 0, 0)
    bios.call(0x10, 0x0920, ebx=7, ecx=80)
    bios.call(0x10, 0x0A2D, ecx=3)
    bios.call(0x10, 0x0A01, ecx=1)
    assert bytes(bios.said) == b"---\r "


def test_teletype_goes_on_after_a_jump_in_a_line_of_its_own(bios) -> None:
    bios.call(0x10, 0x0E61)
    at(bios, 5, 0)
    bios.call(0x10, 0x0E62)
    at(bios, 5, 3)
    bios.call(0x10, 0x0E63)
    at(bios, 5, 2)
    bios.call(0x10, 0x0E64)
    at(bios, 5, 0)
    bios.call(0x10, 0x0E65)
    assert bytes(bios.said) == b"a\r\nb  c\b\bd\re"


def test_lines_at_the_end_of_a_screen_that_the_guest_scrolls(bios) -> None:
    for text in ("one", "two", "three"):
        put(bios, text, 24, 0)
        bios.call(0x10, 0x0601, ebx=0x0700, ecx=0, edx=0x184F)
    assert bytes(bios.said) == b"one\r\ntwo\r\nthree"


def test_a_new_mode_starts_a_new_line(bios) -> None:
    bios.call(0x10, 0x0E61)
    bios.call(0x10, 0x0003)
    bios.call(0x10, 0x0E62)
    assert bytes(bios.said) == b"a\r\nb"
