"""A text screen as an image (PNG) of 9 by 16 pixels a character, as a VGA shows it, with nothing but zlib.

What blinks is shown lit; shades are mixed colours, not dots. Source: PNG specification (RFC 2083).
"""

from __future__ import annotations

from struct import pack
from zlib import compress, crc32

from .box_drawing import HEIGHT, SHADES, WIDTH, shapes
from .cp437 import CODES
from .font9x16 import glyphs
from .screen import PALETTE
from .screen_svg import CURSOR_ROWS, MARGIN, MARGIN_COLOUR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .screen import Screen

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS, _RGB = 8, 2


def render(screen: Screen) -> bytes:
    """The file's content."""
    width, height = screen.columns * WIDTH + 2 * MARGIN, screen.rows * HEIGHT + 2 * MARGIN
    lines = b"".join(b"\0" + line for line in _lines(screen, width))  # 0: no filter
    header = pack(">IIBBBBB", width, height, _EIGHT_BITS, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", compress(lines, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


def _lines(screen: Screen, width: int) -> list[bytes]:
    """The pixels from the top, three bytes each."""
    margin = _rgb(MARGIN_COLOUR)
    brush = _Brush(screen)
    lines = [margin * width] * MARGIN
    for row in range(screen.rows):
        cells = [brush.cell(*screen.cell(row, column)) for column in range(screen.columns)]
        if screen.cursor is not None and screen.cursor[0] == row:
            column = screen.cursor[1]
            cells[column] = brush.with_cursor(cells[column], screen.cell(row, column)[1])
        lines += [margin * MARGIN + b"".join(line) + margin * MARGIN for line in zip(*cells, strict=True)]
    return lines + [margin * width] * MARGIN


class _Brush:
    """Gives the pixels of cells, each as HEIGHT lines, and keeps those it has given."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._bits = shapes() | {CODES[character]: rows for character, rows in glyphs().items()}
        self._cells: dict[tuple[int, int], list[bytes]] = {}

    def cell(self, code: int, attribute: int) -> list[bytes]:
        """The pixels of one character in its colours."""
        if (code, attribute) not in self._cells:
            self._cells[code, attribute] = self._painted(code, attribute)
        return self._cells[code, attribute]

    def with_cursor(self, cell: list[bytes], attribute: int) -> list[bytes]:
        """The same with the cursor on it."""
        top, height = CURSOR_ROWS
        return [*cell[:top], *[self._colours(attribute)[1] * WIDTH] * height, *cell[top + height :]]

    def _painted(self, code: int, attribute: int) -> list[bytes]:
        pair = self._colours(attribute)
        if code in SHADES:
            lit = SHADES[code]
            mixed = bytes((lit * one + (4 - lit) * zero) // 4 for zero, one in zip(*pair, strict=True))
            return [mixed * WIDTH] * HEIGHT
        rows = self._bits.get(code, (0,) * HEIGHT)
        return [b"".join(pair[row >> bit & 1] for bit in range(WIDTH - 1, -1, -1)) for row in rows]

    def _colours(self, attribute: int) -> tuple[bytes, bytes]:
        """(background, foreground)."""
        colours = self._screen.colours(attribute)
        return _rgb(PALETTE[colours.background]), _rgb(PALETTE[colours.foreground])


def _rgb(colour: int) -> bytes:
    return colour.to_bytes(3, "big")
