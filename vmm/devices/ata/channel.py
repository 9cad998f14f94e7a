"""One ATA channel: the registers that two drives share, and the interrupt line that the selected one drives.

Guest side: `command` (eight registers, the first of which is data) and `control` (one). Host side: a line.
The line is level: it stays up until the guest reads the status, and is cut off by nIEN.
A drive that is not there is answered for by the other: its status reads 0, its commands go nowhere.
Source: ATA/ATAPI-6 (T13/1410D), section 7 (registers) and 9.2 (software reset).
"""

from __future__ import annotations

from ...bits import mask
from ...bus.device import Device
from ...errors import SnapshotError
from ...state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...bus.irq import IrqLine
    from .drive import Drive

DATA, ERROR, DEVICE, STATUS = 0, 1, 6, 7
HOB, SRST, NIEN = 0x80, 0x04, 0x02  # device control
BSY = 0x80
EXECUTE_DIAGNOSTIC = 0x90

_DEV = 0x10  # of the device register: the second drive
_OBSOLETE = 0xA0  # bits of it that read as ones
_SCHEMA = "vmm.ata"


class Channel(Device):
    """Up to two drives, master and slave; None where there is none."""

    name = "ata"

    def __init__(self, line: IrqLine, drives: Sequence[Drive | None]) -> None:
        self._line = line
        self._drives = tuple(drives)
        self._selected = 0
        self._control = 0
        for drive in drives:
            if drive is not None:
                drive.notify = self._drive_line
        self.command = self
        self.control = _Control(self)

    @property
    def drive(self) -> Drive | None:
        """The selected drive, if it is there."""
        return self._drives[self._selected]

    def _drive_line(self) -> None:
        drive = self.drive
        self._line.set(drive is not None and drive.pending and not self._control & NIEN)

    # -- the guest's side --

    def read(self, offset: int, size: int) -> int:
        """The data register in its widths; the others are bytes."""
        drive = self.drive
        if offset == DATA:
            return mask(size) if drive is None else drive.read_data(size)
        return sum(self._read_register(offset + at) << 8 * at for at in range(size))

    def _read_register(self, offset: int) -> int:
        drive = self.drive
        if offset == STATUS:
            status = self.status()
            if drive is not None and drive.pending:
                drive.pending = False
                self._drive_line()
            return status
        if drive is None:
            return 0
        if offset == ERROR:
            return drive.error
        if offset == DEVICE:
            return drive.device | _OBSOLETE
        return (drive.previous if self._control & HOB else drive.registers)[offset]

    def status(self) -> int:
        """The status without the effect that reading its register has."""
        drive = self.drive
        if drive is None:
            return 0
        return BSY if self._control & SRST else drive.status

    def write(self, offset: int, size: int, value: int) -> None:
        """As read(); bytes of the task file reach both drives."""
        if offset == DATA:
            if self.drive is not None:
                self.drive.write_data(size, value)
            return
        for at in range(size):
            self._write_register(offset + at, value >> 8 * at & 0xFF)

    def _write_register(self, offset: int, value: int) -> None:
        self._control &= ~HOB
        if self._control & SRST:
            return
        if offset == STATUS:
            self._start(value)
            return
        for drive in self._drives:
            if drive is not None and offset == DEVICE:
                drive.device = value
            elif drive is not None:
                drive.write_register(offset, value)
        if offset == DEVICE:
            self._selected = 1 if value & _DEV else 0
            self._drive_line()

    def _start(self, command: int) -> None:
        if command == EXECUTE_DIAGNOSTIC:
            self._reset_drives()
            if self.drive is not None:
                self.drive.ask()
        elif self.drive is not None:
            self.drive.start(command)

    def _reset_drives(self) -> None:
        self._selected = 0
        for drive in self._drives:
            if drive is not None:
                drive.reset()

    def write_control(self, value: int) -> None:
        """Device control: a reset lasts while SRST is set."""
        rises = value & ~self._control & SRST
        self._control = value & (HOB | SRST | NIEN)
        if rises:
            self._reset_drives()
        self._drive_line()

    # -- lifecycle --

    def reset(self) -> None:
        self._control = 0
        self._reset_drives()
        self._drive_line()

    def save(self) -> State:
        drives = [None if drive is None else drive.save() for drive in self._drives]
        return State(_SCHEMA, 1, {"selected": self._selected, "control": self._control, "drives": drives})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("selected", "control", "drives"))
        selected, control, saved = fields["selected"], fields["control"], fields["drives"]
        if selected not in (0, 1) or type(control) is not int or control & ~(HOB | SRST | NIEN):
            raise SnapshotError(f"{_SCHEMA}: no channel selects {selected!r} with a control of {control!r}")
        there = [drive is not None for drive in self._drives]
        if not isinstance(saved, list) or [drive is not None for drive in saved] != there:
            raise SnapshotError(f"{_SCHEMA}: the drives that were saved are not those that are here")
        pairs = [(drive, each) for drive, each in zip(self._drives, saved, strict=True) if drive is not None]
        for drive, each in pairs:
            drive.check(each)
        self._selected, self._control = int(selected), control
        for drive, each in pairs:
            drive.load(each)
        self._drive_line()

    def close(self) -> None:
        self._line.set(False)


class _Control:
    """The control block: device control when written, the status without its effect when read."""

    name = "ata"

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def read(self, offset: int, size: int) -> int:
        """Alternate status."""
        return mask(size) & ~0xFF | self._channel.status()

    def write(self, offset: int, size: int, value: int) -> None:
        """Device control."""
        self._channel.write_control(value & 0xFF)
