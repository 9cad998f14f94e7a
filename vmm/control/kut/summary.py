"""A list's results as a table: a test a line with its verdict, its report's counts, its time and its exits."""

from __future__ import annotations

from ...observe.table import Column, table
from . import result
from .comparison import differences, is_comparable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .batch import Pair
    from .result import Result

_COLUMNS = (
    Column(title="verdict"),
    Column(title="test"),
    Column(title="QEMU"),
    Column(title="pass", right=True),
    Column(title="fail", right=True),
    Column(title="skip", right=True, priority=5),
    Column(title="seconds", right=True, priority=3),
    Column(title="exits", right=True, priority=2),
    Column(title="most at", priority=4, least=10),
    Column(title="", priority=1, least=12),
)


def render(pairs: Sequence[Pair], width: int = 80) -> str:
    """The table, the sums below it, and the differences from QEMU if there are any."""
    lines = table(_COLUMNS, [_row(pair) for pair in pairs], width, indent=0)
    return "\n".join([*lines, "", totals(pairs), *_compared(pairs)]) + "\n"


def progress(pair: Pair) -> str:
    """One line about a test that has just ended."""
    ours = pair.ours
    words = f"  {ours.words}" if ours.words else ""
    beside = f"  (QEMU: {pair.theirs.verdict})" if pair.theirs is not None else ""
    return f"{ours.verdict:<15}{ours.name}{beside}{words}\n"


def totals(pairs: Sequence[Pair]) -> str:
    """How many tests came to which verdict."""
    counts = {verdict: sum(pair.ours.verdict == verdict for pair in pairs) for verdict in result.VERDICTS}
    return f"{len(pairs)} tests: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _row(pair: Pair) -> list[str]:
    ours = pair.ours
    counts = [str(ours.count(*words) or "") for words in (("PASS", "XFAIL"), ("FAIL", "XPASS"), ("SKIP",))]
    seconds, exits = (f"{ours.seconds:.1f}" if ours.seconds else ""), (f"{ours.exits}" if ours.exits else "")
    theirs = "" if pair.theirs is None else pair.theirs.verdict
    return [ours.verdict, ours.name, theirs, *counts, seconds, exits, ours.hot, ours.words]


def _compared(pairs: Sequence[Pair]) -> list[str]:
    beside = [(pair.ours, pair.theirs) for pair in pairs if pair.theirs is not None]
    if not beside:
        return []
    comparable = [(ours, theirs) for ours, theirs in beside if is_comparable(theirs)]
    different = [(ours, found) for ours, theirs in comparable if (found := differences(ours, theirs))]
    lines = ["", f"QEMU finished {len(comparable)} of {len(beside)}; {len(different)} of these differ"]
    for ours, found in different:
        lines += [f"  {ours.name}", *(f"    {line}" for line in found)]
    for ours, theirs in beside:
        if not is_comparable(theirs):
            lines.append(f"  not compared: {_unfinished(ours, theirs)}")
    return lines


def _unfinished(ours: Result, theirs: Result) -> str:
    return f"{ours.name}: QEMU {theirs.verdict}{f' ({theirs.words})' if theirs.words else ''}, here {ours.verdict}"
