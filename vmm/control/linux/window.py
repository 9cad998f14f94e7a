"""The size of the host's terminal, told to a guest that runs guests/linux/init, and told again when it changes.

It goes as a line "ROWS COLUMNS" to COM2, which nobody else listens to there.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # not `signal`, whose enums cost milliseconds
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ...machine.machine import Machine

SIGWINCH = 28


def size() -> tuple[int, int] | None:
    """(rows, columns) of the terminal at standard input, None where it has none."""
    try:
        found = os.get_terminal_size(0)
    except OSError:
        return None
    return (found.lines, found.columns) if found.lines and found.columns else None


class Watch:
    """Follows the terminal for the time of a `with`, if there is one to follow."""

    def __init__(self, machine: Machine, wanted: bool) -> None:
        self._machine = machine
        self._wanted = wanted
        self._before: Any = None

    def __enter__(self) -> Self:
        if self._wanted:
            self._before = _signal.signal(SIGWINCH, lambda number, frame: self._machine.post(self._tell))
        return self

    def __exit__(self, *_: object) -> None:
        if self._wanted:
            _signal.signal(SIGWINCH, self._before)

    def _tell(self) -> None:
        """On vCPU 0's thread."""
        now = size()
        if now is not None:
            self._machine.device("com2").feed(f"{now[0]} {now[1]}\n".encode())
