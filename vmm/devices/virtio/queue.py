"""A split virtqueue, seen from the device: descriptor table, available ring, used ring.

Source: virtio 1.2, section 2.7 (split virtqueues); 2.7.7 and 2.7.10 for the suppression of notifications.
"""

from __future__ import annotations

from struct import Struct

from .chain import Chain
from .ring import DESCRIPTOR, ENTRY, INDIRECT, NEXT, WRITE, Ring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...memory.guest_memory import GuestMemory

_NO_INTERRUPT, _NO_NOTIFY = 1, 1
_MORE = INDIRECT | NEXT
_USED = Struct("<II")
_MASK = 0xFFFF


class SplitQueue(Ring):
    """Implements VirtQueue."""

    def __init__(
        self, memory: GuestMemory, index: int, size: int, places: tuple[int, int, int], features: int,
        interrupt: Callable[[], None],
    ) -> None:  # fmt: skip
        """`places` are the guest physical addresses of descriptors, available ring and used ring. GuestError for rings
        that are not in memory."""
        super().__init__(memory, index, size, features, interrupt)
        at_table, at_available, at_used = self.places = places
        self._table = self._view(at_table, ENTRY * size, 16, "descriptors")
        self._available = self._view(at_available, 6 + 2 * size, 2, "available ring").cast("H")
        self._used_bytes = self._view(at_used, 6 + 8 * size, 4, "used ring", writable=True)
        self._used = self._used_bytes.cast("H")
        self._views += [self._available, self._used]
        self._used_place = (at_used, 6 + 8 * size)
        self._next = 0
        """Index of the next entry of the available ring."""
        self._done = 0
        """Index of the next entry of the used ring."""
        self._shown = 0
        """What the driver sees of that."""

    # -- requests in --

    def pop(self) -> Chain | None:
        """See VirtQueue."""
        next, size = self._next, self.size
        waiting = self._available[1] - next & _MASK
        if not waiting:
            return None
        if waiting > size:
            raise self._wrong(f"{waiting} requests in a ring of {size}")
        head = self._available[2 + next % size]
        chain = self._lone(head) or self._chain(head)
        self._next = next + 1 & _MASK
        return chain

    def _lone(self, head: int) -> Chain | None:
        """The chain of descriptor `head` if that is the whole of it, as with most frames; None for all else."""
        if head >= self.size:
            return None
        gpa, size, flags, _ = DESCRIPTOR.unpack_from(self._table, ENTRY * head)
        if flags & _MORE or not size:
            return None
        view = self._lend(gpa, size, flags & WRITE)
        if view is None:
            return None
        chain = Chain(head)
        chain.size, chain.parts = size, 1
        if flags & WRITE:
            chain.writable.append(view)
            chain.places.append((gpa, size))
        else:
            chain.readable.append(view)
        return chain

    def _chain(self, head: int) -> Chain:
        """The buffers from descriptor `head` on. One that goes in circles has more parts than there are descriptors."""
        chain = Chain(head)
        table, count, at, before = self._table, self.size, head, 0
        while True:
            if at >= count or chain.parts - before >= count:
                raise self._wrong(f"descriptor {at} of {count}, in a chain of {chain.parts}")
            gpa, size, flags, at = DESCRIPTOR.unpack_from(table, ENTRY * at)
            if not flags & INDIRECT:
                self._add(chain, gpa, size, flags)
                if not flags & NEXT:
                    return chain
            elif table is self._table:
                table, count, at, before = self._indirect(gpa, size, flags), size // ENTRY, 0, chain.parts
                if not before and self._add_table(chain, table):
                    return chain
            else:
                raise self._wrong("an indirect table in another")

    def unpop(self, chain: Chain) -> None:
        """See VirtQueue."""
        self._next = self._next - 1 & _MASK

    # -- requests out --

    def push(self, chain: Chain, written: int) -> None:
        """See VirtQueue."""
        if self._memory.is_noting:
            self._note(chain, written)
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
        if self._memory.is_noting:
            self._memory.note_at(*self._used_place)
        self._fence()
        return self._available[1] != self._next

    # -- state --

    def follow(self, taken: dict[int, int], place: tuple[int, int] | None) -> tuple[int, int] | None:
        """While another process serves the ring: counts in `taken` how often each descriptor was made available and not
        given back since `place`, the indexes of the two rings; where they are now. None, and it is not known any more,
        when more has passed than the rings hold; it is known again once nothing is taken."""
        size, available, used = self.size, self._available, self._used
        ends = (available[1], used[1])
        if ends[0] == ends[1]:
            taken.clear()
            return ends
        if place is None or any(end - start & _MASK > size for start, end in zip(place, ends, strict=True)):
            return None
        for at in range(place[0], place[0] + (ends[0] - place[0] & _MASK)):
            head = available[2 + at % size]
            taken[head] = taken.get(head, 0) + 1
        for at in range(place[1], place[1] + (ends[1] - place[1] & _MASK)):
            head = used[2 + 4 * (at % size)]
            if taken.get(head) == 1:
                del taken[head]
            else:
                taken[head] = taken.get(head, 0) - 1
        return ends

    def given_back(self, since: int) -> list[int]:
        """First descriptors of the requests that process has given back since the used ring's index was `since`."""
        size, used = self.size, self._used
        count = min(used[1] - since & _MASK, size)
        return [used[2 + 4 * (at % size)] for at in range(since, since + count)]

    def last_byte(self, head: int) -> int:
        """Of the request whose first descriptor is `head`, as that stands now; -1 where there is none."""
        table, count, at = self._table, self.size, head
        for _ in range(self.size + 1):
            if at >= count:
                break
            gpa, size, flags, at = DESCRIPTOR.unpack_from(table, ENTRY * at)
            if flags & INDIRECT:
                inner = self._memory.lend(gpa, size)
                if inner is None or table is not self._table or not size or size % ENTRY:
                    break
                table, count, at = inner, size // ENTRY, 0
            elif not flags & NEXT:
                last = self._memory.lend(gpa + size - 1, 1) if size else None
                return -1 if last is None else last[0]
        return -1

    def catch_up(self, place: int) -> bool:
        """Goes on from where that process has left it, which has given back what it took and takes entry `place` of
        the available ring next; whether it gave back anything since this was asked last."""
        before, self._next, self._done = self._done, place, self._used[1]
        self._shown = self._done
        return before != self._done

    def adopt(self, taken: dict[int, int]) -> list[Chain]:
        """Goes on where that process has stopped: here are the requests that it has not given back."""
        self._next, self._done = self._available[1], self._used[1]
        self._shown = self._done
        return [self._chain(head) for head, count in taken.items() if count > 0]

    def save(self) -> list[int]:
        """See Ring."""
        return [self._next, self._done]

    def load(self, state: list[int]) -> None:
        """See Ring."""
        if len(state) != 2:
            raise self._wrong("this is no place in a split ring")
        self._next, self._done = state[0] & _MASK, state[1] & _MASK
        self._shown = self._done
