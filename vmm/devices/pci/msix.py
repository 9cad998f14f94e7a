"""MSI-X of one function: a table of messages, each an interrupt vector, and the bits of those that wait.

Guest side: the table, 16 bytes an entry, and the pending bits; the control word stands in configuration space.
Source: PCI Local Bus specification 3.0, section 6.8.2.
"""

from __future__ import annotations

from ...errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENTRY = 16
CAPABILITY = 0x11
ENABLE, MASK_ALL = 0x8000, 0x4000
_CONTROL = 12
_MASKED = 1


class MsiX:
    """`count` vectors. `send(address, data)` delivers a message; any thread calls it."""

    def __init__(self, count: int, send: Callable[[int, int], object]) -> None:
        self.count = count
        self._send = send
        self.reset()

    def reset(self) -> None:
        """All masked, none pending, switched off."""
        self._table = bytearray((bytes(_CONTROL) + b"\1\0\0\0") * self.count)
        self._pending = 0
        self._control = 0

    def signal(self, vector: int) -> None:
        """The function has news on `vector`. Any thread."""
        if vector >= self.count or not self._control & ENABLE:
            return
        at = ENTRY * vector
        if self._control & MASK_ALL or self._table[at + _CONTROL] & _MASKED:
            self._pending |= 1 << vector
            return
        entry = self._table[at : at + _CONTROL]
        self._send(int.from_bytes(entry[:8], "little"), int.from_bytes(entry[8:], "little"))

    def set_control(self, control: int) -> None:
        """The control word's bits have changed."""
        self._control = control & (ENABLE | MASK_ALL)
        self._send_pending()

    def _send_pending(self) -> None:
        """What waited and may go now."""
        if not self._pending or self._control & (ENABLE | MASK_ALL) != ENABLE:
            return
        for vector in range(self.count):
            if self._pending >> vector & 1 and not self._table[ENTRY * vector + _CONTROL] & _MASKED:
                self._pending &= ~(1 << vector)
                self.signal(vector)

    def read(self, offset: int, size: int) -> int:
        """The table; zeroes behind it."""
        return int.from_bytes(self._table[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """An entry changes, all but the reserved bits of its last word."""
        if offset + size > len(self._table):
            return
        self._table[offset : offset + size] = value.to_bytes(size, "little")
        at = offset - offset % ENTRY + _CONTROL
        self._table[at : at + 4] = bytes((self._table[at] & _MASKED, 0, 0, 0))
        self._send_pending()

    def read_pending(self, offset: int, size: int) -> int:
        """The bits of those that wait."""
        return self._pending >> 8 * offset & (1 << 8 * size) - 1

    def save(self) -> dict[str, Any]:
        """All of it but the control word."""
        return {"table": bytes(self._table), "waiting": self._pending}

    def load(self, fields: dict[str, Any]) -> None:
        """Back. SnapshotError for another table."""
        table, pending = fields["table"], fields["waiting"]
        if type(table) is not bytes or len(table) != ENTRY * self.count or type(pending) is not int or pending < 0:
            raise SnapshotError(f"a table of {self.count} interrupt vectors is expected")
        self._table[:] = table
        self._pending = pending & (1 << self.count) - 1
