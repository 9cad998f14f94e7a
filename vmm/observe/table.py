"""Text tables that fit a terminal: cells in, lines out, never wider than asked.

Columns without content vanish; too wide a table shrinks, then loses columns, in the order that the caller gave.
Not modelled: borders, cells of several lines, terminals that give an ambiguous-width character two cells.
"""

from __future__ import annotations

from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CUT = ".."
"""Stands where text was cut. ASCII, since not every terminal and log takes more."""


class Column(Record):
    """How one column is laid out."""

    title: str
    right: bool = False
    """Aligned to the right, for numbers."""
    priority: int = 0
    """0 stays to the end; of the others the highest goes first when the table is too wide."""
    least: int = 0
    """The width it may shrink to before a column has to go; 0 means that it does not shrink."""


def width_of(text: str) -> int:
    """Cells that `text` takes on a terminal: two for wide East Asian characters and emoji, none for combining marks."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def clean(text: str) -> str:
    """`text` without what could move a cursor or change a colour: names of symbols come from files nobody checked."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text.encode("utf-8", "replace").decode())


def fit(text: str, width: int) -> str:
    """`text`, cut at its end to at most `width` cells with a sign that something is missing."""
    if width_of(text) <= width:
        return text
    kept, room = "", max(width - len(CUT), 0)
    for char in text:
        room -= width_of(char)
        if room < 0:
            break
        kept += char
    return kept + CUT[: max(width, 0)]


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """`text` broken between words into lines of at most `width` cells, the first begun by `first`, others by `rest`."""
    lines, line = [], first
    for word in clean(text).split():
        longer = f"{line} {word}" if line not in (first, rest) else line + word
        if width_of(longer) > width and line not in (first, rest):
            lines.append(line)
            longer = rest + word
        line = fit(longer, width)
    return lines if line in (first, rest) else [*lines, line]


def strong(text: str, bold: bool) -> str:
    """`text` in bold on an ANSI terminal, or as it is."""
    return f"\x1b[1m{text}\x1b[0m" if bold and text else text


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int = 80, *, indent: int = 2, bold: bool = False
) -> list[str]:
    """The lines of a table with a heading, none of them wider than `width` or ending in blanks; no rows, no lines.

    `rows` hold one text per column, or fewer. The heading starts at the margin, rows `indent` cells further in. With
    `bold` the heading carries ANSI codes; whether the terminal likes them is for the caller to know.
    """
    cells = [[clean(cell) for cell in row] + [""] * (len(columns) - len(row)) for row in rows]
    used = [at for at in range(len(columns)) if any(row[at] for row in cells)]
    if not used:
        return []
    natural = {
        at: max(width_of(columns[at].title) - (indent if at == used[0] else 0), *(width_of(row[at]) for row in cells))
        for at in used
    }
    used, widths, gap = _layout(columns, used, natural, width - indent)

    def line(texts: Sequence[str], start: int) -> str:
        parts = []
        for at in used:
            room = widths[at] + (indent - start if at == used[0] else 0)
            text = fit(texts[at], room)
            blank = " " * (room - width_of(text))
            parts.append(blank + text if columns[at].right else text + blank)
        return fit((" " * start + gap.join(parts)).rstrip(), width)

    heading = line([column.title for column in columns], 0)
    return [strong(heading, bold), *(line(row, indent) for row in cells)]


def _layout(
    columns: Sequence[Column], used: list[int], natural: dict[int, int], room: int
) -> tuple[list[int], dict[int, int], str]:
    """Which columns to show, how wide, and what stands between them."""

    def least(at: int) -> int:
        return min(natural[at], columns[at].least or natural[at])

    while True:
        for gap in ("  ", " "):
            spare = room - len(gap) * (len(used) - 1)
            if sum(map(least, used)) <= spare:
                return used, _shrink(used, natural, least, spare), gap
        going = max(used, key=lambda at: (columns[at].priority, at))
        if not columns[going].priority:
            return used, _shrink(used, natural, lambda at: 1, spare), " "
        used = [at for at in used if at != going]


def _shrink(used: list[int], natural: dict[int, int], least: Callable[[int], int], spare: int) -> dict[int, int]:
    """Takes cells from the widest column that can give one until all fit, or none can."""
    widths = {at: min(natural[at], max(spare, least(at))) for at in used}
    while sum(widths.values()) > spare:
        giving = [at for at in used if widths[at] > least(at)]
        if not giving:
            break
        widths[max(giving, key=lambda at: widths[at])] -= 1
    return widths
