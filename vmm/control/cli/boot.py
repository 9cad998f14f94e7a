"""--boot-trace and --boot-trace-out of the commands that run a machine: watching, and printing what was seen."""

from __future__ import annotations

import sys
from contextlib import nullcontext

from ..boot_watch import BootWatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

    from ...machine.machine import Machine


class Watch:
    """A BootWatch where one is wanted, and nothing where none is."""

    def __init__(self, wanted: bool) -> None:
        self._watch = BootWatch() if wanted else None

    def attach(self, machine: Machine) -> AbstractContextManager[object]:
        """What is to be entered around the run."""
        if self._watch is None:
            return nullcontext()
        self._watch.attach(machine)
        return self._watch

    def mark(self, what: str) -> None:
        """Something of ours is done now."""
        if self._watch is not None:
            self._watch.mark(what)

    def guest_ready(self, then: Callable[[], None]) -> None:
        """The guest's init has said so."""
        if self._watch is not None:
            self._watch.guest_ready()
        then()

    def report(self, values: dict[str, Any]) -> None:
        """After the run, before the machine is closed: words on stderr, JSON to a file."""
        if self._watch is None:
            return
        trace = self._watch.trace()
        if values["boot_trace"]:
            from ...observe.boot_report import render

            sys.stderr.write("\n" + render(trace) + "\n")
        if values["boot_trace_out"] is not None:
            from ..json_file import write_json

            write_json(values["boot_trace_out"], trace.as_json())


def watch(values: dict[str, Any]) -> Watch:
    """For the options given."""
    return Watch(bool(values["boot_trace"] or values["boot_trace_out"] is not None))
