"""The head of the page: figures of the whole run, and where its time went, as a bar and for each vCPU."""

from __future__ import annotations

from html import escape

from ..figures import duration, number, share
from ..vcpu_time import CLOCK
from .grid import Cell, count, grid, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..statistics import ExitStatistics

WORDS = {"guest+kernel": "guest and kernel", "elsewhere": "elsewhere"}
"""What a part of the time is called where its name in vcpu_time.py would not do for a reader."""
_PARTS = ("guest", "kernel", "guest+kernel", "device", "dispatch", "set-up", "asleep", "elsewhere")


def summary(exits: ExitStatistics) -> str:
    """Figures and the bar."""
    facts = [("exits", number(exits.total))]
    if exits.wall_ns:
        facts += [("wall time", duration(exits.wall_ns))]
        if exits.total:
            facts += [("exits a second", number(exits.total * 1_000_000_000 // exits.wall_ns))]
    facts += [("vCPUs", str(max(len(exits.vcpus), 1))), ("locations", number(len(exits.by_location())))]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<dl id="summary">{items}</dl>\n{_bar(exits)}'


def _bar(exits: ExitStatistics) -> str:
    spent = exits.time
    whole = max(exits.wall_ns * max(len(exits.vcpus), 1), spent.spent_ns)
    shown = [(name, value) for name, value in (*spent.parts(), ("elsewhere", whole - spent.spent_ns)) if value]
    if not shown:
        return ""
    bar, legend, left = "", "", 0.0
    for name, value in shown:
        wide = 100 * value / whole
        colour = name.replace("+", "-")
        about = "about " if name == "guest" and spent.source == CLOCK else ""
        bar += f'<rect class="{colour}" x="{left:.3f}%" width="{wide:.3f}%" height="22"/>'
        legend += (
            f'<li><span class="key {colour}"></span>{WORDS.get(name, name)} {about}{duration(value)}'
            f" ({escape(share(value / whole))})</li>"
        )
        left += wide
    said = f"<p>guest and kernel as one: {escape(spent.why)}</p>" if spent.why else ""
    return (
        f'<svg id="time" role="img" aria-label="where the time went" width="100%" height="22">{bar}</svg>'
        f'<ul class="legend">{legend}</ul>{said}\n'
    )


def by_vcpu(exits: ExitStatistics) -> str:
    """A table where there are several."""
    if len(exits.vcpus) < 2:
        return ""
    rows = []
    for vcpu in exits.vcpus:
        of = exits.of_vcpu(vcpu)
        parts = {**dict(of.time.parts()), "elsewhere": max(0, exits.wall_ns - of.time.spent_ns)}
        rows.append((Cell(html=str(vcpu), value=vcpu), count(of.total), *(time(parts.get(name, 0)) for name in _PARTS)))
    return grid("By vCPU", ("vCPU", "exits", *(WORDS.get(name, name) for name in _PARTS)), rows)
