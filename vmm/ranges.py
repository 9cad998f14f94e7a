"""Half-open ranges of numbers (ports, guest physical addresses) and a map from such ranges to their holders."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Generic, TypeVar

    Holder = TypeVar("Holder")

    class _Generic(Generic[Holder]):
        pass
else:

    class _Generic:
        def __class_getitem__(cls, _item: object) -> type:
            return cls


class Range:
    """The numbers start, start + 1, ... end - 1. Immutable; never empty."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, size: int) -> None:
        if start < 0 or size <= 0:
            raise ValueError(f"a range needs a start of at least 0 and a size of at least 1, not {start:#x} and {size}")
        self.start = start
        self.end = start + size

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.end - self.start

    def __contains__(self, number: int) -> bool:
        return self.start <= number < self.end

    def covers(self, start: int, size: int) -> bool:
        """Whether all of [start, start + size) lies inside."""
        return self.start <= start and start + size <= self.end

    def overlaps(self, other: Range) -> bool:
        """Whether the two share a number."""
        return self.start < other.end and other.start < self.end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __repr__(self) -> str:
        return f"[{self.start:#x}, {self.end:#x})"


def _above(starts: list[int], number: int) -> int:
    """bisect.bisect_right, without half a millisecond of import for lists of twenty."""
    if not starts or number >= starts[-1]:
        return len(starts)
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) >> 1
        if number < starts[middle]:
            high = middle
        else:
            low = middle + 1
    return low


class RangeMap(_Generic["Holder"]):
    """Ranges that do not overlap, each with its holder; a number finds its range in O(log n)."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._entries: dict[int, tuple[Range, Holder]] = {}
        """By their starts, which most numbers that are asked for are."""

    def add(self, span: Range, holder: Holder) -> tuple[Range, Holder] | None:
        """Enters `span`, or leaves the map as it is and returns the entry that stands in the way."""
        starts, entries = self._starts, self._entries
        at = _above(starts, span.start)
        if at and (below := entries[starts[at - 1]])[0].end > span.start:
            return below
        if at < len(starts) and starts[at] < span.end:
            return entries[starts[at]]
        starts.insert(at, span.start)
        entries[span.start] = (span, holder)
        return None

    def replace(self, span: Range, holder: Holder) -> None:
        """Gives `span` another holder. KeyError if it was not entered exactly so."""
        if self._entries[span.start][0] != span:
            raise KeyError(span)
        self._entries[span.start] = (span, holder)

    def copy(self) -> RangeMap[Holder]:
        """An equal map to change."""
        twin: RangeMap[Holder] = RangeMap()
        twin._starts, twin._entries = self._starts.copy(), self._entries.copy()
        return twin

    def remove(self, span: Range) -> None:
        """Takes `span` out. KeyError if it was not entered exactly so."""
        if self._entries[span.start][0] != span:
            raise KeyError(span)
        del self._entries[span.start]
        self._starts.remove(span.start)

    def find(self, number: int) -> tuple[Range, Holder] | None:
        """The entry whose range holds `number`, if any."""
        entry = self._entries.get(number)
        if entry is None:
            at = _above(self._starts, number)
            if not at:
                return None
            entry = self._entries[self._starts[at - 1]]
        return entry if number < entry[0].end else None

    def next_start(self, number: int) -> int | None:
        """Where the first range above `number` starts, if there is one."""
        at = _above(self._starts, number)
        return self._starts[at] if at < len(self._starts) else None

    def __iter__(self) -> Iterator[tuple[Range, Holder]]:
        return map(self._entries.__getitem__, self._starts)

    def __len__(self) -> int:
        return len(self._entries)
