"""A sum of exits as cells of a row: where, how many, how long, with small pictures."""

from __future__ import annotations

from ..location import DIRECTIONS
from .grid import Cell, code, count, hexadecimal, part, text, time
from .histogram import spark
from .over_time import trend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..statistics import ExitView

PLACE = ("device", "access", "address", "size")
FIGURES = ("count", "elements", "quiet", "share", "in KVM", "handlers", "dispatch", "p50", "p90", "p99", "max", "times",
           "over time")  # fmt: skip


def place(view: ExitView) -> tuple[Cell, ...]:
    """Under PLACE."""
    access = f"{view.reason} {view.direction}".strip()
    nobody = "unclaimed" if view.reason in DIRECTIONS and view.address is not None else ""
    return (text(view.device or nobody), code(access), hexadecimal(view.address), count(view.size))


def figures(view: ExitView, length: int) -> tuple[Cell, ...]:
    """Under FIGURES. `length` is over_time.intervals() of the run."""
    elements = count(view.elements if view.elements > view.count else 0)
    times = map(time, (view.guest, view.total, view.dispatch, view.p50, view.p90, view.p99, view.max))
    pictures = (Cell(html=spark(view.histogram)), Cell(html=trend(view.over_time, length)))
    return (count(view.count), elements, count(view.quiet), part(view.share), *times, *pictures)
