"""Guest memory that is still on its way: which pages are here, which are empty, and who waits for which.

Nobody in this process may touch a page before it is here: the thread would wait in the kernel for one who brings it,
and with Python's lock in its hand, which that one needs. So GuestMemory asks need() first. The guest itself touches
what it likes; the kernel tells of that by the engine's userfaultfd, and whoever brings pages answers.
"""

from __future__ import annotations

from collections import deque
from threading import Condition

from ..errors import HostError
from .pages import PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from .pages import Run

    class Place(Protocol):
        """Where pages are put. Offsets are in the memory's mappings, one behind the other."""

        def copy(self, offset: int, content: memoryview) -> None: ...
        def zero(self, offset: int, size: int) -> None: ...
        def close(self) -> None: ...


HERE, EMPTY, MISSING, COMING = range(4)
"""Of a page: in its place; to be zeroes, which nobody has put there; to be asked for; asked for."""
EMPTY_AT_ONCE = 2 << 20
"""Bytes of empty pages that are put in their place together."""


class Arriving:
    """What is known of each page. Any thread."""

    def __init__(self, place: Place, size: int, runs: Iterable[Run], wake: Callable[[], None]) -> None:
        """Memory of `size` bytes of which `runs` are to come; `wake` tells whoever brings pages of new `wishes`."""
        self._place = place
        self._wake = wake
        self._states = bytearray([EMPTY]) * (size // PAGE)
        for offset, length in runs:
            self._states[offset // PAGE : (offset + length) // PAGE] = bytes([MISSING]) * (length // PAGE)
        self._changed = Condition()
        self.wishes: deque[Run] = deque()
        """Of threads that wait, before all else."""
        self.lost = ""
        """Why no more will come, once that is known."""
        self.is_over = False
        """Nothing is to come any more, or nobody wants it."""

    @property
    def left(self) -> int:
        """Pages that are still to come."""
        return self._states.count(MISSING) + self._states.count(COMING)

    def need(self, offset: int, size: int) -> None:
        """Waits until these bytes are here. HostError when they never will be."""
        states = self._states
        first, end = offset // PAGE, min(-(-(offset + size) // PAGE), len(self._states))  # behind it is later memory
        if self.is_over or states.count(HERE, first, end) >= end - first:
            return
        with self._changed:
            if not self.lost:
                self._fill_empty(first, end)
            if MISSING in states[first:end] or COMING in states[first:end]:
                self.wishes.append((first * PAGE, (end - first) * PAGE))
                self._wake()
            while not self.is_over and states.count(HERE, first, end) != end - first:
                if self.lost:
                    raise HostError(f"the guest's memory at {offset:#x} never came: {self.lost}")
                self._changed.wait()

    def finish(self) -> None:
        """Waits until all of it is here. HostError when that will never be."""
        with self._changed:
            while not self.is_over:
                if self.lost:
                    raise HostError(f"not all of the guest's memory came: {self.lost}")
                self._changed.wait()

    def touched(self, offset: int) -> int:
        """What the page at `offset`, for which somebody waits in the kernel, is; an empty one is put there."""
        page = offset // PAGE
        with self._changed:
            state = self._states[page]
            if state == EMPTY:
                end = min(page + EMPTY_AT_ONCE // PAGE, len(self._states))
                self._fill_empty(page, page + _length(self._states, page, end))
        return state

    def ask(self, offset: int, size: int) -> Run | None:
        """The first run of missing pages in this range, which are on their way from now on; None when there is none."""
        first, end = offset // PAGE, (offset + size) // PAGE
        with self._changed:
            first = self._states.find(MISSING, first, end)
            if first < 0:
                return None
            count = _length(self._states, first, end)
            self._states[first : first + count] = bytes([COMING]) * count
        return first * PAGE, count * PAGE

    def put(self, offset: int, content: memoryview) -> None:
        """Puts pages that came where they are still wanted, and wakes who waits for them. OSError as of the place."""
        first, end = offset // PAGE, (offset + len(content)) // PAGE
        with self._changed:
            at = self._states.find(COMING, first, end)
            while at >= 0:
                count = _length(self._states, at, end)
                start = (at - first) * PAGE
                self._place.copy(at * PAGE, content[start : start + count * PAGE])
                self._states[at : at + count] = bytes(count)  # HERE
                at = self._states.find(COMING, at + count, end)
            self._changed.notify_all()

    def discarded(self, offset: int, size: int) -> None:
        """The host has just been told to forget these pages, which were here: they are empty."""
        first, end = offset // PAGE, min((offset + size) // PAGE, len(self._states))
        with self._changed:
            if not self.is_over and first < end:
                self._states[first:end] = bytes([EMPTY]) * (end - first)
                self._fill_empty(first, end)  # a device may hold a view of them

    def lose(self, why: str) -> list[Run]:
        """No more will come; who waits is told `why`. What is not here."""
        with self._changed:
            self.lost = why
            runs, at, end = [], 0, len(self._states)
            marks = self._states.translate(bytes([0, 1, 1, 1, *range(4, 256)]))
            while (at := marks.find(1, at, end)) >= 0:
                count = _length(marks, at, end)
                runs.append((at * PAGE, count * PAGE))
                at += count
            self._changed.notify_all()
        return runs

    def lose_all(self) -> None:
        """After lose(): what is here cannot be had either."""
        with self._changed:
            self._states[:] = bytes([MISSING]) * len(self._states)

    def end(self) -> None:
        """All is here, or nobody wants it any more: what is empty is so without us from now on."""
        with self._changed:
            self._place.close()
            self.is_over = True
            self._changed.notify_all()

    def _fill_empty(self, first: int, end: int) -> None:
        """Under the lock."""
        at = self._states.find(EMPTY, first, end)
        while at >= 0:
            count = _length(self._states, at, end)
            self._place.zero(at * PAGE, count * PAGE)
            self._states[at : at + count] = bytes(count)
            at = self._states.find(EMPTY, at + count, end)


def _length(states: bytearray, at: int, end: int) -> int:
    """How many from `at` on are alike."""
    run = states[at:end]
    return len(run) - len(run.lstrip(run[:1]))
