"""What to send to a terminal so that it shows a text screen: all of it at first, then only what has changed.

Pure: from a Screen and the terminal's size to control sequences. A terminal smaller than the screen shows a part of it,
with the cursor in it. Source: ECMA-48; xterm control sequences (alternate screen, cursor, autowrap).
"""

from __future__ import annotations

from ..observe.cp437 import to_text
from ..observe.screen_ansi import RESET, rendition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..observe.screen import Screen

ENTER = "\x1b[?1049h\x1b[?7l\x1b[?25l"
"""The alternate screen, without wrapping at the end of a line, without a cursor."""
LEAVE = f"{RESET}\x1b[?7h\x1b[?25h\x1b[?1049l"
_HIDE, _SHOW, _CLEAR = "\x1b[?25l", "\x1b[?25h", f"{RESET}\x1b[2J"
_MESSAGE_END = "-- any key goes back to the guest's screen --"


class Painter:
    """Knows what the terminal shows."""

    def __init__(self) -> None:
        self._view: tuple[object, ...] = ()
        self._rows: list[bytes] = []
        self._cursor: tuple[int, int] | None = None
        self._top = self._left = 0

    def forget(self) -> None:
        """Somebody else has written to the terminal: the next paint() is of everything."""
        self._view = ()

    def paint(self, screen: Screen, columns: int, rows: int) -> str:
        """What makes a terminal of `columns` by `rows` show `screen`; "" when it does already."""
        width, height = min(columns, screen.columns), min(rows, screen.rows)
        if screen.cursor is not None:
            self._top = _scrolled(self._top, height, screen.cursor[0])
            self._left = _scrolled(self._left, width, screen.cursor[1])
        self._top = min(self._top, screen.rows - height)
        self._left = min(self._left, screen.columns - width)
        view = (columns, rows, screen.columns, screen.rows, screen.blinking, self._top, self._left)
        parts = []
        if view != self._view:
            self._view, self._rows = view, [b""] * height
            parts.append(_CLEAR)
        for row in range(height):
            at = 2 * ((self._top + row) * screen.columns + self._left)
            cells = screen.cells[at : at + 2 * width]
            if cells != self._rows[row]:
                parts.append(_changes(screen, row, self._rows[row], cells))
                self._rows[row] = cells
        cursor = None
        if screen.cursor is not None:
            cursor = screen.cursor[0] - self._top, screen.cursor[1] - self._left
        if not parts and cursor == self._cursor:
            return ""
        self._cursor = cursor
        parts.append("" if cursor is None else f"{_place(*cursor)}{_SHOW}")
        return "".join((_HIDE, *parts))

    def message(self, words: str, columns: int, rows: int) -> str:
        """What shows our own words in place of the screen, cut to fit; then forget()."""
        lines = words.strip("\n").split("\n")[: max(rows - 2, 0)]
        shown = [line[:columns] for line in (*lines, "", _MESSAGE_END)]
        return _HIDE + _CLEAR + "".join(f"{_place(row, 0)}{line}" for row, line in enumerate(shown[:rows]))


def _scrolled(first: int, size: int, wanted: int) -> int:
    """Where a window of `size` starts that shows `wanted`, moved as little as may be."""
    return max(min(first, wanted), wanted - size + 1)


def _changes(screen: Screen, row: int, before: bytes, cells: bytes) -> str:
    """Repaints a row from the first to the last cell that is not as before."""
    count = len(cells) // 2
    changed = [at for at in range(count) if cells[2 * at : 2 * at + 2] != before[2 * at : 2 * at + 2]]
    first, end = changed[0], changed[-1] + 1
    parts, start = [_place(row, first)], first
    for at in range(first + 1, end + 1):
        if at == end or cells[2 * at + 1] != cells[2 * start + 1]:
            parts.append(rendition(screen, cells[2 * start + 1]) + to_text(cells[2 * start : 2 * at : 2]))
            start = at
    return "".join((*parts, RESET))


def _place(row: int, column: int) -> str:
    return f"\x1b[{row + 1};{column + 1}H"
