"""The text screen of a PC at one moment: a grid of characters with their colours, and a cursor.

A record apart from any machine: `text` and `lines` for people and tests, `as_json()` for programs; screen_ansi,
screen_svg and screen_png make pictures of it.
Not modelled: graphics modes, fonts and palettes that the guest loads, the ninth dot of a VGA's characters.
Source: IBM PC technical reference (colour adapter: attribute byte), IBM VGA technical reference (text modes).
"""

from __future__ import annotations

from ..records import Record
from .cp437 import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PALETTE = (
    0x000000, 0x0000AA, 0x00AA00, 0x00AAAA, 0xAA0000, 0xAA00AA, 0xAA5500, 0xAAAAAA,
    0x555555, 0x5555FF, 0x55FF55, 0x55FFFF, 0xFF5555, 0xFF55FF, 0xFFFF55, 0xFFFFFF,
)  # fmt: skip
"""The 16 colours after a mode was set, as 0xRRGGBB."""

BRIGHT, BLINK = 0x08, 0x80
PLAIN = 0x07
"""Light grey on black."""


class Colours(Record):
    """What an attribute byte means."""

    foreground: int
    """Index into PALETTE."""
    background: int
    """Index into PALETTE."""
    blinks: bool = False


class Screen(Record):
    """`columns` by `rows` cells of two bytes each, row by row, as they lie in video memory: code, attribute."""

    columns: int = 80
    rows: int = 25
    cells: bytes = b" \x07" * 2000
    cursor: tuple[int, int] | None = None
    """(row, column), both from 0; None where none is shown."""
    blinking: bool = True
    """Whether bit 7 of an attribute blinks (as after a mode was set) or brightens the background."""

    @property
    def lines(self) -> list[str]:
        """All rows from the top, without blanks at their ends."""
        step = 2 * self.columns
        return [to_text(self.cells[at : at + step : 2]).rstrip() for at in range(0, step * self.rows, step)]

    @property
    def text(self) -> str:
        """The rows down to the last with something on it, each with a line end; "" for a blank screen."""
        text = "\n".join(self.lines).rstrip("\n")
        return f"{text}\n" if text else ""

    @property
    def is_blank(self) -> bool:
        """Whether no character is on it, whatever the colours."""
        return not self.text

    def cell(self, row: int, column: int) -> tuple[int, int]:
        """(code, attribute)."""
        at = 2 * (row * self.columns + column)
        return self.cells[at], self.cells[at + 1]

    def colours(self, attribute: int) -> Colours:
        """What an attribute byte means on this screen."""
        background = attribute >> 4
        if not self.blinking:
            return Colours(foreground=attribute & 0xF, background=background)
        return Colours(foreground=attribute & 0xF, background=background & 7, blinks=bool(attribute & BLINK))

    def runs(self, row: int) -> Iterator[tuple[int, bytes, int]]:
        """The row as (column, codes, attribute), as long as the attribute stays the same."""
        at = 2 * row * self.columns
        codes, attributes = (self.cells[at + odd : at + 2 * self.columns : 2] for odd in (0, 1))
        start = 0
        for column in range(1, self.columns + 1):
            if column == self.columns or attributes[column] != attributes[start]:
                yield start, codes[start:column], attributes[start]
                start = column

    def as_json(self) -> dict[str, Any]:
        """The text as lines, down to the last that is not blank, with size and cursor."""
        return {
            "columns": self.columns,
            "rows": self.rows,
            "cursor": None if self.cursor is None else list(self.cursor),
            "lines": self.text.splitlines(),
        }

    def render_ansi(self) -> str:
        """The text with its colours, for a terminal."""
        from .screen_ansi import render

        return render(self)

    def as_svg(self) -> str:
        """A drawing of it, whose text can be selected: the content of an .svg file."""
        from .screen_svg import render

        return render(self)

    def as_png(self) -> bytes:
        """An image of it: the content of a .png file."""
        from .screen_png import render

        return render(self)
