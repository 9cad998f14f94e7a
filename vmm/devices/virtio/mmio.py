"""The transport of virtio over registers in memory space: 256 bytes of them, and the configuration space behind.

Guest side: offsets 0-0x1ff, version 2. Not modelled: the legacy interface, shared memory regions, reset of one queue.
Source: virtio 1.2, section 4.2 (virtio over MMIO).
"""

from __future__ import annotations

from ...bits import mask
from .transport import CONFIG_CHANGED, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from .transport import QueueSetup

    class Latch(Protocol):
        """Flags, each set and cleared by any thread."""

        @property
        def value(self) -> int: ...
        def set(self, flags: int, /) -> None: ...
        def clear(self, flags: int, /) -> None: ...


SIZE = 0x200
MAGIC, VERSION, VENDOR = 0x7472_6976, 2, 0x4D4D_56
PENDING, ACKNOWLEDGE = 0x60, 0x64
QUEUE_NOTIFY = 0x50
"""Where a driver rings: a write of 4 bytes, the queue's index."""
CONFIG = 0x100
_USED, _CONFIG = 1, 2
_NOWHERE = 0xFFFF_FFFF


class Flags:
    """Causes of interrupts, where nobody answers for them in our place."""

    def __init__(self) -> None:
        self._used = self._config = False  # one store each: a thread that sets one does not lose the other

    @property
    def value(self) -> int:
        """The interrupt status register."""
        return self._used * _USED | self._config * _CONFIG

    def set(self, flags: int) -> None:
        """Adds some."""
        if flags & _USED:
            self._used = True
        if flags & _CONFIG:
            self._config = True

    def clear(self, flags: int) -> None:
        """Takes some away."""
        if flags & _USED:
            self._used = False
        if flags & _CONFIG:
            self._config = False


class Mmio(Transport):
    """`raise_line(pending)` is told of each interrupt, and of its end; any thread calls it, and it must not wait."""

    raise_line: Callable[[bool], None] = staticmethod(lambda pending: None)

    def __init__(self, *values: Any) -> None:
        self._flags: Latch = Flags()
        super().__init__(*values)

    def interrupt(self, index: int) -> None:
        self._flags.set(_CONFIG if index == CONFIG_CHANGED else _USED)
        self.raise_line(True)

    def lower(self) -> None:
        self._flags.clear(_USED | _CONFIG)
        self.raise_line(False)

    @property
    def pending(self) -> int:
        """The interrupt status register."""
        return self._flags.value

    def keep_flags_in(self, flags: Latch) -> None:
        """From now on the status register is there, where guests may read and clear it without us. Before it runs."""
        flags.set(self._flags.value)
        self._flags = flags

    def read(self, offset: int, size: int) -> int:
        if offset >= CONFIG:
            return self._read_config(offset - CONFIG, size)
        if offset == PENDING:
            return self.pending
        if size != 4:
            return 0
        if offset == 0x10:
            return self.read_features()
        constant = {0x00: MAGIC, 0x04: VERSION, 0x08: self.device.device_id, 0x0C: VENDOR}.get(offset)
        if constant is not None:
            return constant
        setup = self.setup
        return {
            0x34: self.device.queue_sizes[self._selected] if setup else 0,
            0x44: int(setup.ready) if setup else 0,
            0x70: self.status,
            0xB0: _NOWHERE, 0xB4: _NOWHERE, 0xB8: _NOWHERE, 0xBC: _NOWHERE,
            0xFC: self.generation,
        }.get(offset, 0)  # fmt: skip

    def write(self, offset: int, size: int, value: int) -> None:
        if offset >= CONFIG:
            with self._lock:
                self._work(lambda: self.device.write_config(offset - CONFIG, value.to_bytes(size, "little")))
        elif size != 4:
            return
        elif offset == QUEUE_NOTIFY:
            self.kick(value)
        elif offset == ACKNOWLEDGE:
            self._flags.clear(value)
            if not self.pending:
                self.raise_line(False)
        elif offset == 0x70:
            self.write_status(value & 0xFF)
        elif offset == 0x14:
            self._offer_page = value
        elif offset == 0x20:
            self.write_features(value)
        elif offset == 0x24:
            self._accept_page = value
        elif offset == 0x30:
            self._selected = value
        elif (setup := self.setup) is not None:
            self._set_up(setup, offset, value)

    def _set_up(self, setup: QueueSetup, offset: int, value: int) -> None:
        """The queue that is selected; one that the device works with stays as it is until a reset."""
        if self._selected in self._queues:
            return
        if offset == 0x38:
            setup.size = min(value, 0xFFFF)
        elif offset == 0x44:
            setup.ready = bool(value & 1)
        elif (place := _PLACES.get(offset)) is not None:
            name, shift = place
            before = getattr(setup, name)
            setattr(setup, name, before & ~(0xFFFF_FFFF << shift) | value << shift)

    def _read_config(self, offset: int, size: int) -> int:
        return int.from_bytes(self.device.config[offset : offset + size], "little") & mask(size)

    def _own(self) -> dict[str, Any]:
        return {"pending": self.pending}

    def _load_own(self, fields: dict[str, Any]) -> None:
        pending = fields["pending"] if type(fields["pending"]) is int else 0
        self._flags.set(pending & (_USED | _CONFIG))


_PLACES = {
    0x80: ("descriptors", 0), 0x84: ("descriptors", 32),
    0x90: ("available", 0), 0x94: ("available", 32),
    0xA0: ("used", 0), 0xA4: ("used", 32),
}  # fmt: skip
