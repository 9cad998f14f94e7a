"""INT 13h, functions 00h to 18h: floppies and hard disks by cylinder, head and sector.

One call moves its sectors in one piece between disk and RAM, to any address that is RAM: there is no DMA controller
that could not cross 64 KiB. The status of the last call stands in the data area, at 0x441 for floppies and 0x474.
Extended functions are in edd.py; the two share `find`, `move` and the error numbers.
Not modelled: motors and their time, formats but the drive's own, a disk that is changed.
Source: IBM PS/2 and PC BIOS interface technical reference, INT 13h.
"""

from __future__ import annotations

from ...bus.storage import DiskError
from . import ram as at
from .drive import DISK, FIRST, FLOPPY, SECTOR
from .frame import linear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .drive import Drive
    from .frame import Frame
    from .ram import Ram

BAD_COMMAND, WRITE_PROTECTED, NO_SECTOR, DMA_OVERRUN, BAD_MEDIA_TYPE = 0x01, 0x03, 0x04, 0x09, 0x0C
CONTROLLER_FAILED, NOT_READY = 0x20, 0xAA
MOST_SECTORS = 128
"""One call moves no more: 64 KiB."""
_FILLER = 0xF6
"""What a freshly formatted sector holds."""


class Disks:
    """The service. `drives` by number; `diskette` is where the ROM has the table of a floppy's parameters."""

    def __init__(self, ram: Ram, drives: Mapping[int, Drive], diskette: tuple[int, int]) -> None:
        self._ram = ram
        self._drives = drives
        self._diskette = diskette
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x00: self._nothing, 0x01: self._last_status, 0x02: self._read, 0x03: self._write, 0x04: self._verify,
            0x05: self._format, 0x08: self._parameters, 0x09: self._nothing, 0x0C: self._seek, 0x0D: self._nothing,
            0x10: self._nothing, 0x11: self._nothing, 0x14: self._nothing, 0x15: self._kind, 0x16: self._changed,
        }  # fmt: skip

    def find(self, frame: Frame) -> Drive | None:
        """The drive in DL; without one the call has failed."""
        drive = self._drives.get(frame.dl)
        if drive is None:
            self.end(frame, BAD_COMMAND)
        return drive

    def end(self, frame: Frame, error: int = 0) -> None:
        """AH, CF and the data area say how the call ended."""
        frame.ah, frame.carry = error, int(error != 0)
        self._ram.put(at.DISK_STATUS if frame.dl & 0x80 else at.FLOPPY_STATUS, error)

    def unknown(self, frame: Frame) -> None:
        """A function that there is not."""
        self.end(frame, BAD_COMMAND)

    def move(self, drive: Drive, lba: int, count: int, gpa: int, write: bool) -> int:
        """Moves whole sectors between the disk and RAM; 0 or the error. All or nothing reaches RAM."""
        if not drive.has(lba, count):
            return NO_SECTOR
        size = count * drive.sector
        try:
            if write:
                if drive.is_read_only:
                    return WRITE_PROTECTED
                data = self._ram.read(gpa, size)
                if data is None:
                    return DMA_OVERRUN
                drive.write(lba, data)
            else:
                if not self._ram.holds(gpa, size):
                    return DMA_OVERRUN
                self._ram.write(gpa, drive.read(lba, count))
        except DiskError:
            return CONTROLLER_FAILED
        return 0

    # Functions

    def _nothing(self, frame: Frame) -> None:
        """Reset, recalibrate, diagnose: all is well with every drive that is there, and a reset without one too."""
        if frame.ah == 0 or self.find(frame):
            self.end(frame)

    def _last_status(self, frame: Frame) -> None:
        status = self._ram.get(at.DISK_STATUS if frame.dl & 0x80 else at.FLOPPY_STATUS)
        frame.ah, frame.carry = status, int(status != 0)

    def _place(self, frame: Frame, drive: Drive) -> int | None:
        """The sector that CX and DH name."""
        return drive.lba(frame.ch | (frame.cl & 0xC0) << 2, frame.dh, frame.cl & 0x3F)

    def _read(self, frame: Frame) -> None:
        self._transfer(frame, write=False)

    def _write(self, frame: Frame) -> None:
        self._transfer(frame, write=True)

    def _transfer(self, frame: Frame, write: bool) -> None:
        drive = self.find(frame)
        if drive is None:
            frame.al = 0
            return
        count, lba = frame.al, self._place(frame, drive)
        if not 0 < count <= MOST_SECTORS:
            error = BAD_COMMAND
        elif lba is None:
            error = NO_SECTOR
        else:
            error = self.move(drive, lba, count, linear(frame.es, frame.bx), write)
        if error:
            frame.al = 0
        self.end(frame, error)

    def _verify(self, frame: Frame) -> None:
        drive = self.find(frame)
        if drive is not None:
            lba = self._place(frame, drive)
            if not 0 < frame.al <= MOST_SECTORS:
                self.end(frame, BAD_COMMAND)
            else:
                self.end(frame, 0 if lba is not None and drive.has(lba, frame.al) else NO_SECTOR)

    def _format(self, frame: Frame) -> None:
        """A whole track becomes filler bytes; the list of sectors at ES:BX is taken to be the drive's own format."""
        drive = self.find(frame)
        if drive is None:
            return
        lba = drive.lba(frame.ch | (frame.cl & 0xC0) << 2, frame.dh, 1)
        if drive.kind != FLOPPY:
            self.end(frame, BAD_COMMAND)
        elif lba is None or not drive.has(lba, drive.per_track):
            self.end(frame, NO_SECTOR)
        elif drive.is_read_only:
            self.end(frame, WRITE_PROTECTED)
        else:
            try:
                drive.write(lba, bytes((_FILLER,)) * SECTOR * drive.per_track)
                self.end(frame)
            except DiskError:
                self.end(frame, CONTROLLER_FAILED)

    def _parameters(self, frame: Frame) -> None:
        drive, is_hard = self._drives.get(frame.dl), frame.dl & 0x80
        count = self.count(DISK if is_hard else FLOPPY)
        if drive is None or not drive.heads:
            if not is_hard:  # a floppy drive that is not there is no error: all is 0
                frame.ax = frame.bx = frame.cx = frame.dx = frame.di = frame.es = 0
                frame.dl = count
            self.end(frame, BAD_COMMAND if is_hard else 0)
            return
        self.end(frame)
        frame.al = 0
        last = drive.cylinders - 1
        frame.ch, frame.cl = last, last >> 2 & 0xC0 | drive.per_track
        frame.dh, frame.dl = drive.heads - 1, count
        if drive.kind == FLOPPY:
            frame.bx = drive.floppy_type
            frame.es, frame.di = self._diskette

    def count(self, kind: str) -> int:
        """How many drives of a kind there are."""
        return sum(FIRST[kind] <= number < FIRST[kind] + 0x10 for number in self._drives)

    def _seek(self, frame: Frame) -> None:
        drive = self.find(frame)
        if drive is not None:
            cylinder = frame.ch | (frame.cl & 0xC0) << 2
            self.end(frame, 0 if cylinder < drive.cylinders and frame.dh < drive.heads else NO_SECTOR)

    def _kind(self, frame: Frame) -> None:
        drive = self._drives.get(frame.dl)
        if drive is None or drive.kind not in (FLOPPY, DISK):
            frame.ah, frame.carry = 0, 0
        elif drive.kind == FLOPPY:
            frame.ah, frame.carry = 1, 0
        else:
            frame.ah, frame.carry = 3, 0
            frame.cx, frame.dx = min(drive.sectors, 0xFFFF_FFFF) >> 16, min(drive.sectors, 0xFFFF_FFFF)

    def _changed(self, frame: Frame) -> None:
        drive = self.find(frame)
        if drive is not None:
            self.end(frame, 0 if drive.kind == FLOPPY else BAD_COMMAND)
