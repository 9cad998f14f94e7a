"""Where the time of a boot goes: our own set-up, the kernel's phases by the times it prints, the first words of init.

The kernel's clock and the host's are brought together by the line that arrived soonest after its time was taken: output
is gathered before it is handed over, so arrival alone is late by up to 20 ms. Times are nanoseconds since the start of
the process. Not modelled: kernels that print no times (printk.time=0), of which only the arrival is known.
"""

from __future__ import annotations

import itertools
import re

from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .statistics import ExitStatistics

SCHEMA, VERSION = "vmm.boot-trace", 1
VMM, KERNEL, INIT = "vmm", "kernel", "init"
"""Who a phase belongs to."""

_PRINTK = re.compile(rb"\[ *(\d+)\.(\d{6})\] (.*)")
_LONGEST = 1024
_SECOND, _MICROSECOND = 1_000_000_000, 1_000

LANDMARKS = (
    ("Linux version ", "the kernel begins"),
    ("Memory: ", "memory is counted"),
    ("printk: console [ttyS0] enabled", "the console is on"),
    ("smp: Brought up ", "the CPUs are up"),
    ("ACPI: Interpreter enabled", "ACPI runs"),
    ("clocksource: Switched to", "clocks are chosen"),
    ("Trying to unpack rootfs", "unpacking the initramfs begins"),
    ("Freeing initrd memory", "the initramfs is unpacked"),
    ("Serial: 8250/16550 driver", "serial ports are probed"),
    ("i8042: ", "the keyboard controller is probed"),
    ("rtc_cmos ", "the clock chip is probed"),
    ("Freeing unused kernel image (initmem)", "drivers are ready"),
    ("Run ", "init starts"),
)
"""(how a line of the kernel begins, what it tells); each counts once."""


class Mark(Record):
    """Something happened."""

    at_ns: int
    who: str
    """VMM, KERNEL or INIT."""
    what: str


class Line(Record):
    """One line of the kernel's log."""

    arrived_ns: int
    """When the host saw its end."""
    kernel_ns: int
    """The kernel's own time of it."""
    text: str


class Listener:
    """Hears the guest's console in any pieces and keeps the kernel's lines, and the first that is none of them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.first_other: int | None = None
        """When the first line came that the kernel did not print: init's."""
        self._line = bytearray()

    def hear(self, data: bytes, at_ns: int) -> None:
        """Takes what was said, at a host time."""
        self._line += data
        if b"\n" not in data:
            del self._line[_LONGEST:]
            return
        *whole, rest = self._line.split(b"\n")
        self._line = bytearray(rest[:_LONGEST])
        for each in whole:
            self._add(bytes(each[:_LONGEST]).strip(b"\r"), at_ns)

    def _add(self, line: bytes, at_ns: int) -> None:
        found = _PRINTK.match(line)
        if found is None:
            if line and self.first_other is None:
                self.first_other = at_ns
            return
        seconds, fraction, text = found.groups()
        kernel_ns = int(seconds) * _SECOND + int(fraction) * _MICROSECOND
        self.lines.append(Line(arrived_ns=at_ns, kernel_ns=kernel_ns, text=text.decode("utf-8", "replace")))


class BootTrace:
    """One boot. `host` are our own marks, `samples` (host time, exits so far) while it ran."""

    def __init__(
        self,
        host: Iterable[Mark],
        listener: Listener,
        samples: Sequence[tuple[int, int]] = (),
        exits: ExitStatistics | None = None,
    ) -> None:
        self.lines = tuple(listener.lines)
        self.samples = tuple(samples)
        self.exits = exits
        self.offset_ns = min((line.arrived_ns - line.kernel_ns for line in self.lines), default=0)
        """The host's time when the kernel's clock showed 0."""
        marks = [*host, *self._landmarks()]
        if listener.first_other is not None:
            marks.append(Mark(at_ns=listener.first_other, who=INIT, what="the first words that are not the kernel's"))
        self.marks = tuple(sorted(marks, key=lambda mark: mark.at_ns))

    def _landmarks(self) -> list[Mark]:
        found, left = [], list(LANDMARKS)
        for line in self.lines:
            for landmark in left:
                if line.text.startswith(landmark[0]):
                    found.append(Mark(at_ns=self.offset_ns + line.kernel_ns, who=KERNEL, what=landmark[1]))
                    left.remove(landmark)
                    break
        return found

    @property
    def end_ns(self) -> int:
        """The last mark."""
        return self.marks[-1].at_ns if self.marks else 0

    def phases(self) -> list[tuple[Mark, int]]:
        """Each mark with the time since the one before, the first since the start of the process."""
        before, found = 0, []
        for mark in self.marks:
            found.append((mark, mark.at_ns - before))
            before = mark.at_ns
        return found

    def pauses(self, most: int = 5) -> list[tuple[int, Line]]:
        """The longest times between two lines of the kernel, each with the line that ended it."""
        gaps = [
            (after.kernel_ns - line.kernel_ns, after) for line, after in zip(self.lines, self.lines[1:], strict=False)
        ]
        return sorted(gaps, key=lambda gap: -gap[0])[:most]

    def rates(self, most: int = 12) -> list[tuple[int, int, int]]:
        """(from, to, exits a second) of at most `most` stretches of equal length."""
        if len(self.samples) < 2:
            return []
        step = -(-(len(self.samples) - 1) // most)
        chosen = [*self.samples[:-1:step], self.samples[-1]]
        return [
            (since, until, (after - before) * _SECOND // max(until - since, 1))
            for (since, before), (until, after) in itertools.pairwise(chosen)
        ]

    def as_json(self) -> dict[str, Any]:
        """Dicts, lists, strings and integers; docs/boot-trace-json.md describes it."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "kernel_zero_ns": self.offset_ns,
            "marks": [mark.as_dict() | {"took_ns": took} for mark, took in self.phases()],
            "lines": [line.as_dict() for line in self.lines],
            "samples": [{"at_ns": at, "exits": exits} for at, exits in self.samples],
            "devices": [
                {"device": name or "none", "exits": view.count, "guest_ns": view.guest, "handler_ns": view.total}
                for name, view in (self.exits.by_device().items() if self.exits else ())
            ],
        }
