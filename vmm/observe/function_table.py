"""The functions that cause exits, as a table for a terminal."""

from __future__ import annotations

from .figures import duration, number, share
from .table import Column, table, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .functions import FunctionExits

_COLUMNS = (
    Column(title="Functions", least=12),
    Column(title="hottest line", priority=2, least=12),
    Column(title="count", right=True),
    Column(title="share", right=True),
    Column(title="guest", right=True, priority=4),
    Column(title="handler", right=True, priority=1),
    Column(title="devices", priority=3, least=8),
)
UNKNOWN = "(unknown)"


def render(functions: Sequence[FunctionExits], width: int = 80, *, rows: int = 24, bold: bool = False) -> str:
    """Lines of at most `width` cells: the first `rows` functions, and how many exits the rest caused."""
    if not functions:
        return "No exits"
    lines = table(_COLUMNS, map(_row, functions[:rows]), width, bold=bold)
    left = functions[rows:]
    if left:
        exits = number(sum(function.count for function in left))
        lines += wrap(f"and {len(left):,} more function{'s' if len(left) > 1 else ''}, {exits} exits", width, "  ")
    if all(not function.function for function in functions):
        lines += wrap("No symbols: name a file that has them with --symbols (ELF, nm, ld -Map, System.map).", width)
    return "\n".join(lines)


def _row(function: FunctionExits) -> tuple[str, ...]:
    path, colon, line = function.source.rpartition(":")
    return (
        function.function or UNKNOWN,
        path.rpartition("/")[2] + colon + line,
        number(function.count),
        share(function.share),
        duration(function.guest_ns),
        duration(function.handler_ns),
        ", ".join(function.devices),
    )
