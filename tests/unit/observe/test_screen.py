"""A text screen as a record: its text, its colours, and its JSON."""

from __future__ import annotations

import json

from vmm.observe.screen import Colours, Screen


def painted(*lines: str, columns: int = 80, rows: int = 25, attribute: int = 7, **fields: object) -> Screen:
    codes = "".join(line.ljust(columns) for line in lines).ljust(columns * rows).encode("cp437")
    cells = bytes(byte for code in codes for byte in (code, attribute))
    return Screen(columns=columns, rows=rows, cells=cells, **fields)  # type: ignore[arg-type]


def test_text_has_no_blanks_at_the_ends_of_lines_and_no_blank_lines_at_its_end() -> None:
    screen = painted("", "  one  two  ", "", "└ three ┘")
    assert screen.text == "\n  one  two\n\n└ three ┘\n"
    assert len(screen.lines) == 25
    assert screen.lines[:5] == ["", "  one  two", "", "└ three ┘", ""]


def test_a_screen_that_was_never_written_is_blank() -> None:
    assert Screen().is_blank
    zeros = Screen(cells=bytes(4000))
    assert (zeros.text, zeros.lines, zeros.is_blank) == ("", [""] * 25, True)
    assert not painted("", "x").is_blank


def test_a_full_screen_keeps_its_last_column_and_row() -> None:
    screen = painted(*["x" * 40] * 30, columns=40, rows=30)
    assert screen.text == ("x" * 40 + "\n") * 30
    assert screen.cell(29, 39) == (ord("x"), 7)


def test_an_attribute_is_two_colours_and_blinking() -> None:
    assert Screen().colours(0x1E) == Colours(foreground=14, background=1)
    assert Screen().colours(0x9E) == Colours(foreground=14, background=1, blinks=True)
    assert Screen(blinking=False).colours(0x9E) == Colours(foreground=14, background=9)


def test_runs_join_cells_of_one_attribute() -> None:
    cells = b"a\x07b\x07c\x1ed\x1e" + b"\x00\x07" * 4
    assert list(Screen(columns=4, rows=2, cells=cells).runs(0)) == [(0, b"ab", 7), (2, b"cd", 0x1E)]
    assert list(Screen(columns=4, rows=2, cells=cells).runs(1)) == [(0, bytes(4), 7)]
    assert list(Screen(columns=1, rows=1, cells=b"a\x07").runs(0)) == [(0, b"a", 7)]


def test_json_has_the_text_the_size_and_the_cursor() -> None:
    document = json.loads(json.dumps(painted("one", "", "two", cursor=(3, 0)).as_json()))
    assert document == {"columns": 80, "rows": 25, "cursor": [3, 0], "lines": ["one", "", "two"]}
    assert Screen().as_json() == {"columns": 80, "rows": 25, "cursor": None, "lines": []}
