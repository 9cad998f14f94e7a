"""The screen of `vmm top` as lines of text: a heading, a table of rates with one row chosen, or one row's instructions.

Pure; the terminal is the caller's (control/cli/top.py).
"""

from __future__ import annotations

from .figures import duration, number, share
from .table import Column, fit, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .rates import Rate
    from .statistics import ExitStatistics

_RATES = (
    Column(title="", least=1),
    Column(title="By location", least=12),
    Column(title="device", least=6, priority=4),
    Column(title="exits/s", right=True),
    Column(title="busy", right=True, priority=1),
    Column(title="p50", right=True, priority=3),
    Column(title="p99", right=True, priority=2),
    Column(title="total", right=True, priority=5),
)
_HOT = (Column(title="Instruction"), Column(title="symbol", least=12), Column(title="exits/s", right=True))


def heading(info: dict[str, Any], before: ExitStatistics, after: ExitStatistics, width: int) -> str:
    """Which machine, how long it has run, how fast it exits and where its time goes."""
    span = max(after.wall_ns - before.wall_ns, 1)
    per_second = (after.total - before.total) * 1e9 / span
    guest = (after.guest_ns - before.guest_ns) / span
    handlers = (after.handler_ns - before.handler_ns) / span
    name = info["name"] or "machine"
    vcpus = f"{info['vcpus']} vCPU{'s' if info['vcpus'] > 1 else ''}"
    words = f"{name} ({info['pid']}), {vcpus}, up {duration(after.wall_ns)}"
    busy = f"guest {share(max(guest, 0.0))}, handlers {share(max(handlers, 0.0))}"
    return fit(f"{words}: {number(round(per_second))} exits/s, {busy}", width)


def rows(shown: Sequence[Rate], by: str, width: int, chosen: int | None = None) -> list[str]:
    """The table; the row `chosen` is marked."""
    if not shown:
        return ["No exits in this interval"]
    columns = [*_RATES]
    columns[1] = Column(title=f"By {by}", least=12)
    return table(
        columns,
        [
            (
                ">" if at == chosen else "",
                rate.name,
                (rate.device or "-") if by == "location" else "",
                number(round(rate.per_second)),
                share(max(rate.busy, 0.0)),
                duration(rate.p50),
                duration(rate.p99),
                number(rate.total),
            )
            for at, rate in enumerate(shown)
        ],
        width,
        indent=0,
    )


def details(rate: Rate, width: int) -> list[str]:
    """One row in full: its hot instructions."""
    head = f"{rate.name}{f' ({rate.device})' if rate.device not in ('', rate.name) else ''}"
    lines = [fit(f"{head}: {number(round(rate.per_second))} exits/s, {share(max(rate.busy, 0.0))} busy", width), ""]
    hot = [(f"{rip:#x}", symbol, number(round(speed))) for rip, symbol, speed in rate.hot]
    return lines + (table(_HOT, hot, width) or ["No instruction was recorded in this interval"])
