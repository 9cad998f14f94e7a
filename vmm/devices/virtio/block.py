"""A block device: requests with a header, data and a byte for the status, over a disk of the host's.

The data goes between guest memory and the disk without a copy of ours. An error of the disk becomes one of the request.
Not modelled: geometry, secure erase, lifetime, zones, a switch for the write-back cache.
Source: virtio 1.2, section 5.2.
"""

from __future__ import annotations

from struct import Struct

from ...bus.storage import DiskError
from ...errors import GuestError
from .chain import cut
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...bus.rate_limit import RateLimit
    from ...bus.storage import VectoredStorage
    from .chain import Chain

SECTOR = 512
ENTRIES = 256
"""Of each queue."""
F_SEG_MAX, F_READ_ONLY, F_BLOCK_SIZE, F_FLUSH, F_TOPOLOGY, F_QUEUES, F_DISCARD, F_WRITE_ZEROES = (
    1 << bit for bit in (2, 5, 6, 9, 10, 12, 13, 14)
)
IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES = 0, 1, 4, 8, 11, 13
KINDS = {IN: "read", OUT: "write", FLUSH: "flush", GET_ID: "id", DISCARD: "discard", WRITE_ZEROES: "zero"}
OK, IO_ERROR, UNSUPPORTED = b"\0", b"\1", b"\2"
MOST_RANGE = 1 << 22
"""Sectors (2 GiB) of one range to discard or zero: the longest that a machine waits which shall stand still."""
MOST_RANGES = 16
UNMAP = 1
_HEADER, _RANGE = Struct("<I4xQ"), Struct("<QII")
_ID_SIZE = 20
_CONFIG = Struct("<Q4xI4xIBBHIBxHIIIIIB3x")
_PHYSICAL = 3
"""Blocks of 8 sectors (4 KiB) are what the host's file system likes."""


class Block(VirtioDevice):
    """Over `storage`. `serial` is what the guest reads as the disk's id; `trouble` is told of errors of the host's."""

    name = "virtio-blk"
    device_id = 2
    may_wait = True

    def __init__(
        self, storage: VectoredStorage, serial: str = "", queues: int = 1,
        trouble: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._storage = storage
        self._id = serial.encode("ascii", "replace")[:_ID_SIZE].ljust(_ID_SIZE, b"\0")
        self._trouble = trouble
        self.queue_sizes = (ENTRIES,) * queues
        self.features = F_SEG_MAX | F_BLOCK_SIZE | F_TOPOLOGY | F_FLUSH
        self.features |= F_READ_ONLY if storage.read_only else F_DISCARD | F_WRITE_ZEROES
        if queues > 1:
            self.features |= F_QUEUES
        self.limit: RateLimit | None = None
        """On requests and their bytes."""
        self._answers = {
            IN: self._read, OUT: self._write, FLUSH: self._flush, GET_ID: self._tell_id,
            DISCARD: self._discard, WRITE_ZEROES: self._zero,
        }  # fmt: skip

    @property
    def config(self) -> bytes:
        capacity, most = self._storage.size // SECTOR, MOST_RANGE
        discards = (most, MOST_RANGES, 1 << _PHYSICAL, most, MOST_RANGES, 1)
        return _CONFIG.pack(capacity, ENTRIES - 2, SECTOR, _PHYSICAL, 0, 1, 0, 1, len(self.queue_sizes), *discards)

    def kind_of(self, chain: Chain) -> str:
        return KINDS.get(self._header(chain)[0], "unknown")

    def notified(self, index: int) -> None:
        if self.limit is not None:
            while not self.limit.holds(index, self.again):
                if serve(self.queues[index], self._counted, most=1):
                    return
        elif not serve(self.queues[index], self._answer):
            self.again(index)

    def _counted(self, chain: Chain) -> int:
        if self.limit is not None:
            self.limit.spend(chain.size)
        return self._answer(chain)

    def _answer(self, chain: Chain) -> int:
        writable = chain.writable
        if not writable:
            raise GuestError(self.name, "a request without a place for its status")
        kind, sector = self._header(chain)
        last = writable[-1]
        if len(last) == 1:
            status, room = last, writable[:-1]
        else:
            status, room = last[-1:], [*writable[:-1], last[:-1]]
        answer = self._answers.get(kind)
        if answer is None:
            status[:] = UNSUPPORTED
            return 1
        try:
            written = answer(sector, chain, room)
        except DiskError as error:
            self._trouble(str(error))
            written = None
        if written is None:
            status[:] = IO_ERROR
            return 1 + sum(map(len, room))  # what of it was filled nobody knows
        status[:] = OK
        return written + 1

    def _header(self, chain: Chain) -> tuple[int, int]:
        """(type, sector) of a request."""
        readable = chain.readable
        if readable and len(readable[0]) >= _HEADER.size:
            return _HEADER.unpack_from(readable[0])
        return _HEADER.unpack(chain.read(_HEADER.size))

    def _data(self, chain: Chain) -> list[memoryview]:
        """What is behind the header."""
        readable = chain.readable
        if len(readable[0]) == _HEADER.size:
            return readable[1:]
        return cut(readable, _HEADER.size, chain.readable_size)

    def _offset(self, sector: int, size: int) -> int | None:
        """In bytes; None where the disk has not `size` of them, in whole sectors."""
        offset = sector * SECTOR
        return None if size % SECTOR or offset + size > self._storage.size else offset

    # -- requests: how many bytes were filled, None for one that cannot be --

    def _read(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        size = sum(map(len, room))
        offset = self._offset(sector, size)
        if offset is None:
            return None
        self._storage.read_into(offset, room)
        return size

    def _write(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        data = self._data(chain)
        offset = self._offset(sector, sum(map(len, data)))
        if offset is None or self._storage.read_only:
            return None
        self._storage.write_from(offset, data)
        return self._through()

    def _flush(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        self._storage.flush()
        return 0

    def _through(self) -> int:
        """A driver that knows of no flush counts on each write as it is done."""
        if not self.accepted & F_FLUSH:
            self._storage.flush()
        return 0

    def _tell_id(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        done = 0
        for view in cut(room, 0, _ID_SIZE):
            view[:] = self._id[done : done + len(view)]
            done += len(view)
        return done

    def _discard(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        ranges = self._ranges(chain)
        if ranges is None or any(flags for _, _, flags in ranges):
            return None
        for offset, size, _ in ranges:
            self._storage.discard(offset, size)
        return self._through()

    def _zero(self, sector: int, chain: Chain, room: list[memoryview]) -> int | None:
        ranges = self._ranges(chain)
        if ranges is None:
            return None
        for offset, size, flags in ranges:
            self._storage.zero(offset, size, bool(flags & UNMAP))
        return self._through()

    def _ranges(self, chain: Chain) -> list[tuple[int, int, int]] | None:
        """(offset, size, flags) of each; None where one is not on the disk, or there are too many."""
        size = chain.readable_size - _HEADER.size
        count, rest = divmod(size, _RANGE.size)
        if rest or count > MOST_RANGES or self._storage.read_only:
            return None
        found = []
        for sector, sectors, flags in _RANGE.iter_unpack(chain.read(size, _HEADER.size)):
            offset = self._offset(sector, sectors * SECTOR)
            if offset is None or sectors > MOST_RANGE or flags & ~UNMAP:
                return None
            found.append((offset, sectors * SECTOR, flags))
        return found
