"""What differs between the exits of runs: counts, locations that came and went, and times beyond their noise.

Counts are exact: one exit more is a difference, unless a threshold (a part of the greater count) is given, or several
runs of the same kind stand before: they show how a count varies by itself, as timer interrupts do, and only what lies
outside the range they span, widened by its own width on both sides, is a difference. Times of two runs are never the
same, so a location's handler times differ only where the middle halves of the two histograms lie apart by more than one
bucket, in every pair: a factor of two at least, whatever fell where inside a bucket; with fewer than LEAST exits on
either side nothing is said. Not modelled: single vCPUs (they are summed), guest time, RIPs.
"""

from __future__ import annotations

from ..records import Record
from .exits import percentile
from .figures import duration, number, share
from .table import Column, fit, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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
    least: int
    """Exits of the runs before: the fewest, those of the middle one, and the most."""
    before: int
    most: int
    after: int
    p50_before: int
    """Handler time, ns."""
    p50_after: int


class ExitDiff(Record):
    """The differences, new and vanished locations first, then the greatest changes."""

    before: tuple[ExitStatistics, ...]
    after: ExitStatistics
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def render(self, width: int = 80) -> str:
        """Lines of at most `width` cells."""
        total, wall = self._before
        head = (
            f"Exits {number(total)} -> {number(self.after.total)} ({self.after.total - total:+,}),"
            f" wall {duration(wall)} -> {duration(self.after.wall_ns)}"
        ) + (f", {len(self.before)} runs before" if len(self.before) > 1 else "")
        if not self.changes:
            places = len(self.after.by_location())
            noisy = "times are" if len(self.before) == 1 else "counts and times are"
            words = f"No difference at {places} location{'s' if places != 1 else ''}; {noisy} within their noise"
            return "\n".join(fit(line, width) for line in (head, words))
        return "\n".join([fit(head, width), "", *table(_COLUMNS, map(_row, self.changes), width)])

    @property
    def _before(self) -> tuple[int, int]:
        """(exits, wall time) of the middle one of the runs before, each for itself."""
        return _middle_one([run.total for run in self.before]), _middle_one([run.wall_ns for run in self.before])

    def as_json(self) -> dict[str, Any]:
        """docs/exits-json.md describes it."""
        total, wall = self._before
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "same": not self.changes,
            "runs": [len(self.before), 1],
            "total": [total, self.after.total],
            "wall_ns": [wall, self.after.wall_ns],
            "changes": [
                {
                    "location": change.location,
                    "device": change.device,
                    "kinds": list(change.kinds),
                    "count": [change.before, change.after],
                    "range": [change.least, change.most],
                    "p50_ns": [change.p50_before, change.p50_after],
                }
                for change in self.changes
            ],
        }


def diff(before: ExitStatistics | Sequence[ExitStatistics], after: ExitStatistics, threshold: float = 0.0) -> ExitDiff:
    """Compares by location, with one run before or several of the same kind. Counts that differ by at most `threshold`
    (0 to 1) of the greater one are the same."""
    runs = tuple(before) if isinstance(before, (list, tuple)) else (before,)
    earlier, two = [run.by_location() for run in runs], after.by_location()
    none = after.select("unknown", size=-1)
    changes = []
    for location in dict.fromkeys((*(name for one in earlier for name in one), *two)):
        olds, new = [one.get(location, none) for one in earlier], two.get(location, none)
        kinds = _kinds(olds, new, threshold)
        if kinds:
            counts = [old.count for old in olds]
            changes.append(
                Change(
                    location=location,
                    device=new.device or next((old.device for old in olds if old), ""),
                    kinds=kinds,
                    least=min(counts),
                    before=_middle_one(counts),
                    most=max(counts),
                    after=new.count,
                    p50_before=_middle_one([old.p50 for old in olds]),
                    p50_after=new.p50,
                )
            )
    changes.sort(key=lambda change: (change.kinds[0] not in (NEW, VANISHED), -abs(change.after - change.before)))
    return ExitDiff(before=runs, after=after, changes=tuple(changes))


def _middle_one(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def _kinds(olds: Sequence[ExitView], new: ExitView, threshold: float) -> tuple[str, ...]:
    least, most = min(old.count for old in olds), max(old.count for old in olds)
    if not most:
        return (NEW,)
    low, high = 2 * least - most, 2 * most - least
    if not new and low > 0:
        return (VANISHED,)
    nearest = min(max(new.count, low), high)
    is_count = abs(new.count - nearest) > threshold * max(new.count, nearest)
    is_time = all(min(old.count, new.count) >= LEAST and _apart(old, new) for old in olds)
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
    spread = number(change.least) if change.least == change.most else f"{number(change.least)}-{number(change.most)}"
    return (
        change.location,
        change.device,
        spread,
        number(change.after),
        {NEW: "new", VANISHED: "vanished"}.get(change.kinds[0], f"{delta:+,}{part}" if delta else "0"),
        f"{duration(change.p50_before)} -> {duration(change.p50_after)}" if is_time else "",
        ("slower" if change.p50_after > change.p50_before else "faster") if is_time else "",
    )
