"""What both layouts of a queue have in common: views of its parts, the buffers of a chain, a fence.

The driver may write anything into its part, at any time: each value is read once, checked, and used from the copy.
What breaks the contract raises GuestError; the transport makes of it a device that needs a reset.
Source: virtio 1.2, section 2.6 (virtqueues).
"""

from __future__ import annotations

from _thread import allocate_lock
from struct import Struct

from ...errors import GuestError
from .chain import MOST_BYTES, MOST_PARTS, Chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ...memory.guest_memory import GuestMemory

    class VirtQueue(Protocol):
        """What a device knows of its queues, whatever their layout in memory."""

        index: int
        size: int

        def pop(self) -> Chain | None:
            """The next request, None when there is none now. GuestError for what is no chain."""

        def unpop(self, chain: Chain) -> None:
            """The request that came last, which nobody has looked at, comes again with the next pop()."""

        def push(self, chain: Chain, written: int) -> None:
            """Gives a request back, with how many bytes of its writable part were filled, from their start on. The
            driver sees it with the next flush() at the latest."""

        def flush(self) -> None:
            """Shows the driver what was pushed, and interrupts it if it wants to be."""

        def hush(self) -> None:
            """No notifications, please: the device looks by itself."""

        def listen(self) -> bool:
            """Asks for notifications again; True when something has come meanwhile: pop() once more."""


F_INDIRECT, F_EVENT_INDEX, F_PACKED = 1 << 28, 1 << 29, 1 << 34
NEXT, WRITE, INDIRECT = 1, 2, 4
ENTRY = 16
"""Bytes of a descriptor, in either layout."""
DESCRIPTOR = Struct("<QIHH")
THREE = Struct("<" + 3 * "QIHH")


class Ring:
    """The common part; SplitQueue and PackedQueue implement VirtQueue."""

    def __init__(
        self, memory: GuestMemory, index: int, size: int, features: int, interrupt: Callable[[], None]
    ) -> None:
        """`features` are those that were negotiated. `interrupt` tells the driver."""
        self.index = index
        self.size = size
        self._memory = memory
        self._lend = memory.lend
        self._interrupt = interrupt
        self._has_events = bool(features & F_EVENT_INDEX)
        self._has_indirect = bool(features & F_INDIRECT)
        self.places = (0, 0, 0)
        """Guest physical addresses of its three parts."""
        self._barrier = allocate_lock()
        self._views: list[memoryview] = []

    def _view(self, gpa: int, size: int, alignment: int, name: str, writable: bool = False) -> memoryview:
        view = None if gpa % alignment else self._memory.lend(gpa, size, writable)
        if view is None:
            raise self._wrong(f"its {name} cannot be {size} bytes at {gpa:#x}")
        self._views.append(view)
        return view

    def _wrong(self, words: str) -> GuestError:
        return GuestError("virtio", f"queue {self.index}: {words}")

    def _add(self, chain: Chain, gpa: int, size: int, flags: int) -> None:
        """One buffer more."""
        writes = flags & WRITE
        view = self._lend(gpa, size, writes)
        if view is None or not size:
            raise self._wrong(f"{size} bytes at {gpa:#x} are no buffer to {'fill' if writes else 'read'}")
        chain.size += size
        chain.parts += 1
        if chain.size > MOST_BYTES or chain.parts > MOST_PARTS:
            raise self._wrong("a chain without end")
        if writes:
            chain.writable.append(view)
            chain.places.append((gpa, size))
        elif chain.writable:
            raise self._wrong("a buffer to read behind one to fill")
        else:
            chain.readable.append(view)

    _flags_at = 2
    """Which field of a descriptor its flags are. In a split ring they say whether the next field links to another."""

    def _add_table(self, chain: Chain, table: memoryview) -> bool:
        """All buffers of an indirect table, at a quarter of what _add() costs for each: neighbours in memory become
        one. False, and nothing done, for a table that is not in order or has faults: then each is looked at singly."""
        if len(table) == THREE.size:
            return self._add_three(chain, *THREE.unpack(table))
        runs: list[tuple[int, int, int]] = []
        start, end, way, last, flags_at = 0, 0, -1, len(table) // ENTRY, self._flags_at
        is_linked = flags_at == 2
        for index, entry in enumerate(DESCRIPTOR.iter_unpack(table), start=1):
            gpa, size, flags = entry[0], entry[1], entry[flags_at]
            if gpa == end and flags & WRITE == way:
                end += size
            else:
                if way >= 0:
                    runs.append((start, end - start, way))
                start, end, way = gpa, gpa + size, flags & WRITE
            if not size or flags & INDIRECT:
                return False
            if is_linked:
                if not flags & NEXT:
                    break
                if entry[3] != index or index == last:
                    return False
        runs.append((start, end - start, way))
        readable: list[memoryview] = []
        writable: list[memoryview] = []
        places: list[tuple[int, int]] = []
        lend, total = self._lend, 0
        for start, size, way in runs:
            view = lend(start, size, way)
            if view is None or (not way and writable):
                return False
            total += size
            if way:
                writable.append(view)
                places.append((start, size))
            else:
                readable.append(view)
        if total > MOST_BYTES or len(runs) > MOST_PARTS:
            return False
        chain.readable, chain.writable, chain.places = readable, writable, places
        chain.size, chain.parts = total, len(runs)
        return True

    def _add_three(
        self, chain: Chain, at_1: int, size_1: int, x_1: int, y_1: int, at_2: int, size_2: int, x_2: int, y_2: int,
        at_3: int, size_3: int, x_3: int, y_3: int,
    ) -> bool:  # fmt: skip
        """The same for the most frequent table, of one buffer to read, one of either kind, and one to fill."""
        if self._flags_at == 2:
            if y_1 != 1 or y_2 != 2 or x_1 != NEXT or x_2 | WRITE != NEXT | WRITE or x_3 != WRITE:
                return False
            way = x_2 & WRITE
        else:
            if (y_1 | y_2 | y_3) & INDIRECT or y_1 & WRITE or not y_3 & WRITE:
                return False
            way = y_2 & WRITE
        lend = self._lend
        first, second, third = lend(at_1, size_1), lend(at_2, size_2, way), lend(at_3, size_3, WRITE)
        total = size_1 + size_2 + size_3
        if first is None or second is None or third is None or not (size_1 and size_2 and size_3) or total > MOST_BYTES:
            return False
        if way:
            chain.readable, chain.writable, chain.places = [first], [second, third], [(at_2, size_2), (at_3, size_3)]
        else:
            chain.readable, chain.writable, chain.places = [first, second], [third], [(at_3, size_3)]
        chain.size, chain.parts = total, 3
        return True

    def _indirect(self, gpa: int, size: int, flags: int) -> memoryview:
        """The table behind a descriptor."""
        table = None if size % ENTRY or not size else self._memory.lend(gpa, size)
        if table is None or not self._has_indirect or flags & NEXT:
            raise self._wrong(f"no indirect table can be {size} bytes at {gpa:#x}")
        return table

    def _note(self, chain: Chain, written: int) -> None:
        """Tells who wants to know that the first `written` bytes of a chain's writable part have changed."""
        for gpa, size in chain.places:
            if written <= 0:
                break
            self._memory.note_at(gpa, min(size, written))
            written -= size

    def interrupt(self) -> None:
        """Tells the driver, whatever it wishes."""
        self._interrupt()

    def _fence(self) -> None:
        """What was written is seen before what comes is read; to take a lock is the one such instruction at hand."""
        self._barrier.acquire()
        self._barrier.release()

    def save(self) -> list[int]:
        """Where the device stands; nothing may be in flight."""
        raise NotImplementedError

    def load(self, state: list[int]) -> None:
        """Goes on from there. GuestError for no such place."""
        raise NotImplementedError

    def release(self) -> None:
        """Lets go of guest memory."""
        for view in reversed(self._views):
            view.release()
        self._views.clear()
