"""INT 13h, functions 41h to 48h: sectors by number, for hard disks and CD-ROMs (Enhanced Disk Drive, version 1.1).

A packet names the sectors and where they go, which may be a 64-bit address as of version 3. A request is done whole
or not at all, and the packet's count then says how many sectors were moved.
Not modelled: the device path and host bus fields of version 3, ejection (the disk is a file).
Source: Phoenix Enhanced Disk Drive Specification 1.1 and 3.0.
"""

from __future__ import annotations

from struct import pack, unpack_from

from .disk import BAD_COMMAND, NO_SECTOR
from .drive import CDROM, FLOPPY
from .frame import linear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .disk import Disks
    from .drive import Drive
    from .frame import Frame
    from .ram import Ram

VERSION = 0x21
FIXED_DISK_ACCESS, LOCKING, ENHANCED = 1, 2, 4
NOT_LOCKED, LOCKED, NOT_REMOVABLE, LOCKED_TOO_OFTEN, CANNOT_EJECT = 0xB0, 0xB1, 0xB2, 0xB4, 0xB5
_PACKET, _WIDE_PACKET = 16, 24
_FLAT = 0xFFFF_FFFF
_GEOMETRY_VALID, _REMOVABLE, _LOCKABLE = 0x02, 0x04, 0x20
_PARAMETERS = 26
_MOST_LOCKS = 255


class ExtendedDisks:
    """The service, over the other half of INT 13h."""

    def __init__(self, ram: Ram, disks: Disks) -> None:
        self._ram = ram
        self._disks = disks
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x41: self._check, 0x42: self._read, 0x43: self._write, 0x44: self._verify, 0x45: self._lock,
            0x46: self._eject, 0x47: self._verify, 0x48: self._parameters,
        }  # fmt: skip

    def _find(self, frame: Frame) -> Drive | None:
        """The drive, if these functions are for it: floppies have the others alone."""
        drive = self._disks.find(frame)
        if drive is not None and drive.kind == FLOPPY:
            self._disks.end(frame, BAD_COMMAND)
            return None
        return drive

    def _check(self, frame: Frame) -> None:
        drive = self._find(frame)
        if drive is None:
            return
        if frame.bx != 0x55AA:
            self._disks.end(frame, BAD_COMMAND)
            return
        self._disks.end(frame)
        frame.ah, frame.bx = VERSION, 0xAA55
        frame.cx = FIXED_DISK_ACCESS | ENHANCED | (LOCKING if drive.kind == CDROM else 0)

    def _packet(self, frame: Frame) -> tuple[int, int, int, int] | None:
        """(its address, count, where to, first sector); None for one that cannot be."""
        gpa = linear(frame.ds, frame.si)
        raw = self._ram.read(gpa, _PACKET)
        if raw is None or raw[0] < _PACKET:
            return None
        _size, _zero, count, offset, segment, lba = unpack_from("<BBHHHQ", raw)
        target = linear(segment, offset)
        if segment << 16 | offset == _FLAT and raw[0] >= _WIDE_PACKET:
            wide = self._ram.read(gpa + _PACKET, 8)
            if wide is None:
                return None
            target = int.from_bytes(wide, "little")
        return gpa, count, target, lba

    def _read(self, frame: Frame) -> None:
        self._transfer(frame, write=False)

    def _write(self, frame: Frame) -> None:
        """AL, whether to verify, makes no difference."""
        if frame.al > 2:
            self._disks.end(frame, BAD_COMMAND)
        else:
            self._transfer(frame, write=True)

    def _transfer(self, frame: Frame, write: bool) -> None:
        drive = self._find(frame)
        if drive is None:
            return
        packet = self._packet(frame)
        if packet is None:
            self._disks.end(frame, BAD_COMMAND)
            return
        gpa, count, target, lba = packet
        error = self._disks.move(drive, lba, count, target, write)
        if error:
            self._ram.write(gpa + 2, bytes(2))
        self._disks.end(frame, error)

    def _verify(self, frame: Frame) -> None:
        """Verify and seek: whether the sectors are there."""
        drive = self._find(frame)
        if drive is None:
            return
        packet = self._packet(frame)
        if packet is None:
            self._disks.end(frame, BAD_COMMAND)
            return
        gpa, count, _, lba = packet
        is_there = drive.has(lba, 1 if frame.ah == 0x47 else count)
        if not is_there and frame.ah == 0x44:
            self._ram.write(gpa + 2, bytes(2))
        self._disks.end(frame, 0 if is_there else NO_SECTOR)

    def _lock(self, frame: Frame) -> None:
        drive = self._find(frame)
        if drive is None:
            return
        if drive.kind != CDROM:
            self._disks.end(frame, NOT_REMOVABLE)
        elif frame.al > 2:
            self._disks.end(frame, BAD_COMMAND)
        elif frame.al == 1 and not drive.locks:
            self._disks.end(frame, NOT_LOCKED)
        elif frame.al == 0 and drive.locks == _MOST_LOCKS:
            self._disks.end(frame, LOCKED_TOO_OFTEN)
        else:
            drive.locks += (1, -1, 0)[frame.al]
            self._disks.end(frame)
            frame.al = int(drive.locks > 0)

    def _eject(self, frame: Frame) -> None:
        drive = self._find(frame)
        if drive is not None:
            error = NOT_REMOVABLE if drive.kind != CDROM else LOCKED if drive.locks else CANNOT_EJECT
            self._disks.end(frame, error)

    def _parameters(self, frame: Frame) -> None:
        drive = self._find(frame)
        if drive is None:
            return
        gpa = linear(frame.ds, frame.si)
        size = self._ram.read(gpa, 2)
        if size is None or int.from_bytes(size, "little") < _PARAMETERS:
            self._disks.end(frame, BAD_COMMAND)
            return
        flags = _REMOVABLE | _LOCKABLE if drive.kind == CDROM else _GEOMETRY_VALID
        geometry = (drive.cylinders, drive.heads, drive.per_track) if drive.heads else (_FLAT, _FLAT, _FLAT)
        table = pack("<HHIIIQH", _PARAMETERS, flags, *geometry, drive.sectors, drive.sector)
        if int.from_bytes(size, "little") >= _PARAMETERS + 4:
            table = pack("<H", _PARAMETERS + 4) + table[2:] + b"\xff\xff\xff\xff"  # no further table
        self._disks.end(frame, 0 if self._ram.write(gpa, table) else BAD_COMMAND)
