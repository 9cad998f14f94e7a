"""A listener on a Linux guest's console that knows the words of a kernel panic.

The first words are only noted, for a stack trace follows; the kernel's last ones say that it is over. A panic that ends
in a reset instead is told from other resets by what was noted.
Not looked at: oopses that the kernel survives, and consoles other than the one listened to.
Source: Linux kernel/panic.c, panic().
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = b"Kernel panic - not syncing"
LAST = (b"---[ end Kernel panic", b"Rebooting in ")
LONGEST = 1024
"""Bytes of a line that are looked at."""


class PanicListener:
    """Feed it what the guest says, in any pieces. `noted(words)` is called with the line that tells of the panic.

    `over()` is called when the kernel has said its last words after that; each once.
    """

    def __init__(self, noted: Callable[[str], None], over: Callable[[], None]) -> None:
        self._noted = noted
        self._over = over
        self._line = bytearray()
        self._stage = 0  # 1 after the first words, 2 after the last

    def hear(self, data: bytes) -> None:
        """Takes what the guest said."""
        line = self._line
        line += data
        if b"\n" not in data:
            del line[LONGEST:]
            return
        *whole, rest = line.split(b"\n")
        self._line = bytearray(rest[:LONGEST])
        for each in whole:
            self._look_at(bytes(each[:LONGEST]))

    def _look_at(self, line: bytes) -> None:
        if self._stage == 0 and (words := _said(line, FIRST)):
            self._stage = 1
            self._noted(words.decode("utf-8", "replace").rstrip())
        elif self._stage == 1 and any(_said(line, each) for each in LAST):
            self._stage = 2
            self._over()


def _said(line: bytes, words: bytes) -> bytes:
    """The line from `words` on, when they start it or stand right behind printk's time in brackets; else nothing."""
    at = line.find(words)
    return line[at:] if at >= 0 and (not line[:at].strip(b"\r") or line[:at].endswith(b"] ")) else b""
