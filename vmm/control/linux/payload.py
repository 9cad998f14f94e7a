"""What guests/linux/init is told: a command to run and the host's terminal, as files of an archive of their own."""

from __future__ import annotations

import os
import shlex

from ...boot import cpio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...boot.cpio import Member

TERMINAL, PIPE, NONE = "tty", "pipe", "none"
"""What the command's standard input is: the console with a user at it, bytes until they end, or nothing."""


def members(command: Sequence[str], input: str, size: tuple[int, int] | None, terminal: str) -> list[Member]:
    """/vmm/settings, and /vmm/command unless `command` is empty: then a shell runs. `size` is (rows, columns)."""
    settings = {"input": input, "TERM": terminal or "dumb"}
    if size is not None:
        settings |= {"rows": str(size[0]), "columns": str(size[1])}
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    found = [cpio.file("vmm/settings", lines.encode())]
    if command:
        found.append(cpio.file("vmm/command", b"exec " + os.fsencode(shlex.join(command)) + b"\n"))
    return found
