"""`vmm top` on a terminal: the screen that is painted anew each interval, and the keys that steer it.

The terminal is given back on every way out: a key, the machine's end, Ctrl-C, SIGTERM, SIGHUP, an error.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time

from ...observe import top_screen
from ...observe.rates import BY, SORTS
from ..terminal import RawTerminal
from .top import look, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...observe.rates import Rate
    from ...observe.statistics import ExitStatistics

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_UP, _DOWN, _BACK = ("k", "\x1b[A", "\x1bOA"), ("j", "\x1b[B", "\x1bOB"), ("\x7f", "\x08", "\x1b", "\r", "\n")
_KEYS = "q quit  p pause  s sort  d device/location  up/down choose  enter open or close"


class _Gone(Exception):
    """A signal asked us to leave; carries its number."""


def show(info: dict[str, Any], path: str, values: dict[str, Any]) -> int:
    """Until q or the machine's end; the exit code."""
    terminal = RawTerminal(0)

    def leave(number: int, _frame: object) -> None:
        raise _Gone(number)

    earlier = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    words = ""
    try:
        terminal.enter()
        sys.stdout.write(_ENTER)
        words = _View(info, path, values).run()
        return 0
    except _Gone as gone:
        return 128 + int(gone.args[0])
    finally:
        try:
            sys.stdout.write(_LEAVE + words)
            sys.stdout.flush()
        except OSError:
            words = ""  # the terminal is gone
        terminal.leave()
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _View:
    def __init__(self, info: dict[str, Any], path: str, values: dict[str, Any]) -> None:
        self._info, self._path, self._values = info, path, dict(values)
        self._chosen = ""
        """Name of the row that the cursor is on: rows change their places."""
        self._is_open = False
        self._is_paused = False
        self._looks: list[ExitStatistics] = []
        """The last two."""
        self._found: list[Rate] = []

    def run(self) -> str:
        """Until the user or the machine leaves; what to say then."""
        due = time.monotonic()
        while True:
            if time.monotonic() >= due and not self._is_paused:
                now = look(self._path)
                if now is None:
                    return "the machine has ended\r\n"
                self._looks = [*self._looks[-1:], now]
                interval = self._values["interval"] if len(self._looks) > 1 else min(0.3, self._values["interval"])
                due = time.monotonic() + interval
            self._paint()
            patience = None if self._is_paused else max(0.0, due - time.monotonic())
            if select.select([0], [], [], patience)[0]:
                typed = os.read(0, 64)
                if not typed or not self._take(typed.decode("ascii", "replace")):
                    return ""
                due = max(due, time.monotonic()) if self._is_paused else due

    def _take(self, key: str) -> bool:
        """Acts on a key; False for leaving."""
        if key in ("q", "\x03", "\x04"):
            return False
        names = [rate.name for rate in self._found]
        at = names.index(self._chosen) if self._chosen in names else 0
        if key == "p" or key == " ":
            self._is_paused = not self._is_paused
        elif key == "s":
            self._values["sort"] = SORTS[(SORTS.index(self._values["sort"]) + 1) % len(SORTS)]
        elif key == "d":
            self._values["by"] = BY[(BY.index(self._values["by"]) + 1) % len(BY)]
            self._chosen, self._is_open = "", False
        elif self._is_open and key in _BACK:
            self._is_open = False
        elif key in ("\r", "\n"):
            self._chosen = names[at] if names else ""
            self._is_open = bool(names)
        elif names and key in _UP + _DOWN:
            self._chosen = names[max(0, min(len(names) - 1, at + (1 if key in _DOWN else -1)))]
        return True

    def _paint(self) -> None:
        width, height = shutil.get_terminal_size()
        lines = ["looking ..."]
        if len(self._looks) == 2:
            lines, self._found = text(self._info, self._looks[0], self._looks[1], self._values, width)
            lines += ["", *self._body(width)]
        state = "PAUSED  " if self._is_paused else ""
        foot = f"{state}sort: {self._values['sort']}  {_KEYS}"[:width]
        lines = [*lines[: height - 1], *[""] * (height - 1 - len(lines)), foot]
        sys.stdout.write("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[K")
        sys.stdout.flush()

    def _body(self, width: int) -> list[str]:
        names = [rate.name for rate in self._found]
        at = names.index(self._chosen) if self._chosen in names else 0
        if self._is_open:
            if self._chosen in names:
                return top_screen.details(self._found[at], width)
            return [f"{self._chosen}: no exits in this interval"]
        return top_screen.rows(self._found, self._values["by"], width, at)
