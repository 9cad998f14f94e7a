"""The last exits of the flight recorder as text, with what repeats folded into one line.

A polling loop is the usual end of a guest's story, so turns of up to four exits fold as well as runs of one.
"""

from __future__ import annotations

from .figures import duration
from .location import location_text
from .table import Column, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .exits import FlightEntry

LONGEST_TURN = 4


def flight_lines(
    entries: Sequence[FlightEntry], symbols: Callable[[int], str], width: int = 80, *, bold: bool = False
) -> list[str]:
    """A table of `entries`, which come oldest first; nothing for none.

    Each line is an exit, or exits that differ in time and value alone ("x 37"), or such exits that took turns ("x 18
    in turn"). Its time is that of the first of them, before the last entry of all; bytes that are text show as text.
    """
    if not entries:
        return []
    columns = (
        Column(title=f"Last {len(entries)} exits" if len(entries) > 1 else "Last exit", right=True),
        Column(title="vcpu" if len({entry.vcpu for entry in entries}) > 1 else "", right=True, priority=2),
        Column(title="rip", least=10),
        Column(title="access", least=8),
        Column(title="value", least=8),
        Column(title="device", least=4, priority=1),
        Column(title="", least=4),
    )
    end = entries[-1].at_ns
    rows = []
    for turn, times in _fold(entries):
        for at in range(turn.stop - turn.start):
            same = entries[turn.start + at : turn.stop + (times - 1) * len(turn) : len(turn)]
            first = same[0]
            before = end - first.at_ns
            rows.append((
                f"-{duration(before)}" if before > 0 else "0",
                str(first.vcpu) if columns[1].title else "",
                symbols(first.rip) or f"{first.rip:#x}",
                location_text(first.reason, first.direction, first.size, first.address),
                _values(same),
                first.device,
                "" if times == 1 else f"x {times}" if len(turn) == 1 else f"x {times} in turn",
            ))  # fmt: skip
    return table(columns, rows, width, bold=bold)


def _fold(entries: Sequence[FlightEntry]) -> list[tuple[range, int]]:
    """(entries of one turn, how often they come in that order), from the first entry to the last."""
    places = [(it.vcpu, it.reason, it.direction, it.address, it.size, it.rip, it.device) for it in entries]
    turns = []
    at = 0
    while at < len(places):
        best, times = 1, 1
        for length in range(1, LONGEST_TURN + 1):
            count = 1
            while places[at : at + length] == places[at + count * length : at + (count + 1) * length]:
                count += 1
            if count > 1 and count * length > best * times:
                best, times = length, count
        turns.append((range(at, at + best), times))
        at += best * times
    return turns


def _values(entries: Sequence[FlightEntry]) -> str:
    """What was moved by exits at one place: one value, text, or the first two and the last."""
    values = [entry.value for entry in entries]
    if not any(values) and not entries[0].size:
        return ""
    if (
        entries[0].size == 1
        and len(values) > 1
        and all(32 <= value < 127 or value in (8, 9, 10, 13) for value in values)
    ):
        return repr("".join(map(chr, values))) if len(set(values)) > 1 else f"{values[0]:#x}"
    different = [value for at, value in enumerate(values) if not at or value != values[at - 1]]
    shown = [f"{value:#x}" for value in different]
    return " ".join(shown if len(shown) < 4 else [*shown[:2], "..", shown[-1]])
