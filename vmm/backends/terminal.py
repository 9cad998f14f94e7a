"""The host's terminal, pipe or file as the far end of a serial line: what the guest says goes to a file descriptor.

Not here: keys, raw mode and signals; see vmm.control.console.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_KIND, _PIPE, _CHARACTER_DEVICE = 0o170000, 0o010000, 0o020000  # of st_mode; importing stat is not free
PATIENCE = 0.1
"""Seconds after which a writer that waits for a slow reader looks whether it still has to."""


class Output:
    """Writes what the guest says to a file descriptor, at once and unbuffered.

    A slow reader holds the guest up, as a terminal does. Once a write fails, all that follows is dropped.
    """

    def __init__(self, fd: int) -> None:
        self._fd = self._given_fd = fd
        self.in_line = False
        """Whether what was written last does not end its line."""
        self.failure: OSError | None = None
        """Why nothing is written any more."""
        self.on_failure: Callable[[OSError], None] = lambda error: None
        """Called once, on the thread that writes."""
        self.is_wanted: Callable[[], bool] = lambda: True
        """Asked now and then while a reader takes nothing: False drops what waits. Needs open()."""

    def open(self) -> None:
        """Makes the waiting for a slow reader end when `is_wanted` says so, where the descriptor allows that.

        It does for pipes and terminals. They are opened anew, so that nobody who shares the descriptor sees it become
        non-blocking. close() goes back.
        """
        kind = os.fstat(self._given_fd).st_mode & _KIND
        if kind == _PIPE or (kind == _CHARACTER_DEVICE and os.isatty(self._given_fd)):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            try:
                self._fd = os.open(f"/proc/self/fd/{self._given_fd}", flags)
            except OSError:
                return  # somebody else's terminal, or a pipe without a reader: write() finds out

    def close(self) -> None:
        """Gives back what open() opened; the descriptor that was given stays open. Legal twice."""
        if self._fd != self._given_fd:
            os.close(self._fd)
            self._fd = self._given_fd

    def write(self, data: bytes) -> None:
        """Takes what the guest sends."""
        self.in_line = data[-1:] != b"\n"
        while data and self.failure is None:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                if not self._has_room():
                    return
            except OSError as error:
                self.failure = error
                self.on_failure(error)

    def _has_room(self) -> bool:
        import select

        while not select.select([], [self._fd], [], PATIENCE)[1]:
            if not self.is_wanted():
                return False
        return True
