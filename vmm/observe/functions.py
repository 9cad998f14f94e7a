"""The exits of a run by the guest's functions, as rows and as folded stacks.

Exits whose instruction the counters had no room for, or no host to tell them, stand under the name "": no exit is lost.
"""

from __future__ import annotations

from ..records import Record
from .location import location_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .exits import ExitCount
    from .program import Program

UNKNOWN = "[unknown]"
"""In a folded stack, the function of an address that no symbol holds."""
NO_DEVICE = "[no device]"


class FunctionExits(Record):
    """The exits that one function of the guest caused."""

    function: str
    """Its name; "" for all that no symbol holds."""
    source: str
    """file:line of the instruction that exited most often, "" if unknown."""
    count: int
    share: float
    """`count` as a part of all exits, 0 to 1."""
    guest_ns: int
    handler_ns: int
    """Times, in ns. Where several functions met one location, its time is shared out by their counts."""
    devices: tuple[str, ...]
    """What it touched, most exits first."""


def by_function(exits: Iterable[ExitCount], program: Program) -> list[FunctionExits]:
    """One row for each function, most exits first. The counts of all rows add up to the number of exits."""
    gathered: dict[str, _Function] = {}
    for exit in exits:
        for rip, count in _places(exit, program):
            place = program.place(rip) if rip is not None else None
            one = gathered.setdefault(place.function if place else "", _Function())
            one.add(exit, place.source if place else "", count)
    total = sum(one.count for one in gathered.values())
    rows = [one.row(name, total) for name, one in gathered.items()]
    return sorted(rows, key=lambda row: (-row.count, row.function))


def folded(exits: Iterable[ExitCount], program: Program) -> dict[tuple[str, ...], int]:
    """(device, function, location) to exits, for exits of which no call stack is known."""
    stacks: dict[tuple[str, ...], int] = {}
    for exit in exits:
        location = location_text(exit.reason, exit.direction, exit.size, exit.address)
        for rip, count in _places(exit, program):
            function = program.place(rip).function if rip is not None else ""
            stack = (device_name(exit.reason, exit.device), function or UNKNOWN, location)
            stacks[stack] = stacks.get(stack, 0) + count
    return stacks


def device_name(reason: str, device: str) -> str:
    """What stands at the root of a stack: the device, or the reason of exits that go to none."""
    return device or (NO_DEVICE if reason in ("io", "mmio") else reason)


def _places(exit: ExitCount, program: Program) -> Iterator[tuple[int | None, int]]:
    """(address in the instruction, exits); None for those that were not recorded."""
    left = exit.count
    for rip, count in exit.rips:
        left -= count
        yield program.instruction(rip, exit.reason, exit.direction), count
    if left > 0:
        yield None, left


class _Function:
    """A row as it grows."""

    def __init__(self) -> None:
        self.count = 0
        self.guest = self.handler = 0.0
        self.sources: dict[str, int] = {}
        self.devices: dict[str, int] = {}

    def add(self, exit: ExitCount, source: str, count: int) -> None:
        self.count += count
        self.guest += exit.guest_ns * count / exit.count
        self.handler += exit.handler_ns * count / exit.count
        self.sources[source] = self.sources.get(source, 0) + count
        if exit.device:
            self.devices[exit.device] = self.devices.get(exit.device, 0) + count

    def row(self, name: str, total: int) -> FunctionExits:
        return FunctionExits(
            function=name,
            source=max(self.sources, key=lambda source: self.sources[source]),
            count=self.count,
            share=self.count / total if total else 0.0,
            guest_ns=round(self.guest),
            handler_ns=round(self.handler),
            devices=tuple(sorted(self.devices, key=lambda device: (-self.devices[device], device))),
        )
