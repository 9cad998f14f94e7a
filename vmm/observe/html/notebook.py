"""Exits as a notebook shows them (Jupyter, and what follows its _repr_html_): a table, and a histogram of one row.

The colours do on light and dark alike, for a notebook does not tell which it is. Not here: sorting and filtering, which
the page of a run has (page.py).
"""

from __future__ import annotations

from html import escape

from ..figures import duration, number, share
from .exit_rows import FIGURES, PLACE, figures, place
from .grid import table
from .histogram import chart
from .over_time import intervals, picture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..statistics import ExitStatistics, ExitView

ROWS = 20
"""Locations in a table."""
_COLOURS = ("#3b83d4", "#d0731c", "#2a9d78", "#b5478e", "#8a6fd1", "#b59410", "#8592a0")
_STYLE = (
    ".vmm th,.vmm td{text-align:left!important;white-space:nowrap} .vmm .n{text-align:right!important}"
    " .vmm caption{display:none} .vmm .wide{overflow-x:auto} .vmm figure{margin:0}"
    " .vmm .spark,.vmm .chart{fill:#d0731c} .vmm .chart text{fill:currentColor;font-size:10px;text-anchor:middle}"
    " .vmm .chart text.axis{font-size:9px} .vmm .over-time .hover{fill:transparent}"
    " .vmm .axis{display:flex;justify-content:space-between} .vmm .legend{list-style:none;padding:0}"
    " .vmm .legend li{display:inline-block;margin-right:1.5em}"
    " .vmm .key{display:inline-block;width:.8em;height:.8em;margin-right:.4em}"
    + "".join(f" .vmm .series{at}{{fill:{colour};background:{colour}}}" for at, colour in enumerate(_COLOURS))
)


def statistics(exits: ExitStatistics) -> str:
    """A machine's exits: how many, over time, and by location, most exits first."""
    views = list(exits.by_location().values())
    words = f"{number(exits.total)} exits at {number(len(views))} locations"
    if exits.wall_ns:
        words += f" in {duration(exits.wall_ns)}"
    rest = len(views) - ROWS
    more = f"<p>and {number(rest)} more</p>" if rest > 0 else ""
    length = intervals(exits)
    rows = [(*place(view), *figures(view, length)) for view in views[:ROWS]]
    return _whole(words, picture(exits) + table((*PLACE, *FIGURES), rows) + more)


def view(exits: ExitView) -> str:
    """Some exits: how many, and their handler times as a histogram."""
    name = " ".join(filter(None, (exits.device, exits.location if exits.reason else "exits")))
    words = f"{name}: {number(exits.count)} exits"
    if not exits:
        return _whole(words, "")
    words += (
        f" ({share(exits.share)}), {number(exits.quiet)} of them quiet; handlers {duration(exits.total)},"
        f" p50 {duration(exits.p50)}, p99 {duration(exits.p99)}, max {duration(exits.max)}"
    )
    return _whole(words, chart("handler times", exits.histogram))


def _whole(words: str, content: str) -> str:
    return f'<div class="vmm"><style>{_STYLE}</style><p>{escape(words)}</p>{content}</div>'
