"""The text screen of a running machine, live in a terminal, and the keys typed there as the machine's keyboard.

The guest's thread does not wait for any of it: a thread of its own looks at the video memory some 20 times a second and
sends what has changed. Raw mode, escapes and signals are console.py's, what to send is screen_painter.py's business.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # not `signal`, whose enums cost milliseconds
import _thread
import os
import select
import time

from .screen_painter import ENTER, LEAVE, Painter
from .typed_keys import TypedKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ..machine.machine import Machine

FRAME = 0.05
"""Seconds between two looks at the screen."""
PATIENCE = 1.0
"""Seconds that a terminal which takes nothing is waited for when all is over."""
USUAL_SIZE = (80, 25)
"""Columns and rows of a terminal that does not say."""


class Display:
    """Shows the machine's screen on the terminal at `fd` for the time of a `with`, in characters of `encoding`.

    A terminal that cannot be written any more is left alone; the machine goes on.
    """

    def __init__(self, machine: Machine, fd: int, encoding: str) -> None:
        self._machine = machine
        self._given_fd = self._fd = fd
        self._encoding = encoding
        self._painter = Painter()
        self._keys = TypedKeys(machine)
        self._message: str | None = None
        self._message_size: tuple[int, int] | None = None
        """The terminal's size when the message was painted."""
        self._ends: float | None = None
        """When the terminal is not waited for any longer; None while the machine runs."""
        self.is_lost = False
        """Whether the terminal could not be left as it was: it is gone, or takes nothing more."""
        self._quit = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()

    def __enter__(self) -> Self:
        try:  # anew, so that nobody who shares the descriptor sees it become non-blocking
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            self._fd = os.open(f"/proc/self/fd/{self._given_fd}", flags)
        except OSError:
            self._fd = self._given_fd  # somebody else's terminal
        self._quit.acquire()
        self._ended.acquire()
        _thread.start_new_thread(self._show, ())
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = time.monotonic() + PATIENCE
        self._quit.release()
        self._ended.acquire()
        if self._fd != self._given_fd:
            os.close(self._fd)

    def say(self, words: str) -> None:
        """Shows our own words in place of the screen until the next key. Any thread."""
        self._message_size = None
        self._message = words

    def take(self, data: bytes) -> None:
        """Gives typed keys to the machine's keyboard; the first after say() only ends the message. Any thread."""
        if self._message is not None:
            self._message = None
        else:
            self._keys.take(data)

    # -- on a thread of its own --

    def _show(self) -> None:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            self._write(ENTER)
            while not self._quit.acquire(timeout=FRAME):
                self._write(self._frame())
            self._write(LEAVE)
        except OSError:
            self.is_lost = True
        finally:
            self._ended.release()

    def _frame(self) -> str:
        size = self._size()
        message = self._message
        if message is None:
            return self._painter.paint(self._machine.screen, *size)
        if size == self._message_size:
            return ""
        self._message_size = size
        self._painter.forget()
        return self._painter.message(message, *size)

    def _size(self) -> tuple[int, int]:
        """Columns and rows, asked for each time: so a change of size needs no signal."""
        try:
            columns, rows = os.get_terminal_size(self._given_fd)
        except OSError:
            columns = rows = 0
        return columns or USUAL_SIZE[0], rows or USUAL_SIZE[1]

    def _write(self, text: str) -> None:
        data: Any = memoryview(text.encode(self._encoding, "replace"))
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                if self._ends is not None and time.monotonic() > self._ends:
                    raise
                select.select([], [self._fd], [], FRAME)
