"""The MSRs that a guest touched: which, how often, which way, the value seen last; as records, JSON and a table.

Not modelled: the order of accesses, and who made them (the exit statistics have RIPs).
"""

from __future__ import annotations

from ..records import Record
from .figures import number
from .table import Column, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

READ, WRITE = "read", "write"
OTHERS = "others"
"""The name that those MSRs share for which there was no room."""


class MsrAccess(Record):
    """All accesses of one vCPU to one MSR in one direction."""

    vcpu: int
    msr: int | None
    """Its number; None for the sum of those for which there was no room."""
    name: str
    """Such as "IA32_EFER"."""
    direction: str
    """READ or WRITE."""
    count: int
    refused: int = 0
    """How many of these gave the guest a general protection fault."""
    value: int = 0
    """What was read or written last, whether refused or not; 0 for a read that was refused."""

    def as_json(self) -> dict[str, Any]:
        """An entry of "msrs" in docs/exits-json.md."""
        return {**self.as_dict(), "msr": None if self.msr is None else hex(self.msr), "value": hex(self.value)}

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> MsrAccess:
        """Undoes as_json. KeyError, TypeError or ValueError if it cannot."""
        return cls(
            vcpu=int(entry["vcpu"]),
            msr=None if entry["msr"] is None else int(entry["msr"], 16),
            name=str(entry["name"]),
            direction=str(entry["direction"]),
            count=int(entry["count"]),
            refused=int(entry["refused"]),
            value=int(entry["value"], 16),
        )


_COLUMNS = (
    Column(title="MSRs", least=12),
    Column(title="number"),
    Column(title=""),
    Column(title="count", right=True),
    Column(title="refused", right=True),
    Column(title="last value", right=True, priority=1),
)


def merged(accesses: Iterable[MsrAccess]) -> list[MsrAccess]:
    """One record for each MSR and direction, over all vCPUs, most accesses first; the value is the first vCPU's."""
    sums: dict[tuple[int | None, str], MsrAccess] = {}
    for one in accesses:
        key = (one.msr, one.direction)
        before = sums.get(key)
        if before is None:
            sums[key] = one
        else:
            sums[key] = before.replace(count=before.count + one.count, refused=before.refused + one.refused)
    return sorted(sums.values(), key=lambda one: (-one.count, one.name, one.direction))


def render(accesses: Iterable[MsrAccess], width: int = 80, *, rows: int = 0, bold: bool = False) -> list[str]:
    """The table's lines: the `rows` most frequent (0: all), and how many accesses the rest makes."""
    all_of_them = merged(accesses)
    shown = all_of_them[:rows] if rows else all_of_them
    lines = table(_COLUMNS, map(_row, shown), width, bold=bold)
    left = all_of_them[len(shown) :]
    if left:
        lines.append(f"  and {number(len(left))} more, {number(sum(one.count for one in left))} accesses")
    return lines


def _row(one: MsrAccess) -> tuple[str, ...]:
    return (
        one.name,
        "" if one.msr is None else f"{one.msr:#x}",
        one.direction,
        number(one.count),
        number(one.refused) if one.refused else "",
        "" if one.msr is None or (one.refused == one.count and one.direction == READ) else f"{one.value:#x}",
    )
