"""The exit statistics as text: by reason, by location, hot instructions, times, and the kernel's counters beside ours.

Rows and columns without content do not appear. Not modelled: colours; headings turn bold if the caller asks.
"""

from __future__ import annotations

from . import msr_accesses
from .figures import duration, number, share
from .kernel_stats import KernelCounters, compare
from .location import DIRECTIONS
from .table import Column, strong, table, wrap
from .vcpu_time import CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .exits import ExitCount
    from .statistics import ExitStatistics, ExitView, HotRip
    from .vcpu_time import VcpuTime

_PLACED = (*DIRECTIONS, "rdmsr", "wrmsr")
"""Reasons whose exits have an address; without one they are those for which the counters had no room of their own."""

_COUNTS = (
    Column(title="count", right=True),
    Column(title="elements", right=True, priority=8),
    Column(title="quiet", right=True, priority=9),
    Column(title="share", right=True, priority=5),
)
_TIMES = (
    Column(title="total", right=True, priority=3),
    Column(title="dispatch", right=True, priority=7),
    Column(title="p50", right=True, priority=2),
    Column(title="p90", right=True, priority=6),
    Column(title="p99", right=True, priority=4),
    Column(title="max", right=True, priority=1),
)
_REASON = (Column(title="By reason", least=9), *_COUNTS, Column(title="in KVM", right=True, priority=7), *_TIMES)
_LOCATION = (
    Column(title="By location", least=9),
    Column(title="", least=5),
    Column(title="address"),
    Column(title="size", right=True, priority=6),
    *_COUNTS,
    *_TIMES,
)
_RIP = (
    Column(title="Hot instructions"),
    Column(title="symbol", least=12),
    Column(title="count", right=True),
    Column(title="share", right=True, priority=2),
    Column(title="access", priority=1, least=8),
    Column(title="device", priority=3, least=6),
)
_TIME = (
    Column(title="Time", least=6),
    *(
        Column(title=title, right=True)
        for title in (
            "guest", "kernel", "guest+kernel", "device", "dispatch", "set-up", "asleep", "elsewhere",
        )
    ),
)  # fmt: skip
_KERNEL = (
    Column(title="Kernel's counters", least=16),
    Column(title="ours", right=True),
    Column(title="kernel's", right=True),
    Column(title=""),
)


def render(
    exits: ExitStatistics, width: int = 80, *, per_vcpu: bool = False, bold: bool = False, rows: int = 24
) -> str:
    """All there is to say, in lines of at most `width` cells; vCPUs added up, or one after the other.

    At most `rows` locations are listed and half as many instructions, the most frequent ones; a last line counts the
    rest. `bold` sets headings in bold by ANSI codes.
    """
    lines = [line for said in _headline(exits) for line in wrap(said, width)]
    if len(exits.times) > 1:
        lines += ["", *table(_TIME, [_vcpu(time, exits.wall_ns) for time in exits.times], width, bold=bold)]
    if not exits.total:
        return "\n".join(lines)
    if not per_vcpu or len(exits.vcpus) < 2:
        return "\n".join([*lines, *_sections(exits, width, bold, rows)])
    for vcpu in exits.vcpus:
        part = exits.of_vcpu(vcpu)
        title = f"vCPU {vcpu}: {number(part.total)} exits, {duration(part.guest_ns)} in KVM"
        lines += ["", *(strong(line, bold) for line in wrap(title, width)), *_sections(part, width, bold, rows)]
    return "\n".join(lines)


def _headline(exits: ExitStatistics) -> list[str]:
    """How many exits, and where the time went (vcpu_time.py); 'elsewhere' is before and after the vCPUs ran."""
    vcpus = f" on {len(exits.vcpus)} vCPUs" if len(exits.vcpus) > 1 else ""
    wall = f" in {duration(exits.wall_ns)}" if exits.wall_ns else ""
    if not exits.total:
        return [f"No exits{vcpus}{wall}"]
    counted = f"{number(exits.total)} exit{'s' if exits.total > 1 else ''}{vcpus}{wall}"
    time = exits.time
    whole = max(exits.wall_ns * max(len(exits.vcpus), 1), time.spent_ns)
    parts = [*time.parts(), ("elsewhere", whole - time.spent_ns)]
    about = "about " if time.source == CLOCK else ""
    said = [f"{about if name == 'guest' else ''}{name} {duration(spent)} ({share(spent / whole)})"
            for name, spent in parts if spent]  # fmt: skip
    lines = [counted, f"{'vCPU time' if vcpus else 'time'}: {', '.join(said)}"] if said else [counted]
    return [*lines, f"guest+kernel as one: {time.why}; see --hidden"] if time.why else lines


def _vcpu(time: VcpuTime, wall_ns: int) -> tuple[str, ...]:
    parts = {**dict(time.parts()), "elsewhere": max(0, wall_ns - time.spent_ns)}
    shown = (parts.get(column.title, 0) for column in _TIME[1:])
    return (f"vCPU {time.vcpu}", *(duration(part) if part else "" for part in shown))


def _sections(exits: ExitStatistics, width: int, bold: bool, rows: int) -> list[str]:
    reasons = [
        (name, *_counts(view), duration(view.guest) if view.guest else "", *_times(view))
        for name, view in exits.by_reason().items()
    ]
    places = [view for view in exits.by_location().values() if view.address is not None or view.reason in _PLACED]
    hot = exits.by_rip()
    blocks = [
        table(_REASON, reasons, width, bold=bold),
        table(_LOCATION, map(_location, places[:rows]), width, bold=bold)
        + _rest(len(places) - rows, sum(view.count for view in places[rows:]), "location", width),
        table(_RIP, map(_instruction, hot[: rows // 2]), width, bold=bold)
        + _rest(len(hot) - rows // 2, sum(place.count for place in hot[rows // 2 :]), "instruction", width),
        msr_accesses.render(exits.msrs, width, rows=rows, bold=bold) if exits.msrs else [],
        _hidden(exits, width, bold, rows) if exits.hidden else [],
        _kernel(exits.kernel, exits.exits, width, bold) if exits.kernel else [],
    ]
    return [line for block in blocks if block for line in ("", *block)]


def _location(view: ExitView) -> tuple[str, ...]:
    access = view.direction if view.reason in DIRECTIONS else view.reason
    address = "others" if view.address is None else f"{view.address:#x}"
    nobody = "unclaimed" if view.reason in DIRECTIONS else "MSR"
    device = view.device or (nobody if view.address is not None else "")
    return (device, access, address, str(view.size or ""), *_counts(view), *_times(view))


def _instruction(hot: HotRip) -> tuple[str, ...]:
    return (f"{hot.rip:#x}", hot.symbol, number(hot.count), share(hot.share), hot.location, hot.device)


def _counts(view: ExitView) -> tuple[str, ...]:
    elements = number(view.elements) if view.elements > view.count else ""
    return (number(view.count), elements, number(view.quiet) if view.quiet else "", share(view.share))


def _times(view: ExitView) -> tuple[str, ...]:
    if not view.total and not view.max:
        return ("",) * 6
    dispatch = duration(view.dispatch) if view.dispatch else ""
    return (duration(view.total), dispatch, *map(duration, (view.p50, view.p90, view.p99, view.max)))


def _kernel(kernel: KernelCounters, exits: tuple[ExitCount, ...], width: int, bold: bool) -> list[str]:
    entries = compare(kernel, exits)
    rows = [
        (
            entry.name,
            "" if entry.ours is None else number(entry.ours),
            number(entry.kernel),
            "*" if entry.remark else "",
        )
        for entry in entries
    ]
    lines = table(_KERNEL, rows, width, bold=bold)
    for entry in entries:
        if entry.remark:
            lines += wrap(entry.remark, width, "  * ", "    ")
    return lines


def _hidden(exits: ExitStatistics, width: int, bold: bool, rows: int) -> list[str]:
    from .hidden_table import render as hidden_table

    return hidden_table(exits.hidden, exits.symbols, width, bold=bold, rows=rows) if exits.hidden else []


def _rest(more: int, exits: int, what: str, width: int) -> list[str]:
    if more <= 0:
        return []
    return wrap(f"and {more:,} more {what}{'s' if more > 1 else ''}, {number(exits)} exits", width, "  ")
