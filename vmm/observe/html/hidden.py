"""What KVM answered by itself, where --hidden looked: by CPU reason, by instruction, and what it was about."""

from __future__ import annotations

from ..exits import percentile
from ..hidden_exits import fault_words, tallied
from .grid import Cell, code, count, grid, hexadecimal, part, text, time
from .histogram import spark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hidden_exits import HardwareExit, HiddenExits

_REASONS = ("reason", "count", "hidden", "share", "kernel", "asleep", "p50", "p90", "p99", "max", "times", "meaning")


def hidden(found: HiddenExits | None, symbols: Callable[[int], str]) -> str:
    """The sections; "" where nobody looked, or nothing was told."""
    if found is None:
        return ""
    lost = f"{found.lost:,} records were lost: these counts are too low." if found.lost else ""
    reasons = found.by_reason()
    places = [(rip, times - to_user, one.reason) for one in reasons for rip, times, to_user in one.rips]
    rows = [
        (hexadecimal(rip), code(symbols(rip)), count(times), code(reason))
        for rip, times, reason in sorted(places, key=lambda place: (-place[1], place[0]))
        if times
    ]
    return "".join(
        (
            grid("By CPU reason", _REASONS, [_reason(one, found.total) for one in reasons], lost),
            grid("Hidden exits by instruction", ("RIP", "symbol", "hidden", "reason"), rows),
            grid("What KVM answered", ("kind", "which", "count"), _subjects(found)),
        )
    )


def _reason(one: HardwareExit, total: int) -> tuple[Cell, ...]:
    times = (percentile(one.histogram, part, one.kernel_max_ns) for part in (0.50, 0.90, 0.99))
    return (
        code(one.reason),
        count(one.count),
        count(one.hidden),
        part(one.count / total),
        *map(time, (one.kernel_ns, one.asleep_ns, *times, one.kernel_max_ns)),
        Cell(html=spark(one.histogram)),
        text(one.words),
    )


def _subjects(found: HiddenExits) -> list[tuple[Cell, ...]]:
    leaves = [(f"leaf {key >> 32:#x}.{key & 0xFFFF_FFFF:#x}", times) for key, times in tallied(found.cpuid)]
    faults = [(f"{fault_words(key)} ({key:#x})", times) for key, times in tallied(found.faults)]
    vectors = [(f"vector {key:#x}", times) for key, times in tallied(found.interrupts)]
    kinds = (("CPUID", leaves), ("address mapped", faults), ("interrupt given", vectors))
    return [(text(kind), text(which), count(times)) for kind, pairs in kinds for which, times in pairs]
