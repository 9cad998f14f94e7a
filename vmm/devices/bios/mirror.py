"""A text screen told as a stream of text, for a user who has no display: what is printed, in the order it is printed.

Text that goes on where the last ended follows it; a jump to another line is a line end, one within a line blanks or
backspaces. Not modelled: colours, clearing, a picture that is drawn in no order (look at the screen for that).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_BLANKS = (0x00, 0x20)


class Mirror:
    """`say` takes UTF-8, with the control characters of what is printed as they come."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self._say = say
        self.row, self.column = -1, 0
        """Where on the screen the stream has come to."""

    def print(self, text: bytes, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Text in code page 437 from one (row, column) to another."""
        words = text if text.isascii() else text.decode("cp437").encode()
        self._say(self._way_to(*start) + words)
        self.row, self.column = end

    def put(self, code: int, count: int, at: tuple[int, int]) -> None:
        """One character some times, by a guest that moves the cursor by itself. A row of blanks is clearing."""
        if not count or (count > 1 and code in _BLANKS):
            return
        text = bytes((code if code >= 0x20 else 0x20,)) * count
        self.print(text, at, (at[0], at[1] + count))

    def start_anew(self) -> None:
        """The screen was cleared: what comes next is a line of its own."""
        self.row = -1

    def scroll(self, lines: int) -> None:
        """All lines went up."""
        self.row -= lines

    def _way_to(self, row: int, column: int) -> bytes:
        if row != self.row:
            end = b"\r\n" if self.column else b""
            return end + b" " * column
        if column >= self.column:
            return b" " * (column - self.column)
        return b"\r" if not column else b"\b" * (self.column - column)
