"""What happened between two looks at a running machine: exits a second, by location or by device.

Pure: two ExitStatistics of one machine in, rates out. Times are in nanoseconds.
"""

from __future__ import annotations

from ..records import Record
from .exits import percentile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .statistics import ExitStatistics, ExitView

BY = ("location", "device")
SORTS = ("rate", "time", "p99", "name")


class Rate(Record):
    """One location, or one device, over an interval."""

    name: str
    """The location ("io.out.1[0x3f8]") or the device."""
    device: str
    count: int
    """Exits in the interval."""
    per_second: float
    busy: float
    """The part of the interval that handlers took, 0 to 1 (of one vCPU)."""
    p50: int
    p99: int
    """Handler times within the interval, to the next power of two."""
    total: int
    """Exits since the machine began."""
    hot: tuple[tuple[int, str, float], ...]
    """(guest RIP, symbol or "", exits a second), most first; only what exited in the interval."""


def rates(before: ExitStatistics, after: ExitStatistics, by: str = "location", sort: str = "rate") -> list[Rate]:
    """What exited between the two, first by `sort`: one of SORTS. A machine that stood still has no rates."""
    span = after.wall_ns - before.wall_ns
    if span <= 0:
        return []
    earlier, later = ((one.by_device() if by == "device" else one.by_location()) for one in (before, after))
    found = [_rate(name, earlier.get(name), view, span, after) for name, view in later.items()]
    keys = {
        "rate": lambda rate: (-rate.count, rate.name),
        "time": lambda rate: (-rate.busy, rate.name),
        "p99": lambda rate: (-rate.p99, rate.name),
        "name": lambda rate: rate.name,
    }
    return sorted((rate for rate in found if rate.count > 0), key=keys[sort])


def as_json(before: ExitStatistics, after: ExitStatistics) -> dict[str, Any]:
    """The document of `vmm top --once --json`: docs/live.md."""
    span = max(after.wall_ns - before.wall_ns, 0)
    count = after.total - before.total
    return {
        "schema": "vmm.rates",
        "version": 1,
        "interval_ns": span,
        "exits": count,
        "per_second": count * 1e9 / span if span else 0.0,
        **{f"by_{by}": [_rate_as_json(rate) for rate in rates(before, after, by)] for by in BY},
    }


def _rate(name: str, before: ExitView | None, view: ExitView, span: int, exits: ExitStatistics) -> Rate:
    earlier = before.histogram if before else ()
    histogram = tuple(
        max(0, times - (earlier[at] if at < len(earlier) else 0)) for at, times in enumerate(view.histogram)
    )
    rips = dict(before.rips) if before else {}
    hot = [(rip, times - rips.get(rip, 0)) for rip, times in view.rips]
    count = view.count - (before.count if before else 0)
    return Rate(
        name=name,
        device=view.device,
        count=count,
        per_second=count * 1e9 / span,
        busy=(view.total - (before.total if before else 0)) / span,
        p50=percentile(histogram, 0.50, view.max),
        p99=percentile(histogram, 0.99, view.max),
        total=view.count,
        hot=tuple(
            (rip, exits.symbols(rip), times * 1e9 / span)
            for rip, times in sorted(hot, key=lambda pair: -pair[1])
            if times > 0
        ),
    )


def _rate_as_json(rate: Rate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "device": rate.device,
        "count": rate.count,
        "per_second": rate.per_second,
        "busy": rate.busy,
        "p50_ns": rate.p50,
        "p99_ns": rate.p99,
        "total": rate.total,
        "hot": [{"rip": f"{rip:#x}", "symbol": symbol, "per_second": speed} for rip, symbol, speed in rate.hot],
    }
