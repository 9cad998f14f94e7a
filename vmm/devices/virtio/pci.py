"""The transport of virtio over PCI: a function whose capabilities say where in its one BAR the registers are.

Guest side: configuration space, and 32 KiB of memory space: common registers, interrupt status, the device's own
space, doorbells, MSI-X. Not modelled: the legacy interface, INTx (interrupts are messages), reset of one queue.
Source: virtio 1.2, section 4.1 (virtio over PCI bus).
"""

from __future__ import annotations

from ...bits import mask
from ...errors import SnapshotError
from ..pci.config_space import COMMAND, REVISION, SUBSYSTEM, ConfigSpace
from ..pci.msix import CAPABILITY, MsiX
from .transport import CONFIG_CHANGED, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...memory.guest_memory import GuestMemory
    from .device import VirtioDevice

VENDOR, FIRST_ID = 0x1AF4, 0x1040
BAR_SIZE = 0x8000
COMMON, ISR, DEVICE, NOTIFY, TABLE, PENDING = 0x0000, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
PART = 0x1000
NOTIFY_APART = 4
"""Bytes from one queue's doorbell to the next's."""
_COMMON, _NOTIFY, _ISR, _DEVICE, _ACCESS = 1, 2, 3, 4, 5
_STATUS, _POINTER, _BAR0 = 0x06, 0x34, 0x10
_HAS_CAPABILITIES = 0x10
_MEMORY, _MASTER = 0x2, 0x4
_MSIX_AT = 0x40
_FIRST_CAPABILITY = 0x50
_CLASSES = {1: 0x0200, 2: 0x0180, 3: 0x0780, 4: 0x1000, 5: 0x0500, 9: 0x0280, 19: 0x0280, 26: 0x0180}
"""Class and subclass by the device's id, where one is customary."""
_OTHER = 0xFF00


class Pci(Transport):
    """`send` delivers a message; any thread calls it. `moved` is told where the BAR is, None for nowhere."""

    def __init__(
        self, device: VirtioDevice, name: str, memory: GuestMemory, lock: Any,
        post: Callable[[Callable[[], None]], None], told: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        self.send: Callable[[int, int], object] = lambda address, data: None
        self.moved: Callable[[int | None], None] = lambda address: None
        self.msix = MsiX(len(device.queue_sizes) + 1, lambda address, data: self.send(address, data))
        self._config_vector = self.no_vector
        self._isr = 0
        super().__init__(device, name, memory, lock, post, told)
        self.place: int | None = None
        """Where the BAR is decoded."""
        self.space = ConfigSpace(VENDOR, FIRST_ID + device.device_id, _CLASSES.get(device.device_id, _OTHER))
        self._access_at = _describe(self.space, FIRST_ID + device.device_id, self.msix.count)
        self.space.changed = self._space_changed
        self.space.looked_at = self._looked_at

    def put_at(self, address: int) -> None:
        """Gives the BAR its address at power-on, as firmware would; a multiple of its size."""
        self.space.put(_BAR0, 4, address, writable=mask(4) & ~(BAR_SIZE - 1))

    # -- interrupts --

    def interrupt(self, index: int) -> None:
        if index == CONFIG_CHANGED:
            self._isr |= 3
            self.msix.signal(self._config_vector)
        else:
            self._isr |= 1
            self.msix.signal(self.setups[index].vector)

    def lower(self) -> None:
        self._isr = 0
        self._config_vector = self.no_vector

    # -- configuration space --

    def _space_changed(self, offset: int, size: int) -> None:
        if offset < _MSIX_AT + 4 and offset + size > _MSIX_AT:
            self.msix.set_control(self.space.read(_MSIX_AT + 2, 2))
        data_at = self._access_at + 16
        if offset < data_at + 4 and offset + size > data_at and size <= 4:
            self._access(is_write=True)
        if offset < _BAR0 + 4:
            is_decoded = self.space.read(COMMAND, 2) & _MEMORY
            place = self.space.read(_BAR0, 4) & ~0xF if is_decoded else None
            if place != self.place:
                self.place = place
                self.moved(place)

    def _looked_at(self, offset: int, size: int) -> None:
        """Before a read of configuration space: the window onto the BAR shows what is there now."""
        if offset == self._access_at + 16:
            self._access(is_write=False)

    def _access(self, is_write: bool) -> None:
        """The registers, by way of a capability; for firmware that maps no BAR."""
        at = self._access_at
        bar, offset, size = self.space.read(at + 4, 1), self.space.read(at + 8, 4), self.space.read(at + 12, 4)
        if bar or size not in (1, 2, 4) or offset % size or offset + size > BAR_SIZE:
            return
        if is_write:
            self.write(offset, size, self.space.read(at + 16, size))
        else:
            self.space.show(at + 16, size, self.read(offset, size))

    # -- the BAR --

    def read(self, offset: int, size: int) -> int:
        part, at = offset & ~(PART - 1), offset % PART
        if part == COMMON:
            return self._read_common(at, size)
        if part == ISR:
            pending, self._isr = self._isr, 0
            return pending
        if part == DEVICE:
            return int.from_bytes(self.device.config[at : at + size], "little")
        if part == TABLE:
            return self.msix.read(at, size)
        return self.msix.read_pending(at, size) if part == PENDING else 0

    def write(self, offset: int, size: int, value: int) -> None:
        part, at = offset & ~(PART - 1), offset % PART
        if part == NOTIFY:
            self.kick(at // NOTIFY_APART)
        elif part == COMMON:
            self._write_common(at, size, value)
        elif part == DEVICE:
            with self._lock:
                self._work(lambda: self.device.write_config(at, value.to_bytes(size, "little")))
        elif part == TABLE:
            self.msix.write(at, size, value)

    def _read_common(self, at: int, size: int) -> int:
        setup = self.setup
        value = {
            0x00: self._offer_page, 0x08: self._accept_page, 0x10: self._config_vector, 0x12: len(self.setups),
            0x14: self.status, 0x15: self.generation, 0x16: self._selected,
        }.get(at)  # fmt: skip
        if value is not None:
            return value & mask(size)
        if at == 0x04:
            return self.read_features()
        if at == 0x0C:
            return self.accepted >> 32 * self._accept_page & 0xFFFF_FFFF if self._accept_page < 2 else 0
        if setup is None:
            return 0
        value = {0x18: setup.size, 0x1A: setup.vector, 0x1C: int(setup.ready), 0x1E: self._selected}.get(at)
        if value is None and at in _PLACES:
            name, shift = _PLACES[at]
            value = getattr(setup, name) >> shift
        return (value or 0) & mask(size)

    def _write_common(self, at: int, size: int, value: int) -> None:
        if at == 0x14:
            self.write_status(value & 0xFF)
        elif at == 0x00:
            self._offer_page = value
        elif at == 0x08:
            self._accept_page = value
        elif at == 0x0C and size == 4:
            self.write_features(value)
        elif at == 0x10:
            self._config_vector = self._vector(value)
        elif at == 0x16:
            self._selected = value & 0xFFFF
        elif self.setup is not None:
            self._set_up(at, size, value)

    def _vector(self, value: int) -> int:
        return value if value < self.msix.count else self.no_vector

    def _set_up(self, at: int, size: int, value: int) -> None:
        """The queue that is selected; one that the device works with keeps its places until a reset."""
        setup = self.setups[self._selected]
        if at == 0x1A:
            setup.vector = self._vector(value & 0xFFFF)
        elif self._selected in self._queues:
            return
        elif at == 0x18:
            setup.size = value & 0xFFFF
        elif at == 0x1C:
            setup.ready = bool(value & 1)
        elif size == 4 and at in _PLACES:
            name, shift = _PLACES[at]
            setattr(setup, name, getattr(setup, name) & ~(0xFFFF_FFFF << shift) | value << shift)

    # -- a device of the board --

    def _own(self) -> dict[str, Any]:
        return self.msix.save() | {"isr": self._isr, "vector": self._config_vector, "space": self.space.save()}

    def _load_own(self, fields: dict[str, Any]) -> None:
        self.space.check(fields["space"])
        isr, vector = fields["isr"], fields["vector"]
        if type(isr) is not int or type(vector) is not int:
            raise SnapshotError(f"{self._schema}: this is no state of {self.name}")
        self.msix.load(fields)
        self._isr, self._config_vector = isr & 3, self._vector(vector)
        self.space.restore(fields["space"])
        self.msix.set_control(self.space.read(_MSIX_AT + 2, 2))
        self._space_changed(0, 0x14)


_PLACES = {
    0x20: ("descriptors", 0), 0x24: ("descriptors", 32),
    0x28: ("available", 0), 0x2C: ("available", 32),
    0x30: ("used", 0), 0x34: ("used", 32),
}  # fmt: skip


def _describe(space: ConfigSpace, device: int, vectors: int) -> int:
    """Fills in the header and the capabilities; where the one is by which the BAR can be reached."""
    space.put(REVISION, 1, 1)
    space.put(COMMAND, 2, 0, writable=_MEMORY | _MASTER | 0x0400)
    space.put(_STATUS, 2, _HAS_CAPABILITIES)
    space.put(SUBSYSTEM, 4, device << 16 | VENDOR)
    space.put(_POINTER, 1, _MSIX_AT)
    space.put(_MSIX_AT, 2, _FIRST_CAPABILITY << 8 | CAPABILITY)
    space.put(_MSIX_AT + 2, 2, vectors - 1, writable=0xC000)
    space.put(_MSIX_AT + 4, 4, TABLE)
    space.put(_MSIX_AT + 8, 4, PENDING)
    at = _FIRST_CAPABILITY
    for kind, offset, size, extra in (
        (_COMMON, COMMON, PART, 0), (_ISR, ISR, PART, 0), (_DEVICE, DEVICE, PART, 0), (_NOTIFY, NOTIFY, PART, 4),
        (_ACCESS, 0, 0, 4),
    ):  # fmt: skip
        length = 16 + extra
        behind = 0 if kind == _ACCESS else at + length
        space.put(at, 4, kind << 24 | length << 16 | behind << 8 | 0x09)
        space.put(at + 4, 4, 0, writable=0xFF if kind == _ACCESS else 0)
        space.put(at + 8, 4, offset, writable=mask(4) if kind == _ACCESS else 0)
        space.put(at + 12, 4, size, writable=mask(4) if kind == _ACCESS else 0)
        if kind == _NOTIFY:
            space.put(at + 16, 4, NOTIFY_APART)
        elif kind == _ACCESS:
            space.put(at + 16, 4, 0, writable=mask(4))
            return at
        at += length
    return at
