"""Bytes of a pipe as keys of a terminal in canonical mode, so that a program there reads them as they are, and an end.

guests/linux/init leaves two special characters: end-of-file (Ctrl-D) hands over what was typed so far, or at the
start of a line ends the input; literal-next (Ctrl-V) takes the next byte as it is. A line longer than the terminal's
buffer would lose its tail, so long lines are handed over in parts. Source: termios(3), on canonical mode.
"""

from __future__ import annotations

END_OF_FILE, LITERAL_NEXT, NEWLINE = 0x04, 0x16, 0x0A
PART = 1024
"""Bytes of a line after which it is handed over; the line discipline of Linux holds 4095."""


class PipedInput:
    """The state of one stream."""

    def __init__(self) -> None:
        self._in_line = 0

    def take(self, data: bytes) -> bytes:
        """What to type for `data`."""
        typed = bytearray()
        for byte in data:
            if byte in (END_OF_FILE, LITERAL_NEXT):
                typed.append(LITERAL_NEXT)
            typed.append(byte)
            self._in_line = 0 if byte == NEWLINE else self._in_line + 1
            if self._in_line == PART:
                typed.append(END_OF_FILE)
                self._in_line = 0
        return bytes(typed)

    def end(self) -> bytes:
        """What to type at the end of the stream."""
        return bytes([END_OF_FILE] * (2 if self._in_line else 1))
