"""The keyboard side of a terminal: raw mode and back, and the escape key that separates our commands from the guest's.

Not here: threads and machines; see console.py.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ESCAPE = 0x01
"""Ctrl-A: the next key is for the VMM. Ctrl-A twice sends one to the guest."""


class RawTerminal:
    """Puts a terminal into raw mode, where every key goes to the guest, and back."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved: list[Any] | None = None
        self.escapes = EscapeFilter()
        """For what is read from it."""

    def enter(self) -> None:
        """Raw mode, but for output processing, which keeps our own words readable. Nothing where that cannot be."""
        import termios

        try:
            saved = termios.tcgetattr(self._fd)
            mode = termios.tcgetattr(self._fd)
            mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON)
            mode[2] |= termios.CS8
            mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)  # what was typed before is for the guest
        except termios.error:
            return  # no terminal, or one that was hung up
        self._saved = saved

    def leave(self) -> None:
        """As it was before enter(). Legal twice, and when the terminal is gone."""
        if self._saved is None:
            return
        import termios

        saved, self._saved = self._saved, None
        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, saved)
        except termios.error:
            return  # it was hung up


class EscapeFilter:
    """Splits typed bytes into those for the guest and commands for us. The escape may come at the end of one read."""

    def __init__(self) -> None:
        self._escaped = False

    def split(self, data: bytes) -> tuple[bytes, list[str]]:
        """(bytes for the guest, keys that followed an escape)."""
        guest, keys = bytearray(), []
        for byte in data:
            if self._escaped:
                self._escaped = False
                if byte == ESCAPE:
                    guest.append(byte)
                else:
                    keys.append(chr(byte).lower())
            elif byte == ESCAPE:
                self._escaped = True
            else:
                guest.append(byte)
        return bytes(guest), keys
