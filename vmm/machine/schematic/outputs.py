"""Where what the guest says goes: standard output, or a log that the machine keeps."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def stdout() -> Any:
    """The backend that writes to standard output."""
    from ...backends.terminal import Output

    return Output(1)


def log(most: int | None) -> Any:
    """A backend that keeps the first `most` bytes; None: its own limit."""
    from ...backends.console_log import ConsoleLog

    return ConsoleLog(most)
