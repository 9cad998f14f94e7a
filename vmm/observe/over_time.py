"""Exits over time: counts by intervals of equal length, as the run step keeps them.

A run that outgrows its intervals makes each twice as long, so there are between half of INTERVALS and all of them,
however long it lasts. Interval i begins i interval lengths after the first start; time in which the machine was paused
is left out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INTERVALS = 128
"""How many a vCPU has for each location."""


def coarser(counts: Sequence[int], times: int) -> tuple[int, ...]:
    """The same exits in intervals that are `times` as long."""
    if times == 1:
        return tuple(counts)
    return tuple(sum(counts[at : at + times]) for at in range(0, len(counts), times))


def added(series: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """One series from several with the same length of interval, as long as the longest of them."""
    lists = list(series)
    total = [0] * max(map(len, lists), default=0)
    for counts in lists:
        for at, count in enumerate(counts):
            if count:
                total[at] += count
    return tuple(total)


def trimmed(counts: Sequence[int]) -> list[int]:
    """Without the zeros at its end."""
    last = len(counts)
    while last and not counts[last - 1]:
        last -= 1
    return list(counts[:last])
