"""The configuration space of one PCI function: 256 bytes, each with the bits that a guest may change.

Not modelled: capabilities, expansion ROMs, status bits that are cleared by writing ones.
Source: PCI Local Bus specification 3.0, section 6.1 (type 0 header).
"""

from __future__ import annotations

from ...errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SIZE = 256
VENDOR, DEVICE, COMMAND, REVISION, PROGRAMMING, CLASS, HEADER_TYPE = 0x00, 0x02, 0x04, 0x08, 0x09, 0x0A, 0x0E
SUBSYSTEM, INTERRUPT_LINE, INTERRUPT_PIN = 0x2C, 0x3C, 0x3D
MULTIFUNCTION = 0x80


class ConfigSpace:
    """A function's bytes. `changed(offset, size)` hears of every write, once it has taken effect, and of load()."""

    def __init__(self, vendor: int, device: int, class_code: int, *, multifunction: bool = False) -> None:
        self._bytes = bytearray(SIZE)
        self._writable = bytearray(SIZE)
        self.changed: Callable[[int, int], None] = lambda offset, size: None
        self.looked_at: Callable[[int, int], None] = lambda offset, size: None
        """Hears of every read by a guest, before it."""
        self.put(VENDOR, 2, vendor)
        self.put(DEVICE, 2, device)
        self.put(CLASS, 2, class_code)
        self.put(HEADER_TYPE, 1, MULTIFUNCTION if multifunction else 0)
        self.put(INTERRUPT_LINE, 1, 0, writable=0xFF)
        self._at_power_on = bytes(self._bytes)

    def put(self, offset: int, size: int, value: int, writable: int = 0) -> None:
        """Sets a register's value after power-on and the bits of it that a guest may change."""
        self._bytes[offset : offset + size] = value.to_bytes(size, "little")
        self._writable[offset : offset + size] = writable.to_bytes(size, "little")
        self._at_power_on = bytes(self._bytes)

    def read(self, offset: int, size: int) -> int:
        """Registers from `offset` on."""
        return int.from_bytes(self._bytes[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Changes those bits that may change."""
        writable = int.from_bytes(self._writable[offset : offset + size], "little")
        kept = self.read(offset, size) & ~writable
        self._bytes[offset : offset + size] = (kept | value & writable).to_bytes(size, "little")
        self.changed(offset, size)

    def show(self, offset: int, size: int, value: int) -> None:
        """A register that shows something else has another value now."""
        self._bytes[offset : offset + size] = value.to_bytes(size, "little")

    def reset(self) -> None:
        """Every register as after power-on."""
        self._bytes[:] = self._at_power_on
        self.changed(0, SIZE)

    def save(self) -> bytes:
        """All registers."""
        return bytes(self._bytes)

    def check(self, saved: Any) -> None:
        """SnapshotError when no guest can have brought this function to that state."""
        if type(saved) is not bytes or len(saved) != SIZE:
            raise SnapshotError(f"a PCI function has {SIZE} bytes")
        for offset, (byte, power_on, writable) in enumerate(zip(saved, self._at_power_on, self._writable, strict=True)):
            if (byte ^ power_on) & ~writable:
                raise SnapshotError(f"PCI register {offset:#x} cannot be {byte:#x}")

    def restore(self, saved: bytes) -> None:
        """As load(), but nobody hears of it."""
        self._bytes[:] = saved

    def load(self, saved: bytes) -> None:
        """Takes registers that check() let pass."""
        self.restore(saved)
        self.changed(0, SIZE)
