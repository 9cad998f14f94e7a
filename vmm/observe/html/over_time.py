"""Exits over time as inline SVG: an area a device, one above the other, and small ones for the cells of a table.

The shapes are as wide as the page; the words stand beside them as text, which no screen makes smaller.
"""

from __future__ import annotations

from html import escape

from ..figures import duration, number
from ..functions import device_name
from ..over_time import added, coarser, trimmed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..statistics import ExitStatistics

COLOURS = 6
"""Devices with a colour of their own, .series0 and so on in page.css; the rest share one more."""
_HEIGHT = 120
_SPARK = 32


def over_time(exits: ExitStatistics) -> str:
    """A section; "" where the statistics have no times."""
    shown = picture(exits)
    return f"<details open><summary><h2>Exits over time</h2></summary>{shown}</details>\n" if shown else ""


def picture(exits: ExitStatistics) -> str:
    """The picture with its words, axis and legend; likewise."""
    series = _series(exits)
    whole = trimmed(added(series.values()))
    length, step = intervals(exits), exits.interval_ns
    if not whole or not length:
        return ""
    most = max(whole)
    areas, below = "", [0] * length
    for at, counts in enumerate(series.values()):
        above = [low + (counts[place] if place < len(counts) else 0) for place, low in enumerate(below)]
        areas += f'<path class="series{at}" d="{_area(below, above, most)}"/>'
        below = above
    hovers = "".join(
        f'<rect x="{at}" width="1" height="{_HEIGHT}"><title>{escape(_words(at, step, series))}</title></rect>'
        for at, count in enumerate(whole)
        if count
    )
    legend = "".join(
        f'<li><span class="key series{at}"></span>{escape(name)} {number(sum(counts))}</li>'
        for at, (name, counts) in enumerate(series.items())
    )
    marks = "".join(f"<span>{duration(part * length * step // 4) if part else 0}</span>" for part in range(5))
    return (
        f"<p>A column is {duration(step)} wide; the highest one has {number(most)} exit{'s' if most > 1 else ''}.</p>"
        f'<svg class="over-time" role="img" aria-label="exits over time, by device" width="100%" height="{_HEIGHT}"'
        f' viewBox="0 0 {length} {_HEIGHT}" preserveAspectRatio="none">{areas}<g class="hover">{hovers}</g></svg>'
        f'<div class="axis">{marks}</div><ul class="legend">{legend}</ul>'
    )


def intervals(exits: ExitStatistics) -> int:
    """How many the run has, with those at its end in which nothing came; 0 where the statistics have no times."""
    used = max((len(exit.over_time) for exit in exits.exits), default=0)
    return max(used, min(-(-exits.wall_ns // exits.interval_ns), 2 * used)) if exits.interval_ns else 0


def trend(counts: Sequence[int], length: int) -> str:
    """A small one without words, for a cell of a table; "" when it is empty. `length` is intervals(), the same for all
    cells, so that they can be compared."""
    points = coarser((*counts, *[0] * (length - len(counts))), -(-length // _SPARK)) if any(counts) and length else ()
    most = max(points, default=0)
    if not most:
        return ""
    return (
        f'<svg class="spark" role="img" aria-label="over time" width="{2 * len(points)}" height="16"'
        f' viewBox="0 0 {len(points)} 16" preserveAspectRatio="none">'
        f'<path d="{_area([0] * len(points), points, most, 16)}"/></svg>'
    )


def _series(exits: ExitStatistics) -> dict[str, tuple[int, ...]]:
    """The busiest devices, and "others" where there are more than colours."""
    groups: dict[str, list[tuple[int, ...]]] = {}
    for exit in exits.exits:
        groups.setdefault(device_name(exit.reason, exit.device), []).append(exit.over_time)
    sums = {name: added(group) for name, group in groups.items()}
    names = sorted((name for name in sums if any(sums[name])), key=lambda name: (-sum(sums[name]), name))
    own = names if len(names) <= COLOURS + 1 else names[:COLOURS]
    found = {name: sums[name] for name in own}
    if len(own) < len(names):
        found["others"] = added(sums[name] for name in names[COLOURS:])
    return found


def _area(below: Sequence[int], above: Sequence[int], most: int, height: int = _HEIGHT) -> str:
    """A path of steps between two heights, one unit wide each; something is never shown as nothing."""
    if not any(above):
        return ""

    def y(value: int, floor: bool = False) -> str:
        high = value * height / most
        return f"{height - (max(high, 0.7) if value and not floor else high):.4g}"

    there = "".join(f"V{y(value)}h1" for value in above)
    back = "".join(f"V{y(value, True)}h-1" for value in reversed(below))
    return f"M0 {height}{there}{back}Z"


def _words(at: int, step: int, series: dict[str, tuple[int, ...]]) -> str:
    parts = [f"{name} {number(counts[at])}" for name, counts in series.items() if at < len(counts) and counts[at]]
    return f"{duration(at * step)} to {duration((at + 1) * step)}: {', '.join(parts)}"
