"""INT 19h and INT 18h: from drive to drive, in the order asked for, until one has something to start.

A drive starts when its first sector ends in 55 AA, a CD-ROM when it has a boot catalogue. What was in the way of each
drive is said when none is left, on the screen and to `nothing_boots`, which ends the run.
Source: IBM PS/2 and PC BIOS interface technical reference, INT 19h; El Torito specification 1.0.
"""

from __future__ import annotations

from ...bus.storage import DiskError
from . import el_torito
from .drive import CDROM, DISK, FIRST, FLOPPY, Drive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .frame import Frame
    from .ram import Ram

BOOT_SECTOR = 0x7C00
KINDS = {"a": FLOPPY, "c": DISK, "d": CDROM}
"""The kind of drive that each letter of a boot order names."""
_TITLES = {FLOPPY: "floppy", DISK: "hard disk", CDROM: "CD-ROM"}


class Bootstrap:
    """The service. `order` is letters of KINDS; `drives` by number, changed when a CD-ROM's floppy becomes drive A."""

    def __init__(
        self,
        ram: Ram,
        drives: dict[int, Drive],
        order: str,
        say: Callable[[bytes], None],
        nothing_boots: Callable[[str], None],
        has_kernel: bool = False,
    ) -> None:
        self._ram = ram
        self._drives = drives
        self._own = dict(drives)
        self._order = order
        self._say = say
        self._nothing_boots = nothing_boots
        self._has_kernel = has_kernel
        """Whether the way into a kernel stands at BOOT_SECTOR, put there before power-on: it goes before all drives."""
        self.next = 0
        """Where in the order INT 18h goes on."""
        self.faults: list[str] = []
        """Why the drives tried so far did not start."""
        self.is_emulating = False
        """Whether drive A is a part of the CD-ROM."""
        self.emulation = el_torito.Emulation(ram, self.end_emulation)

    def restart(self, frame: Frame) -> None:
        """INT 19h: all drives from the first."""
        self.reset()
        if self._has_kernel:
            frame.ds = frame.es = frame.cs = 0
            frame.ip = BOOT_SECTOR
        else:
            self.go_on(frame)

    def go_on(self, frame: Frame) -> None:
        """INT 18h: the last drive did not boot; those after it."""
        if self.next:
            self.faults.append(f"{_TITLES[KINDS[self._order[self.next - 1]]]}: it gave up")
        while self.next < len(self._order):
            kind = KINDS[self._order[self.next]]
            self.next += 1
            drive = self._own.get(FIRST[kind])
            fault = "not there" if drive is None else self._start(frame, drive)
            if not fault:
                return
            if drive is not None:
                self.faults.append(f"{_TITLES[kind]}: {fault}")
        words = f"no bootable device ({'; '.join(self.faults) or 'no drive that the boot order names'})"
        self._say(f"\r\n{words[0].upper()}{words[1:]}\r\n".encode("cp437", "replace"))
        self._nothing_boots(words)

    def _start(self, frame: Frame, drive: Drive) -> str:
        """Loads what the drive starts with, and makes the frame lead there; "" or why it does not."""
        frame.clear()
        if drive.kind == CDROM:
            return self._start_disc(frame, drive)
        try:
            sector = drive.read(0, 1)
        except DiskError as error:
            return str(error)
        if sector[510:] != b"\x55\xaa":
            return "its first sector has no boot signature 55 AA"
        self._ram.write(BOOT_SECTOR, sector)
        frame.cs, frame.ip, frame.dl = 0, BOOT_SECTOR, drive.number
        return ""

    def _start_disc(self, frame: Frame, cdrom: Drive) -> str:
        image = el_torito.find(cdrom)
        if isinstance(image, str):
            return image
        if image.media:
            floppy = el_torito.emulated_floppy(image, cdrom)
            image = el_torito.BootImage(image.media, image.segment, 1, image.lba)
        fault = image.load(cdrom, self._ram)
        if fault:
            return fault
        if image.media:
            self.emulate(floppy)
        self.emulation.image = image
        frame.cs, frame.ip = image.segment, 0
        if image.segment == BOOT_SECTOR >> 4:
            frame.cs, frame.ip = 0, BOOT_SECTOR  # the same place, as a boot sector expects it
        frame.dl = FIRST[FLOPPY] if image.media else cdrom.number
        return ""

    def emulate(self, floppy: Drive) -> None:
        """A disc's floppy becomes drive A; the real one, if there is one, is B meanwhile."""
        real = self._own.get(FIRST[FLOPPY])
        if real is not None:
            second = Drive(FIRST[FLOPPY] + 1, FLOPPY, real.disk)
            self._drives[second.number] = second
        self._drives[floppy.number] = floppy
        self.is_emulating = True

    def end_emulation(self) -> None:
        """Drive A is what it was before."""
        self._drives.clear()
        self._drives.update(self._own)
        self.is_emulating = False

    @property
    def length(self) -> int:
        """How many places the boot order has."""
        return len(self._order)

    def reset(self) -> None:
        """As after power-on."""
        self.next = 0
        self.faults.clear()
        self.emulation.image = None
        self.end_emulation()
