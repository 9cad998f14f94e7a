"""The line drawing and block characters of code page 437 as pixels that meet those of their neighbours.

Fonts differ in where they put these, and frames fall apart; so pictures of a screen draw them. A cell has WIDTH by
HEIGHT pixels, as on a VGA. Lines are one pixel wide and cross in the middle; double lines keep one pixel between them.
"""

from __future__ import annotations

from .cp437 import CODES

WIDTH, HEIGHT = 9, 16
MIDDLE_COLUMN, MIDDLE_ROW = 4, 7
"""Where a single line runs; a double one runs on both sides of it."""

_ARMS = (
    "│1010 ┤1011 ╡1012 ╢2021 ╖0021 ╕0012 ╣2022 ║2020 ╗0022 ╝2002 ╜2001 ╛1002 ┐0011 └1100 ┴1101 ┬0111 ├1110 ─0101 "
    "┼1111 ╞1210 ╟2120 ╚2200 ╔0220 ╩2202 ╦0222 ╠2220 ═0202 ╬2222 ╧1202 ╨2101 ╤0212 ╥0121 ╙2100 ╘1200 ╒0210 ╓0120 "
    "╫2121 ╪1212 ┘1001 ┌0110"
)
"""Each character with how many lines it has going up, right, down and left."""

_BLOCKS = {
    "█": (0, 0, 9, 16),
    "▀": (0, 0, 9, 8),
    "▄": (0, 8, 9, 8),
    "▌": (0, 0, 4, 16),
    "▐": (4, 0, 5, 16),
    "■": (2, 5, 5, 6),
}
"""Column, row, width, height."""

SHADES = {CODES["░"]: 1, CODES["▒"]: 2, CODES["▓"]: 3}
"""How many quarters of a shade have the foreground's colour."""


def shapes() -> dict[int, tuple[int, ...]]:
    """By code: a number for each row, the leftmost pixel in its highest bit. The shades are not among them."""
    drawn = {CODES[word[0]]: _rows(_line(*map(int, word[1:]))) for word in _ARMS.split()}
    for character, (left, top, width, height) in _BLOCKS.items():
        drawn[CODES[character]] = _rows({(left + x, top + y) for x in range(width) for y in range(height)})
    return drawn


def _rows(pixels: set[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(sum(1 << WIDTH - 1 - x for x in range(WIDTH) if (x, y) in pixels) for y in range(HEIGHT))


def _line(up: int, right: int, down: int, left: int) -> set[tuple[int, int]]:
    """The (column, row) of each pixel of a character with that many lines in each direction."""
    across, along = max(left, right), max(up, down)
    x_reach, y_reach = int(along == 2), int(across == 2)
    """How far beyond the middle lines go to meet others."""
    is_solid_across = across == 1 and ((left and right) or not (up == down == 2))
    is_solid_along = along == 1 and ((up and down) or not (left == right == 2))
    """Whether single lines show where double ones cross them: unless they end at one that passes."""
    pixels = set()
    for x in range(-MIDDLE_COLUMN, WIDTH - MIDDLE_COLUMN):
        for y in range(-MIDDLE_ROW, HEIGHT - MIDDLE_ROW):
            in_across = max(left if x <= x_reach else 0, right if x >= -x_reach else 0)
            in_along = max(up if y <= y_reach else 0, down if y >= -y_reach else 0)
            is_gap = (y == 0 and 2 in (left * (x <= 0), right * (x >= 0))) or (
                x == 0 and 2 in (up * (y <= 0), down * (y >= 0))
            )
            is_solid = (is_solid_across and in_across and y == 0) or (is_solid_along and in_along and x == 0)
            if is_solid or ((abs(y) < in_across or abs(x) < in_along) and not is_gap):
                pixels.add((x + MIDDLE_COLUMN, y + MIDDLE_ROW))
    return pixels
