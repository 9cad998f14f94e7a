"""Memory that comes and goes while the guest runs: a region of guest physical addresses, plugged in by blocks.

Host side: `requested`, in bytes, is how much of the region the guest shall have; `plugged` how much it has.
`discard(gpa, size)` takes memory away; what is not plugged reads as zeroes. The driver decides which blocks, and gives
back what it can free. Source: virtio 1.2, section 5.15. Not offered: VIRTIO_MEM_F_ACPI_PXM (all memory is of one node).
"""

from __future__ import annotations

from struct import Struct

from ...errors import SnapshotError
from ...state import State
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .chain import Chain

BLOCK = 2 << 20
"""Bytes of one: a huge page."""
PLUG, UNPLUG, UNPLUG_ALL, STATE = range(4)
ACK, NACK, BUSY, ERROR = range(4)
PLUGGED, UNPLUGGED, MIXED = range(3)
_CONFIG = Struct("<QH6xQQQQQ")
_REQUEST = Struct("<H6xQH6x")
_ANSWER = Struct("<H6xH")
_SCHEMA = "vmm.virtio-mem"


class Mem(VirtioDevice):
    """Of the region [start, start + size), whole blocks."""

    name = "virtio-mem"
    device_id = 24
    queue_sizes = (128,)

    def __init__(self, start: int, size: int, discard: Callable[[int, int], None]) -> None:
        super().__init__()
        self.start, self.size = start, size
        self._discard = discard
        self._requested = 0
        self._blocks = bytearray(size // BLOCK)
        """1 for each that is plugged."""

    # -- the host's side --

    @property
    def requested(self) -> int:
        """Bytes that the guest shall have of the region; setting it tells the driver. Any thread."""
        return self._requested

    @requested.setter
    def requested(self, size: int) -> None:
        self._requested = max(0, min(size // BLOCK * BLOCK, self.size))
        self.changed()

    @property
    def plugged(self) -> int:
        """Bytes that it has."""
        return self._blocks.count(1) * BLOCK

    # -- the driver's side --

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(BLOCK, 0, self.start, self.size, self.size, self.plugged, self._requested)

    def notified(self, index: int) -> None:
        if not serve(self.queues[index], self._answer, most=32):
            self.again(index)

    def _answer(self, chain: Chain) -> int:
        kind, gpa, count = _REQUEST.unpack(chain.read(_REQUEST.size))
        state = 0
        if kind == UNPLUG_ALL:
            answer = self._unplug(0, len(self._blocks))
        elif kind > STATE or not count or (gpa - self.start) % BLOCK or not self._has(gpa, count):
            answer = ERROR
        else:
            first = (gpa - self.start) // BLOCK
            found = self._blocks[first : first + count].count(1)
            if kind == STATE:
                answer, state = ACK, PLUGGED if found == count else MIXED if found else UNPLUGGED
            elif found != (count if kind == UNPLUG else 0):
                answer = ERROR
            elif kind == UNPLUG:
                answer = self._unplug(first, count)
            elif self.plugged + count * BLOCK > self._requested:
                answer = NACK
            else:
                self._blocks[first : first + count] = b"\1" * count
                answer = ACK
        return chain.write(_ANSWER.pack(answer, state))

    def _has(self, gpa: int, count: int) -> bool:
        return self.start <= gpa and gpa + count * BLOCK <= self.start + self.size

    def _unplug(self, first: int, count: int) -> int:
        """Takes away what is plugged of these blocks, neighbours at once."""
        at, end = first, first + count
        while (at := self._blocks.find(1, at, end)) >= 0:
            after = self._blocks.find(0, at, end)
            after = end if after < 0 else after
            self._discard(self.start + at * BLOCK, (after - at) * BLOCK)
            self._blocks[at:after] = bytes(after - at)
            at = after
        return ACK

    # -- its life: what is plugged outlasts a reset of the device, whose next driver finds it so --

    def save(self) -> State:
        return State(_SCHEMA, 1, {"requested": self._requested, "blocks": bytes(self._blocks)})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("requested", "blocks"))
        requested, blocks = fields["requested"], fields["blocks"]
        if type(requested) is not int or not 0 <= requested <= self.size or requested % BLOCK:
            raise SnapshotError(f"{_SCHEMA}: {requested!r} bytes cannot be requested")
        if not isinstance(blocks, bytes) or len(blocks) != len(self._blocks) or blocks.strip(b"\0\1"):
            raise SnapshotError(f"{_SCHEMA}: these are not its blocks")
        self._requested, self._blocks = requested, bytearray(blocks)
