"""What differs between the exits of two runs: counts, locations that came and went, and times beyond their noise.

Counts are exact: one exit more is a difference, unless a threshold (a part of the greater count) is given. Times of two
runs are never the same, so a location's handler times differ only where the middle halves of the two histograms lie
apart by more than one bucket: a factor of two at least, whatever fell where inside a bucket; with fewer than
LEAST exits on either side nothing is said. Not modelled: single vCPUs (they are summed), guest time, RIPs.
"""

from __future__ import annotations

from ..records import Record
from .exits import percentile
from .figures import duration, number, share
from .table import Column, fit, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .statistics import ExitStatistics, ExitView

SCHEMA, VERSION = "vmm.exit-diff", 1
LEAST = 16
"""Exits that it takes on each side to compare times."""
NEW, VANISHED, COUNT, TIME = "new", "vanished", "count", "time"
_COLUMNS = (
    Column(title="Location", least=16),
    Column(title="device", priority=2, least=5),
    Column(title="before", right=True),
    Column(title="after", right=True),
    Column(title="change", right=True),
    Column(title="p50", least=8),
    Column(title="", least=6, priority=1),
)


class Change(Record):
    """One location that differs."""

    location: str
    device: str
    kinds: tuple[str, ...]
    """Which of NEW, VANISHED, COUNT, TIME."""
    before: int
    """Exits."""
    after: int
    p50_before: int
    """Handler time, ns."""
    p50_after: int


class ExitDiff(Record):
    """The differences, new and vanished locations first, then the greatest changes."""

    before: ExitStatistics
    after: ExitStatistics
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def render(self, width: int = 80) -> str:
        """Lines of at most `width` cells."""
        exits = [self.before.total, self.after.total]
        walls = [duration(exits.wall_ns) for exits in (self.before, self.after)]
        head = f"Exits {number(exits[0])} -> {number(exits[1])} ({exits[1] - exits[0]:+,}), wall {' -> '.join(walls)}"
        if not self.changes:
            places = len(self.after.by_location())
            words = f"No difference at {places} location{'s' if places != 1 else ''}; times are within their noise"
            return "\n".join(fit(line, width) for line in (head, words))
        return "\n".join([fit(head, width), "", *table(_COLUMNS, map(_row, self.changes), width)])

    def as_json(self) -> dict[str, Any]:
        """docs/exits-json.md describes it."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "same": not self.changes,
            "total": [self.before.total, self.after.total],
            "wall_ns": [self.before.wall_ns, self.after.wall_ns],
            "changes": [
                {
                    "location": change.location,
                    "device": change.device,
                    "kinds": list(change.kinds),
                    "count": [change.before, change.after],
                    "p50_ns": [change.p50_before, change.p50_after],
                }
                for change in self.changes
            ],
        }


def diff(before: ExitStatistics, after: ExitStatistics, threshold: float = 0.0) -> ExitDiff:
    """Compares by location. Counts that differ by at most `threshold` (0 to 1) of the greater one are the same."""
    one, two = before.by_location(), after.by_location()
    none = before.select("unknown", size=-1)
    changes = []
    for location in dict.fromkeys((*one, *two)):
        old, new = one.get(location, none), two.get(location, none)
        kinds = _kinds(old, new, threshold)
        if kinds:
            changes.append(
                Change(
                    location=location,
                    device=new.device or old.device,
                    kinds=kinds,
                    before=old.count,
                    after=new.count,
                    p50_before=old.p50,
                    p50_after=new.p50,
                )
            )
    changes.sort(key=lambda change: (change.kinds[0] not in (NEW, VANISHED), -abs(change.after - change.before)))
    return ExitDiff(before=before, after=after, changes=tuple(changes))


def _kinds(old: ExitView, new: ExitView, threshold: float) -> tuple[str, ...]:
    if not old or not new:
        return (NEW,) if new else (VANISHED,)
    is_count = abs(new.count - old.count) > threshold * max(new.count, old.count)
    is_time = min(old.count, new.count) >= LEAST and _apart(old, new)
    return ((COUNT,) if is_count else ()) + ((TIME,) if is_time else ())


def _apart(old: ExitView, new: ExitView) -> bool:
    low, high = sorted((_middle(old), _middle(new)))
    return high[0] - low[1] > 1


def _middle(view: ExitView) -> tuple[int, int]:
    """The buckets of the first and the third quartile."""
    edges = [percentile(view.histogram, part) for part in (0.25, 0.75)]
    return max(edges[0].bit_length() - 2, 0), max(edges[1].bit_length() - 2, 0)


def _row(change: Change) -> tuple[str, ...]:
    delta = change.after - change.before
    part = f" ({'+' if delta > 0 else '-'}{share(abs(delta) / change.before)})" if change.before and delta else ""
    is_time = TIME in change.kinds
    return (
        change.location,
        change.device,
        number(change.before),
        number(change.after),
        {NEW: "new", VANISHED: "vanished"}.get(change.kinds[0], f"{delta:+,}{part}" if delta else "0"),
        f"{duration(change.p50_before)} -> {duration(change.p50_after)}" if is_time else "",
        ("slower" if change.p50_after > change.p50_before else "faster") if is_time else "",
    )
