"""The exits that KVM answers by itself, as text: by the processor's reason, by instruction, by function, and what they
were about. Rows and columns without content do not appear."""

from __future__ import annotations

from . import msr_accesses
from .exits import percentile
from .figures import duration, number, share
from .hidden_exits import fault_words, tallied
from .table import Column, table, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .hidden_exits import HardwareExit, HiddenExits, HiddenFunction

_REASONS = (
    Column(title="By CPU reason", least=11),
    Column(title="count", right=True),
    Column(title="hidden", right=True),
    Column(title="share", right=True, priority=5),
    Column(title="kernel", right=True, priority=3),
    Column(title="asleep", right=True, priority=6),
    Column(title="p50", right=True, priority=2),
    Column(title="p90", right=True, priority=4),
    Column(title="p99", right=True, priority=4),
    Column(title="max", right=True, priority=1),
)
_PLACES = (
    Column(title="Hidden at"),
    Column(title="symbol", least=12),
    Column(title="hidden", right=True),
    Column(title="share", right=True, priority=1),
    Column(title="reason", least=8),
)
_FUNCTIONS = (
    Column(title="Hidden exits by function", least=12),
    Column(title="count", right=True),
    Column(title="share", right=True, priority=1),
    Column(title="reasons", least=12),
)
NOTHING = "hidden exits: this host's KVM told of none; it runs guests without the processor's help (PVM)"
LISTED = 8
"""So many leaves, faults and vectors a line names."""


def render(hidden: HiddenExits, symbols: Callable[[int], str], width: int, *, bold: bool, rows: int) -> list[str]:
    """All of it, in lines of at most `width` cells, sections with a blank line between them."""
    blocks = [_by_reason(hidden, width, bold), _by_place(hidden, symbols, width, bold, rows // 2)]
    if hidden.msrs:
        blocks.append(msr_accesses.render(hidden.msrs, width, rows=rows, bold=bold))
    blocks.append(
        [
            *_listed("CPUID leaves", ((_leaf(key), count) for key, count in tallied(hidden.cpuid)), width),
            *_listed("addresses mapped", _faults(hidden), width),
            *_listed("interrupts given", ((f"{key:#x}", count) for key, count in tallied(hidden.interrupts)), width),
        ]
    )
    if not hidden.exits:
        blocks.insert(0, wrap(NOTHING, width))
    lines = [line for block in blocks if block for line in ("", *block)][1:]
    if hidden.lost:
        lost = f"{number(hidden.lost)} records were lost: perf's ring was full. What is above is too low"
        lines += wrap(lost, width, "  * ", "    ")
    return lines


def by_function(
    functions: Iterable[HiddenFunction], width: int = 80, *, rows: int = 24, bold: bool = False
) -> list[str]:
    """The functions whose exits KVM answered, most first; a last line counts the rest."""
    functions = list(functions)
    total = sum(one.count for one in functions)
    shown = [
        (
            one.function or "(unknown)",
            number(one.count),
            share(one.count / total),
            ", ".join(f"{reason} {number(count)}" for reason, count in one.reasons),
        )
        for one in functions[:rows]
    ]
    left = functions[rows:]
    return table(_FUNCTIONS, shown, width, bold=bold) + (
        wrap(f"and {number(len(left))} more, {number(sum(one.count for one in left))} exits", width, "  ")
        if left
        else []
    )


def _by_reason(hidden: HiddenExits, width: int, bold: bool) -> list[str]:
    rows = [_reason(one, hidden.total) for one in hidden.by_reason()]
    if len(rows) > 1:
        all_of_them = number(hidden.total), number(hidden.hidden), "100%"
        rows.append(("all", *all_of_them, duration(sum(one.kernel_ns for one in hidden.exits))))
    return table(_REASONS, rows, width, bold=bold)


def _reason(one: HardwareExit, total: int) -> tuple[str, ...]:
    times = (percentile(one.histogram, part, one.kernel_max_ns) for part in (0.50, 0.90, 0.99))
    return (
        one.reason,
        number(one.count),
        number(one.hidden) if one.hidden else "",
        share(one.count / total),
        duration(one.kernel_ns),
        duration(one.asleep_ns) if one.asleep_ns else "",
        *map(duration, times),
        duration(one.kernel_max_ns),
    )


def _by_place(hidden: HiddenExits, symbols: Callable[[int], str], width: int, bold: bool, rows: int) -> list[str]:
    places = [
        (rip, count - to_user, one.reason)
        for one in hidden.by_reason()
        for rip, count, to_user in one.rips
        if count > to_user
    ]
    places.sort(key=lambda place: (-place[1], place[0]))
    shown = [
        (f"{rip:#x}", symbols(rip), number(count), share(count / hidden.hidden), reason)
        for rip, count, reason in places[:rows]
    ]
    lines, left = table(_PLACES, shown, width, bold=bold), places[rows:]
    if left:
        exits = number(sum(count for _, count, _ in left))
        lines += wrap(f"and {number(len(left))} more instructions, {exits} exits", width, "  ")
    return lines


def _leaf(key: int) -> str:
    leaf, subleaf = key >> 32, key & 0xFFFF_FFFF
    return f"{leaf:#x}.{subleaf}" if 0 < subleaf < 64 else f"{leaf:#x}"


def _faults(hidden: HiddenExits) -> Iterable[tuple[str, int]]:
    words: dict[str, int] = {}
    for key, count in tallied(hidden.faults):
        words[fault_words(key)] = words.get(fault_words(key), 0) + count
    return ((f"{name}:", count) for name, count in words.items())


def _listed(title: str, pairs: Iterable[tuple[str, int]], width: int) -> list[str]:
    pairs = list(pairs)
    if not pairs:
        return []
    parts = [f"{name} {number(count)}" for name, count in pairs[:LISTED]]
    if len(pairs) > LISTED:
        parts.append(f"{number(len(pairs) - LISTED)} more {number(sum(count for _, count in pairs[LISTED:]))}")
    return wrap(f"{title}: {'; '.join(parts)}", width, "", "  ")
