"""The painter against a small terminal: what it sends makes the terminal show the screen, with little said twice."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.control.screen_painter import Painter
from vmm.observe.cp437 import to_text
from vmm.observe.screen import Screen

TOKEN = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|([^\x1b])")


class Terminal:
    """Understands what the painter says, and nothing else."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.at = (0, 0)
        self.rendition = "0"
        self.cursor_shown = True
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def take(self, text: str) -> None:
        end = 0
        for match in TOKEN.finditer(text):
            assert match.start() == end, f"not understood: {text[end : match.start()]!r}"
            end = match.end()
            private, numbers, letter, character = match.groups()
            if character:
                row, column = self.at
                assert 0 <= row < self.rows
                assert 0 <= column < self.columns
                self.cells[self.at] = (character, self.rendition)
                self.at = (row, column + 1)
            elif private:
                assert (numbers, letter) in (("25", "h"), ("25", "l"))
                self.cursor_shown = letter == "h"
            elif letter == "H":
                row, column = map(int, numbers.split(";"))
                self.at = (row - 1, column - 1)
            elif letter == "J":
                assert (numbers, self.rendition) == ("2", "0")
                self.cells.clear()
            else:
                assert letter == "m"
                self.rendition = numbers
        assert end == len(text)

    def text(self) -> list[str]:
        return [
            "".join(self.cells.get((row, column), " ")[0] for column in range(self.columns)).rstrip()
            for row in range(self.rows)
        ]


def painted(*lines: str, columns: int = 80, rows: int = 25, **fields: object) -> Screen:
    codes = "".join(line.ljust(columns) for line in lines).ljust(columns * rows).encode("cp437")
    return Screen(columns=columns, rows=rows, cells=bytes(x for code in codes for x in (code, 7)), **fields)  # type: ignore[arg-type]


def test_a_screen_is_painted_whole_and_then_only_what_changes():
    painter, terminal = Painter(), Terminal(80, 25)
    terminal.take(painter.paint(painted("one", "two"), 80, 25))
    assert terminal.text()[:3] == ["one", "two", ""]
    assert not terminal.cursor_shown
    assert painter.paint(painted("one", "two"), 80, 25) == ""
    change = painter.paint(painted("one", "tWo"), 80, 25)
    assert change == "\x1b[?25l\x1b[2;2H\x1b[0;37;40mW\x1b[0m"
    terminal.take(change)
    assert terminal.text()[1] == "tWo"


def test_the_cursor_follows_the_screens():
    painter, terminal = Painter(), Terminal(80, 25)
    terminal.take(painter.paint(painted("x", cursor=(3, 4)), 80, 25))
    assert (terminal.at, terminal.cursor_shown) == ((3, 4), True)
    moved = painter.paint(painted("x", cursor=(3, 5)), 80, 25)
    terminal.take(moved)
    assert (terminal.at, terminal.cursor_shown) == ((3, 5), True)
    assert len(moved) < 30
    terminal.take(painter.paint(painted("x"), 80, 25))
    assert not terminal.cursor_shown


def test_a_smaller_terminal_shows_the_part_with_the_cursor():
    lines = [f"line {row:02} " + "." * 60 + "end" for row in range(25)]
    painter, terminal = Painter(), Terminal(20, 10)
    terminal.take(painter.paint(painted(*lines, cursor=(0, 0)), 20, 10))
    assert terminal.text()[0] == "line 00 ............"
    terminal.take(painter.paint(painted(*lines, cursor=(24, 0)), 20, 10))
    assert terminal.text() == [f"line {row:02} ............" for row in range(15, 25)]
    assert terminal.at == (9, 0)
    terminal.take(painter.paint(painted(*lines, cursor=(24, 79)), 20, 10))
    assert terminal.text()[9] == "........end"
    assert terminal.at == (9, 19)


def test_a_change_of_size_paints_everything_anew():
    painter = Painter()
    painter.paint(painted("text"), 80, 25)
    bigger = Terminal(100, 40)
    bigger.take(painter.paint(painted("text"), 100, 40))
    assert bigger.text()[0] == "text"


def test_our_own_words_take_the_screens_place_until_it_is_painted_again():
    painter, terminal = Painter(), Terminal(30, 5)
    terminal.take(painter.paint(painted("guest"), 30, 5))
    terminal.take(painter.message("\none\ntwo\nthree\nfour\n", 30, 5))
    assert terminal.text() == ["one", "two", "three", "", "-- any key goes back to the gu"]
    painter.forget()
    terminal.take(painter.paint(painted("guest"), 30, 5))
    assert terminal.text() == ["guest", "", "", "", ""]


SIZES = st.tuples(st.integers(1, 12), st.integers(1, 6))


@st.composite
def screens(draw: st.DrawFn) -> Screen:
    columns, rows = draw(st.sampled_from([(8, 4), (8, 4), (10, 3)]))
    cells = draw(
        st.lists(
            st.sampled_from([b"a\x07", b"b\x07", b"a\x1e", b"\x00\x80"]),
            min_size=columns * rows,
            max_size=columns * rows,
        )
    )
    cursor = draw(st.none() | st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))
    return Screen(columns=columns, rows=rows, cells=b"".join(cells), cursor=cursor, blinking=draw(st.booleans()))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(screens(), SIZES), min_size=1, max_size=5))
def test_whatever_came_before_the_terminal_shows_the_screen(frames: list[tuple[Screen, tuple[int, int]]]) -> None:
    painter, terminal = Painter(), Terminal(*frames[0][1])
    for screen, (columns, rows) in frames:
        terminal.columns, terminal.rows = columns, rows
        terminal.take(painter.paint(screen, columns, rows))
    width, height = min(columns, screen.columns), min(rows, screen.rows)
    tops, lefts = range(screen.rows - height + 1), range(screen.columns - width + 1)
    whole = [
        to_text(bytes(screen.cell(row, column)[0] for column in range(screen.columns))) for row in range(screen.rows)
    ]
    shown = [row.ljust(width)[:width] for row in terminal.text()[:height]]
    places = [
        (top, left)
        for top in tops
        for left in lefts
        if shown == [line[left : left + width] for line in whole[top : top + height]]
    ]
    assert places
    assert terminal.cursor_shown == (screen.cursor is not None)
    if screen.cursor is not None:
        row, column = terminal.at
        assert row < height
        assert column < width
        assert screen.cursor in [(top + row, left + column) for top, left in places]
