"""Two devices for tests and demonstrations: a page of scratch registers, and a port that string I/O can be checked at.

They stand for no real chip. Their registers:

    TestDevice, 4 KiB, any width, any alignment (an access may span registers)
    0x000  4 bytes, read-only    0x564d4d31, "VMM1"
    0x008  8 bytes               scratch: keeps what is written
    0x010  8 bytes, read-only    how many writes the device has taken, this register included
    0x018  8 bytes               accumulator: what is written is added
    0x100  to the end            storage; all the rest reads as 0 and takes nothing

    PatternPort, offset 0, any width
    a read gives the next bytes of 00 01 02 ... ff 00 ..., so that memory holds the same after insb, insw and insd
    a write appends its bytes to `written`
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from ..units import KiB

IDENTIFICATION = 0x564D4D31
PAGE = 4 * KiB
WRITTEN_CAPACITY = 64 * KiB
"""Bytes that PatternPort remembers; the oldest go first."""

_SCRATCH, _COUNTER, _ACCUMULATOR, _RESERVED, _STORAGE = 0x8, 0x10, 0x18, 0x20, 0x100


class TestDevice(Device):
    """The page of registers above."""

    __test__ = False  # pytest would take the name for a group of tests
    name = "testdev"

    def __init__(self) -> None:
        self._bytes = bytearray(PAGE)
        self.reset()

    def read(self, offset: int, size: int) -> int:
        """What the bytes hold; those beyond the page read as 0."""
        return int.from_bytes(self._bytes[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Each byte goes to its register, wherever the access begins."""
        value &= mask(size)
        data = value.to_bytes(size, "little")
        for start, end in ((_SCRATCH, _COUNTER), (_STORAGE, PAGE)):
            low, high = max(offset, start), min(offset + size, end)
            if low < high:
                self._bytes[low:high] = data[low - offset : high - offset]
        low, high = max(offset, _ACCUMULATOR), min(offset + size, _RESERVED)
        if low < high:
            part = int.from_bytes(data[low - offset : high - offset], "little")
            self._add(_ACCUMULATOR, part << 8 * (low - _ACCUMULATOR))
        self._add(_COUNTER, 1)

    def _add(self, register: int, amount: int) -> None:
        total = int.from_bytes(self._bytes[register : register + 8], "little") + amount
        self._bytes[register : register + 8] = (total & mask(8)).to_bytes(8, "little")

    def reset(self) -> None:
        """All zero, but for the identification."""
        self._bytes[:] = IDENTIFICATION.to_bytes(4, "little").ljust(PAGE, b"\0")

    def save(self) -> State:
        return State("vmm.testdev", 1, {"page": bytes(self._bytes)})

    def load(self, state: State) -> None:
        page = state.expect("vmm.testdev", 1, ("page",))["page"]
        if not isinstance(page, bytes) or len(page) != PAGE:
            raise SnapshotError(f"vmm.testdev: page must be {PAGE} bytes")
        self._bytes[_SCRATCH:_RESERVED] = page[_SCRATCH:_RESERVED]
        self._bytes[_STORAGE:] = page[_STORAGE:]


class PatternPort(Device):
    """A source of known bytes and a record of written ones."""

    name = "pattern_port"

    def __init__(self) -> None:
        self._next = 0
        self._written = bytearray()

    @property
    def written(self) -> bytes:
        """The last WRITTEN_CAPACITY bytes written, oldest first, each element little endian."""
        return bytes(self._written)

    def read(self, offset: int, size: int) -> int:
        """The next `size` bytes of the pattern; all ones elsewhere than at offset 0."""
        if offset:
            return mask(size)
        first = self._next
        self._next = (first + size) & 0xFF
        return sum((first + at & 0xFF) << 8 * at for at in range(size))

    def write(self, offset: int, size: int, value: int) -> None:
        """Remembers `size` bytes."""
        if offset == 0:
            self._written += (value & mask(size)).to_bytes(size, "little")
            if len(self._written) > WRITTEN_CAPACITY:
                del self._written[:-WRITTEN_CAPACITY]

    def reset(self) -> None:
        """The pattern starts again, and nothing is written."""
        self._next = 0
        self._written.clear()

    def save(self) -> State:
        return State("vmm.pattern_port", 1, {"next": self._next, "written": self.written})

    def load(self, state: State) -> None:
        fields = state.expect("vmm.pattern_port", 1, ("next", "written"))
        position, written = fields["next"], fields["written"]
        if not isinstance(position, int) or not 0 <= position <= 0xFF:
            raise SnapshotError(f"vmm.pattern_port: next must be 0 to 255, not {position!r}")
        if not isinstance(written, bytes) or len(written) > WRITTEN_CAPACITY:
            raise SnapshotError(f"vmm.pattern_port: written must be at most {WRITTEN_CAPACITY} bytes")
        self._next = position
        self._written = bytearray(written)
