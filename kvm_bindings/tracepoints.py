"""Where a tracepoint's record has which field, as tracefs describes it. Source: Documentation/trace/events.rst."""

from __future__ import annotations

import os
import re

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
"""Where tracefs is mounted; the second by kernels before 4.1, and for those who still look there."""
_FIELD = re.compile(r"^\tfield:(.+?);\s*offset:(\d+);\s*size:(\d+);", re.MULTILINE)


class Tracepoint:
    """One tracepoint. `id` is perf's number for it, `fields` has (offset, size) in bytes by the field's name."""

    __slots__ = ("fields", "id", "name")

    def __init__(self, name: str, number: int, fields: dict[str, tuple[int, int]]) -> None:
        self.name = name
        self.id = number
        self.fields = fields

    def __repr__(self) -> str:
        return f"<{self.name}: {self.id}>"


def fields_of(text: str) -> dict[str, tuple[int, int]]:
    """What a `format` file says: (offset, size) by name."""
    return {
        declared.split()[-1].partition("[")[0].lstrip("*"): (int(offset), int(size))
        for declared, offset, size in _FIELD.findall(text)
    }


def tracepoint(tracefs: str, group: str, name: str) -> Tracepoint:
    """The tracepoint group:name below the mounted `tracefs`. OSError where it cannot be read."""
    folder = os.path.join(tracefs, "events", group, name)
    with open(os.path.join(folder, "id"), encoding="ascii") as file:
        number = int(file.read())
    with open(os.path.join(folder, "format"), encoding="ascii") as file:
        return Tracepoint(f"{group}:{name}", number, fields_of(file.read()))
