"""A split virtqueue, seen from the device: descriptor table, available ring, used ring.

The driver may write anything into its part, at any time: each value is read once, checked, and used from the copy.
What breaks the contract raises GuestError; the transport makes of it a device that needs a reset.
Source: virtio 1.2, section 2.7 (split virtqueues); 2.7.7 and 2.7.10 for the suppression of notifications.
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
            driver sees it with the next flush()."""

        def flush(self) -> None:
            """Shows the driver what was pushed, and interrupts it if it wants to be."""

        def hush(self) -> None:
            """No notifications, please: the device looks by itself."""

        def listen(self) -> bool:
            """Asks for notifications again; True when something has come meanwhile: pop() once more."""

        def save(self) -> list[int]:
            """Where the device stands in the rings."""

        def release(self) -> None:
            """Lets go of guest memory."""


F_INDIRECT, F_EVENT_INDEX = 1 << 28, 1 << 29
NEXT, WRITE, INDIRECT = 1, 2, 4
_NO_INTERRUPT, _NO_NOTIFY = 1, 1
_DESCRIPTOR, _USED = Struct("<QIHH"), Struct("<II")
_MASK = 0xFFFF


class SplitQueue:
    """Implements VirtQueue."""

    def __init__(
        self, memory: GuestMemory, index: int, size: int, places: tuple[int, int, int], features: int,
        interrupt: Callable[[], None],
    ) -> None:  # fmt: skip
        """`places` are the guest physical addresses of descriptors, available ring and used ring; `features` those that
        were negotiated. `interrupt` tells the driver. GuestError for rings that are not in memory."""
        self.index = index
        self.size = size
        self._memory = memory
        self._interrupt = interrupt
        self._has_events = bool(features & F_EVENT_INDEX)
        self._has_indirect = bool(features & F_INDIRECT)
        at_table, at_available, at_used = places
        self._table = self._ring(at_table, 16 * size, 16, "descriptors")
        self._available = self._ring(at_available, 6 + 2 * size, 2, "available ring").cast("H")
        self._used_bytes = self._ring(at_used, 6 + 8 * size, 4, "used ring", writable=True)
        self._used = self._used_bytes[: 6 + 8 * size].cast("H")
        self._used_place = (at_used, 6 + 8 * size)
        self._next = 0
        """Index of the next entry of the available ring."""
        self._done = 0
        """Index of the next entry of the used ring."""
        self._shown = 0
        """What the driver sees of that."""
        self._barrier = allocate_lock()

    def _ring(self, gpa: int, size: int, alignment: int, name: str, writable: bool = False) -> memoryview:
        view = None if gpa % alignment else self._memory.lend(gpa, size, writable)
        if view is None:
            raise GuestError("virtio", f"queue {self.index}: its {name} cannot be {size} bytes at {gpa:#x}")
        return view

    # -- requests in --

    def pop(self) -> Chain | None:
        """See VirtQueue."""
        next, size = self._next, self.size
        waiting = self._available[1] - next & _MASK
        if not waiting:
            return None
        if waiting > size:
            raise GuestError("virtio", f"queue {self.index}: {waiting} requests in a ring of {size}")
        head = self._available[2 + next % size]
        chain = self._chain(head)
        self._next = next + 1 & _MASK
        return chain

    def _chain(self, head: int) -> Chain:
        """The buffers from descriptor `head` on."""
        table, count, at = self._table, self.size, head
        readable: list[memoryview] = []
        writable: list[memoryview] = []
        places: list[tuple[int, int]] = []
        lend = self._memory.lend
        left, total, is_indirect = min(MOST_PARTS, count), 0, False
        while True:
            if at >= count:
                raise GuestError("virtio", f"queue {self.index}: descriptor {at} of {count}")
            gpa, size, flags, at = _DESCRIPTOR.unpack_from(table, 16 * at)
            if flags & INDIRECT:
                if is_indirect or not self._has_indirect or flags & NEXT or size % 16 or not size:
                    raise GuestError("virtio", f"queue {self.index}: an indirect table where none may be")
                found = lend(gpa, size)
                if found is None:
                    raise GuestError("virtio", f"queue {self.index}: no memory at {gpa:#x} for an indirect table")
                table, count, at, is_indirect = found, size // 16, 0, True
                left = min(MOST_PARTS, count) if not readable and not writable else min(left, count)
                continue
            left -= 1
            total += size
            if left < 0 or total > MOST_BYTES:
                raise GuestError("virtio", f"queue {self.index}: a chain without end")
            if flags & WRITE:
                view = lend(gpa, size, True)
                if view is None or not size:
                    raise GuestError("virtio", f"queue {self.index}: {size} bytes at {gpa:#x} are no buffer to fill")
                writable.append(view)
                places.append((gpa, size))
            else:
                view = lend(gpa, size)
                if view is None or not size or writable:
                    raise GuestError("virtio", f"queue {self.index}: {size} bytes at {gpa:#x} are no buffer to read")
                readable.append(view)
            if not flags & NEXT:
                return Chain(head, readable, writable, places)

    def unpop(self, chain: Chain) -> None:
        """See VirtQueue."""
        self._next = self._next - chain.taken & _MASK

    # -- requests out --

    def push(self, chain: Chain, written: int) -> None:
        """See VirtQueue."""
        if self._memory.is_noting:
            note(self._memory, chain, written)
        done = self._done
        _USED.pack_into(self._used_bytes, 4 + 8 * (done % self.size), chain.head, written)
        self._done = done + 1 & _MASK

    def flush(self) -> None:
        """See VirtQueue."""
        done, shown = self._done, self._shown
        if done == shown:
            return
        self._used[1] = done
        self._shown = done
        if self._memory.is_noting:
            self._memory.note_at(*self._used_place)
        self._fence()
        if self._has_events:
            event = self._available[2 + self.size]
            wanted = (done - event - 1 & _MASK) < (done - shown & _MASK)
        else:
            wanted = not self._available[0] & _NO_INTERRUPT
        if wanted:
            self._interrupt()

    # -- notifications --

    def hush(self) -> None:
        """See VirtQueue. With event indexes there is nothing to do: the one that stands has passed."""
        if not self._has_events:
            self._used[0] = _NO_NOTIFY

    def listen(self) -> bool:
        """See VirtQueue."""
        if self._has_events:
            self._used[2 + 4 * self.size] = self._next
        else:
            self._used[0] = 0
        self._fence()
        return self._available[1] != self._next

    def _fence(self) -> None:
        """What was written is seen before what comes is read; to take a lock is the one such instruction at hand."""
        self._barrier.acquire()
        self._barrier.release()

    # -- state --

    def save(self) -> list[int]:
        """See VirtQueue; nothing may be in flight."""
        return [self._next, self._done]

    def load(self, state: list[int]) -> None:
        """Goes on from there."""
        self._next, self._done = state[0] & _MASK, state[1] & _MASK
        self._shown = self._done

    def release(self) -> None:
        """See VirtQueue."""
        for view in (self._used, self._used_bytes, self._available, self._table):
            view.release()


def note(memory: GuestMemory, chain: Chain, written: int) -> None:
    """Tells who wants to know that the first `written` bytes of a chain's writable part have changed."""
    for gpa, size in chain.places:
        if written <= 0:
            break
        memory.note_at(gpa, min(size, written))
        written -= size
