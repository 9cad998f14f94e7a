"""A text screen as a drawing (SVG): one file that needs nothing else, and whose text can be selected and searched.

Letters are text in the reader's monospace font, squeezed into their cells whatever its widths are; line drawing, blocks
and shades are shapes, so that frames close. What blinks is shown lit. Source: W3C SVG 1.1.
"""

from __future__ import annotations

from .box_drawing import HEIGHT, SHADES, WIDTH, shapes
from .cp437 import CHARACTERS, to_text
from .screen import PALETTE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .screen import Screen

MARGIN, MARGIN_COLOUR = 16, 0x303030
BASELINE, FONT_SIZE = 12, 15
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
CURSOR_ROWS = (13, 2)
"""First pixel row and height of the cursor in its cell."""
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def render(screen: Screen) -> str:
    """The drawing's text."""
    width, height = screen.columns * WIDTH + 2 * MARGIN, screen.rows * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        "<title>Text screen</title>",
        f'<rect width="100%" height="100%" fill="{_colour(MARGIN_COLOUR)}"/>',
        f'<g transform="translate({MARGIN} {MARGIN})">',
        '<g shape-rendering="crispEdges">',
        _rectangle(0, 0, screen.columns * WIDTH, screen.rows * HEIGHT, _colour(PALETTE[0])),
        *_under_the_text(screen),
        "</g>",
        f'<g font-family="{FONTS}" font-size="{FONT_SIZE}">',
        *_letters(screen),
        "</g>",
        *_cursor(screen),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _under_the_text(screen: Screen) -> Iterator[str]:
    """Backgrounds, and what is drawn in place of letters."""
    drawn = shapes()
    for row in range(screen.rows):
        y = row * HEIGHT
        for column, codes, attribute in screen.runs(row):
            colours = screen.colours(attribute)
            if colours.background:
                yield _rectangle(column * WIDTH, y, len(codes) * WIDTH, HEIGHT, _colour(PALETTE[colours.background]))
            fill = _colour(PALETTE[colours.foreground])
            for start, same in _alike(codes, SHADES.get):
                x, opacity = (column + start) * WIDTH, f' fill-opacity="{SHADES[same[0]] / 4}"'
                yield _rectangle(x, y, len(same) * WIDTH, HEIGHT, fill, opacity)
            for start, lines in _alike(codes, lambda code: True if code in drawn else None):
                yield _path((column + start) * WIDTH, y, [drawn[code] for code in lines], fill)


def _letters(screen: Screen) -> Iterator[str]:
    """Words of ASCII, and other characters each by itself: of these a font may have wider ones."""
    drawn = {*shapes(), *SHADES}

    def kind(code: int) -> int | None:
        if code in drawn or CHARACTERS[code] == " ":
            return None
        return 0 if 0x20 < code < 0x7F else code

    for row in range(screen.rows):
        y = row * HEIGHT + BASELINE
        for column, codes, attribute in screen.runs(row):
            fill = _colour(PALETTE[screen.colours(attribute).foreground])
            for start, word in _alike(codes, kind):
                place = f'x="{(column + start) * WIDTH}" y="{y}" textLength="{len(word) * WIDTH}"'
                text = to_text(word).translate(_ESCAPES)
                yield f'<text {place} lengthAdjust="spacingAndGlyphs" fill="{fill}">{text}</text>'


def _cursor(screen: Screen) -> Iterator[str]:
    if screen.cursor is not None:
        row, column = screen.cursor
        top, height = CURSOR_ROWS
        colour = _colour(PALETTE[screen.colours(screen.cell(row, column)[1]).foreground])
        yield _rectangle(column * WIDTH, row * HEIGHT + top, WIDTH, height, colour, ' id="cursor"')


def _alike(codes: bytes, kind: Callable[[int], object]) -> Iterator[tuple[int, bytes]]:
    """(index, codes) of neighbours of one kind; those of kind None are left out."""
    start = 0
    for at in range(1, len(codes) + 1):
        if at == len(codes) or kind(codes[at]) != kind(codes[start]):
            if kind(codes[start]) is not None:
                yield start, codes[start:at]
            start = at


def _path(x: int, y: int, cells: list[tuple[int, ...]], fill: str) -> str:
    """Neighbouring shapes as one path of rectangles: the pixels side by side in a row, and equal rows, are together."""
    width = len(cells) * WIDTH
    rows = ["".join(f"{cell[at]:0{WIDTH}b}" for cell in cells) for at in range(HEIGHT)]
    moves, top = [], 0
    for at in range(1, HEIGHT + 1):
        if at == HEIGHT or rows[at] != rows[top]:
            left = rows[top].find("1")
            while left >= 0:
                right = rows[top].find("0", left)
                right = width if right < 0 else right
                moves.append(f"M{x + left} {y + top}h{right - left}v{at - top}h{left - right}z")
                left = rows[top].find("1", right)
            top = at
    return f'<path fill="{fill}" d="{"".join(moves)}"/>'


def _rectangle(x: int, y: int, width: int, height: int, fill: str, more: str = "") -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"{more}/>'


def _colour(rgb: int) -> str:
    return f"#{rgb:06x}"
