"""A packed virtqueue, seen from the device: one ring of descriptors that go to and fro, and a word of each side.

Source: virtio 1.2, section 2.8 (packed virtqueues); 2.8.10 for the suppression of notifications.
"""

from __future__ import annotations

from struct import Struct

from .chain import Chain
from .ring import DESCRIPTOR, ENTRY, INDIRECT, NEXT, WRITE, Ring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...memory.guest_memory import GuestMemory

_AVAILABLE, _USED = 1 << 7, 1 << 15
_BOTH = _AVAILABLE | _USED
_ENABLE, _DISABLE, _AT = 0, 1, 2
_WRAP = 1 << 15
_MASK = 0xFFFF
_LENGTH_AND_ID = Struct("<IH")


class PackedQueue(Ring):
    """Implements VirtQueue."""

    _flags_at = 3

    def __init__(
        self, memory: GuestMemory, index: int, size: int, places: tuple[int, int, int], features: int,
        interrupt: Callable[[], None],
    ) -> None:  # fmt: skip
        """`places` are the guest physical addresses of the ring, the driver's word and the device's. GuestError for
        those that are not in memory."""
        super().__init__(memory, index, size, features, interrupt)
        at_ring, at_driver, at_device = places
        self._ring = self._view(at_ring, ENTRY * size, 16, "ring", writable=True)
        self._flags = self._ring.cast("H")
        self._driver = self._view(at_driver, 4, 4, "driver's word").cast("H")
        self._device = self._view(at_device, 4, 4, "device's word", writable=True).cast("H")
        self._views += [self._flags, self._driver, self._device]
        self._device_place = (at_device, 4)
        self._ring_place = (at_ring, ENTRY * size)
        self._next, self._wrap = 0, True
        """The next descriptor that may become available, and how its bit would look then."""
        self._done, self._done_wrap = 0, True
        """The same of the next one to be used."""
        self._pushed = 0
        """Descriptors since the last flush."""

    # -- requests in --

    def _is_available(self) -> bool:
        return self._flags[8 * self._next + 7] & _BOTH == (_AVAILABLE if self._wrap else _USED)

    def pop(self) -> Chain | None:
        """See VirtQueue."""
        at, wrap = self._next, self._wrap
        if self._flags[8 * at + 7] & _BOTH != (_AVAILABLE if wrap else _USED):
            return None
        gpa, size, head, flags = DESCRIPTOR.unpack_from(self._ring, ENTRY * at)
        chain = self._lone(head, gpa, size, flags)
        if chain is None:
            chain = self._chain()
        at += chain.taken
        if at >= self.size:
            at -= self.size
            self._wrap = not wrap
        self._next = at
        return chain

    def _chain(self) -> Chain:
        """The buffers from the next descriptor on."""
        chain = Chain(0)
        at, taken = self._next, 0
        while True:
            gpa, size, head, flags = DESCRIPTOR.unpack_from(self._ring, ENTRY * at)
            taken += 1
            if taken > self.size:
                raise self._wrong("a chain without end")
            if flags & INDIRECT:
                if taken > 1:
                    raise self._wrong("an indirect table inside a chain")
                table = self._indirect(gpa, size, flags)
                if not self._add_table(chain, table):
                    for one in DESCRIPTOR.iter_unpack(table):
                        self._add(chain, one[0], one[1], one[3] & WRITE)
            else:
                self._add(chain, gpa, size, flags)
            at = at + 1 if at + 1 < self.size else 0
            if not flags & NEXT:
                break
        chain.head, chain.taken = head, taken
        return chain

    def unpop(self, chain: Chain) -> None:
        """See VirtQueue."""
        self._next -= chain.taken
        if self._next < 0:
            self._next += self.size
            self._wrap = not self._wrap

    # -- requests out --

    def push(self, chain: Chain, written: int) -> None:
        """See VirtQueue."""
        if self._memory.is_noting:
            self._note(chain, written)
        at = self._done
        _LENGTH_AND_ID.pack_into(self._ring, ENTRY * at + 8, written, chain.head)
        flags = (_AVAILABLE | _USED) if self._done_wrap else 0
        self._flags[8 * at + 7] = flags | WRITE if written else flags
        taken = chain.taken
        at += taken
        if at >= self.size:
            at -= self.size
            self._done_wrap = not self._done_wrap
        self._done = at
        self._pushed += taken

    def flush(self) -> None:
        """See VirtQueue."""
        pushed, self._pushed = self._pushed, 0
        if not pushed:
            return
        if self._memory.is_noting:
            self._memory.note_at(*self._ring_place)
        self._fence()
        wish = self._driver[1] & 3
        if wish == _AT and self._has_events:
            place = self._driver[0]
            event = place & ~_WRAP
            if bool(place & _WRAP) is not self._done_wrap:
                event -= self.size
            wanted = (self._done - event - 1 & _MASK) < (pushed & _MASK)
        else:
            wanted = wish != _DISABLE
        if wanted:
            self._interrupt()

    # -- notifications --

    def hush(self) -> None:
        """See VirtQueue."""
        self._device[1] = _DISABLE

    def listen(self) -> bool:
        """See VirtQueue."""
        if self._has_events:
            self._device[0] = self._next | (_WRAP if self._wrap else 0)
            self._device[1] = _AT
        else:
            self._device[1] = _ENABLE
        if self._memory.is_noting:
            self._memory.note_at(*self._device_place)
        self._fence()
        return self._is_available()

    # -- state --

    def save(self) -> list[int]:
        """See Ring."""
        return [self._next, int(self._wrap), self._done, int(self._done_wrap)]

    def load(self, state: list[int]) -> None:
        """See Ring."""
        if len(state) != 4 or not (state[0] < self.size and state[2] < self.size):
            raise self._wrong("this is no place in a packed ring")
        self._next, self._wrap = state[0], bool(state[1])
        self._done, self._done_wrap = state[2], bool(state[3])
