"""What every ATA drive has: its task file, its status, and the data register's transfers in programmed I/O.

A drive is never busy: a command is done, or waits for data, when the write that gave it returns. A transfer moves in
blocks; the drive asks for each by DRQ and, but for the first that it takes, by its interrupt.
Not modelled: DMA, queues, power states, overlap.
Source: ATA/ATAPI-6 (T13/1410D), sections 7 (registers) and 9.5-9.9 (PIO protocols).
"""

from __future__ import annotations

from ...bits import mask
from ...errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FEATURES, COUNT, LOW, MID, HIGH = range(1, 6)
"""Registers of the task file, by their offsets; ERROR is read where FEATURES is written."""
DRDY, DF, DSC, DRQ, ERR = 0x40, 0x20, 0x10, 0x08, 0x01  # status
ABRT, IDNF, UNC = 0x04, 0x10, 0x40  # error
DIAGNOSTIC_PASSED = 0x01
LBA = 0x40  # device register
SECTOR = 512

IDLE, TO_GUEST, FROM_GUEST = "idle", "to guest", "from guest"
MOST_BUFFERED = 1 << 17


class Drive:
    """One drive. Subclasses are commands: execute(), more_to_give(), taken(). `notify` hears that `pending` changed."""

    kind = "drive"
    signature = (0, 0)
    """MID and HIGH after a reset, by which a host tells kinds of drives apart."""

    def __init__(self) -> None:
        self.notify: Callable[[], None] = lambda: None
        self.registers = bytearray(6)
        self.previous = bytearray(6)
        """What each register held before its last write: the upper halves of 48-bit commands."""
        self.device = 0
        self.command = 0
        self.pending = False
        """Whether the drive asks for an interrupt."""
        self.phase = IDLE
        self.buffer = bytearray()
        self.at = 0
        self.reset()

    # -- what commands do --

    def execute(self, command: int) -> None:
        """Starts a command."""
        raise NotImplementedError

    def more_to_give(self) -> None:
        """The guest has read the whole buffer: give() the next, or finish()."""
        raise NotImplementedError

    def taken(self, data: bytes) -> None:
        """The guest has filled the buffer: take() another, or finish()."""
        raise NotImplementedError

    def ready_status(self) -> int:
        """The status after a reset."""
        return DRDY | DSC

    def forget(self) -> None:
        """What a reset means to a subclass."""

    # -- and what they use --

    def give(self, data: bytes) -> None:
        """Offers `data` to the guest, with an interrupt."""
        self.phase, self.buffer, self.at = TO_GUEST, bytearray(data), 0
        self.status = DRDY | DSC | DRQ
        self.ask()

    def take(self, size: int, ask: bool) -> None:
        """Waits for `size` bytes from the guest."""
        self.phase, self.buffer, self.at = FROM_GUEST, bytearray(size), 0
        self.status = DRDY | DSC | DRQ
        if ask:
            self.ask()

    def finish(self) -> None:
        """The command is done."""
        self.phase = IDLE
        self.status = DRDY | DSC
        self.ask()

    def fail(self, error: int) -> None:
        """The command ends with bits of the error register."""
        self.phase = IDLE
        self.error = error
        self.status = DRDY | DSC | ERR
        self.ask()

    def ask(self) -> None:
        """Asks for an interrupt."""
        self.pending = True
        self.notify()

    # -- the channel's side --

    def write_register(self, offset: int, value: int) -> None:
        """A byte to FEATURES ... HIGH."""
        self.previous[offset] = self.registers[offset]
        self.registers[offset] = value

    def start(self, command: int) -> None:
        """A byte to the command register; ends whatever was going on."""
        self.pending = False
        self.notify()
        self.phase = IDLE
        self.error = 0
        self.command = command
        self.execute(command)

    def read_data(self, size: int) -> int:
        """The data register: little endian; all ones when there is nothing to read."""
        if self.phase is not TO_GUEST:
            return mask(size)
        at = self.at
        value = int.from_bytes(self.buffer[at : at + size], "little")
        self.at = at + size
        if self.at >= len(self.buffer):
            self.more_to_give()
        return value

    def write_data(self, size: int, value: int) -> None:
        """The data register; what nobody asked for is lost."""
        if self.phase is not FROM_GUEST:
            return
        end = min(self.at + size, len(self.buffer))
        self.buffer[self.at : end] = value.to_bytes(size, "little")[: end - self.at]
        self.at = end
        if end == len(self.buffer):
            self.phase = IDLE
            self.taken(bytes(self.buffer))

    def reset(self) -> None:
        """After power-on, a software reset and EXECUTE DEVICE DIAGNOSTIC: the signature in the task file."""
        self.phase = IDLE
        self.pending = False
        self.error = DIAGNOSTIC_PASSED
        self.device = 0
        self.status = self.ready_status()
        self.registers[:] = bytes((0, 0, 1, 1, *self.signature))
        self.previous[:] = bytes(6)
        self.forget()
        self.notify()

    # -- saved state --

    _NUMBERS = ("device", "command", "error", "status", "at")

    def save(self) -> dict[str, Any]:
        """All of it but the disk's content."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self._NUMBERS}
        fields.update(registers=bytes(self.registers), previous=bytes(self.previous), buffer=bytes(self.buffer))
        return {"kind": self.kind, "phase": self.phase, "pending": self.pending, **fields, **self.save_command()}

    def save_command(self) -> dict[str, Any]:
        """Numbers that a subclass adds, attributes of the same names."""
        return {}

    def check(self, fields: Any) -> None:
        """SnapshotError for what save() of such a drive cannot have given."""
        own = self.save()
        if not isinstance(fields, dict) or set(fields) != set(own) or fields["kind"] != self.kind:
            raise SnapshotError(f"vmm.ata: expected the fields of a {self.kind}")
        for name, value in own.items():
            if type(fields[name]) is not type(value) or (type(value) is int and not 0 <= fields[name] < 1 << 62):
                raise SnapshotError(f"vmm.ata: {name} cannot be {fields[name]!r}")
        lengths_fit = (
            len(fields["registers"]) == len(fields["previous"]) == 6 and len(fields["buffer"]) <= MOST_BUFFERED
        )
        phases_fit = fields["phase"] == IDLE or (
            fields["phase"] in (TO_GUEST, FROM_GUEST) and fields["at"] < len(fields["buffer"])
        )
        if not lengths_fit or not phases_fit or max(fields[name] for name in self._NUMBERS[:4]) > 0xFF:
            raise SnapshotError("vmm.ata: no drive can be in that state")
        self.check_command(fields)

    def check_command(self, fields: dict[str, Any]) -> None:
        """SnapshotError for what a subclass cannot have saved."""

    def load(self, fields: dict[str, Any]) -> None:
        """Takes fields that check() let pass."""
        for name in (*self._NUMBERS, "pending", *self.save_command()):
            setattr(self, name, fields[name])
        self.phase = next(phase for phase in (IDLE, TO_GUEST, FROM_GUEST) if phase == fields["phase"])
        self.registers[:], self.previous[:] = fields["registers"], fields["previous"]
        self.buffer = bytearray(fields["buffer"])
        self.notify()

    status: int
    error: int
