"""What the guest said, kept in memory: the whole of it up to a limit, then no more, and how much was dropped."""

from __future__ import annotations

from ..units import MiB

CAPACITY = 16 * MiB


class ConsoleLog:
    """Collects bytes. `capacity` bounds what a guest can make the host hold; None is CAPACITY."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = CAPACITY if capacity is None else capacity
        self.data = bytearray()
        self.dropped = 0
        """Bytes that came after the log was full."""

    def write(self, data: bytes) -> None:
        """Takes what the guest sends."""
        room = self.capacity - len(self.data)
        if room >= len(data):
            self.data += data
        else:
            self.data += data[:room]
            self.dropped += len(data) - room
