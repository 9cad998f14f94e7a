"""Watches a machine boot: when the process began, what the machine did since, what the guest said, exits over time."""

from __future__ import annotations

import _thread
import os
import time

from ..observe.boot_trace import INIT, VMM, BootTrace, Listener, Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from ..machine.machine import Machine

INTERVAL = 0.05
"""Seconds between two looks at the number of exits."""
_START_TIME = 19
"""Of the fields behind the name in /proc/self/stat (proc(5): starttime, the 22nd)."""


def process_start() -> int:
    """When this process began, in nanoseconds of the monotonic clock; as exact as the kernel tells, 10 ms mostly."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    ticks = int(fields[_START_TIME])
    since_boot = ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return time.monotonic_ns() - (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot)


class BootWatch:
    """For the time of a `with` around the machine's run; made before the machine."""

    def __init__(self) -> None:
        self._zero = process_start()
        self._marks = [self._mark("Python, imports, the request")]
        self._listener = Listener()
        self._samples: list[tuple[int, int]] = []
        self._machine: Machine | None = None
        self._ending = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()

    def mark(self, what: str) -> None:
        """Something of ours is done now."""
        self._marks.append(self._mark(what))

    def guest_ready(self) -> None:
        """The guest's init says that its console is set up."""
        self._marks.append(self._mark("the console takes commands", INIT))

    def attach(self, machine: Machine) -> None:
        """Before the run."""
        self._machine = machine
        self._marks += [Mark(at_ns=at - self._zero, who=VMM, what=what) for what, at in machine.marks]
        machine.listen("com1", lambda data: self._listener.hear(data, time.monotonic_ns() - self._zero))

    def __enter__(self) -> Self:
        self.mark("console, signals; the first entry")
        self._ending.acquire()
        self._ended.acquire()
        _thread.start_new_thread(self._sample, ())
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.release()
        self._ended.acquire()

    def trace(self) -> BootTrace:
        """What was seen."""
        exits = self._machine.exits if self._machine is not None else None
        return BootTrace(self._marks, self._listener, self._samples, exits)

    def _sample(self) -> None:
        machine = self._machine
        assert machine is not None
        while True:
            self._samples.append((time.monotonic_ns() - self._zero, machine.exit_count))
            if self._ending.acquire(timeout=INTERVAL):
                break
        self._ended.release()

    def _mark(self, what: str, who: str = VMM) -> Mark:
        return Mark(at_ns=time.monotonic_ns() - self._zero, who=who, what=what)
