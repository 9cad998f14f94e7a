"""The BIOS as one device: each of its functions is a port, and a 32-bit write there is a call with its frame's address.

Guest side: offset (interrupt - 10h) << 8 | AH from the first port of the claim on; `scan_code` is a port of its own
for the IRQ 1 handler. A write of another width, or a frame that is not in RAM, does nothing.
An unknown function gives CF=1 (and the error that its interrupt has for that), and has a name that says so.
Not modelled: a frame whose stack wraps; a guest that calls from virtual-8086 mode with paging.
Source: firmware/trap.h for the convention, firmware/int*.S for each contract.
"""

from __future__ import annotations

from ...bits import mask
from ...bus.device import Device
from ...errors import SnapshotError
from ...state import State
from . import set_up
from .bootstrap import Bootstrap
from .disk import Disks
from .drive import CDROM, FIRST
from .edd import ExtendedDisks
from .el_torito import BootImage, emulated_floppy, is_image
from .frame import Frame
from .keyboard import BiosKeyboard
from .ram import Ram
from .serial import SerialPorts
from .system import UNSUPPORTED, System
from .time import Clock
from .video import Video

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...bus.irq import IrqLine
    from ...bus.timers import Timers
    from ..rtc import Rtc
    from ..serial import Serial
    from .drive import Drive
    from .ram import Memory

FIRST_INTERRUPT, SET_UP = 0x10, 0x1B
_SCHEMA = "vmm.bios"
_FIELDS = ("next", "faults", "image", "is_emulating", "wait", "is_held", "locks", "told")
_MODE_AT_START = 3


class Places:
    """Where things are in the machine, for services that tell the guest."""

    def __init__(
        self,
        memory_map: Sequence[tuple[int, int, int]],
        ebda: tuple[int, int],
        com_ports: Sequence[int],
        configuration: tuple[int, int],
        diskette: tuple[int, int],
    ) -> None:
        self.memory_map = memory_map
        """(start, size, kind) by address, for E820."""
        self.ebda = ebda
        """(address, size) of the extended BIOS data area."""
        self.com_ports = com_ports
        self.configuration, self.diskette = configuration, diskette
        """(segment, offset) of tables in the ROM."""


class Wires:
    """What the services reach outside themselves; chips are given by callables, which make them when first used."""

    def __init__(
        self,
        timers: Timers,
        clock_line: IrqLine,
        rtc: Callable[[], Rtc],
        a20: Callable[[], Device],
        serial: Sequence[Callable[[], Serial]],
        say: Callable[[bytes], None],
        hold_keyboard: Callable[[bool], None],
        reset_requested: Callable[[str], None],
        nothing_boots: Callable[[str], None],
    ) -> None:
        self.timers, self.clock_line, self.rtc, self.a20, self.serial = timers, clock_line, rtc, a20, serial
        self.say, self.hold_keyboard = say, hold_keyboard
        self.reset_requested, self.nothing_boots = reset_requested, nothing_boots


class Bios(Device):
    """All services of one machine. `drives` by number; `order` is the boot order in letters."""

    name = "bios"

    def __init__(
        self,
        memory: Memory,
        drives: Mapping[int, Drive],
        order: str,
        places: Places,
        wires: Wires,
        has_kernel: bool = False,
    ) -> None:
        self._ram = ram = Ram(memory)
        self._drives = dict(drives)
        self._places = places
        self.video = Video(ram, wires.say)
        self.keyboard = BiosKeyboard(ram, wires.hold_keyboard, wires.reset_requested)
        self.clock = Clock(ram, wires.timers, wires.clock_line, wires.rtc)
        self.bootstrap = Bootstrap(ram, self._drives, order, self.video.print, wires.nothing_boots, has_kernel)
        self._disks = Disks(ram, self._drives, places.diskette)
        system = System(ram, places.memory_map, wires.a20, places.configuration)
        tables: dict[int, dict[int, Callable[[Frame], None]]] = {
            0x10: self.video.functions,
            0x11: {0: system.equipment},
            0x12: {0: system.base_memory},
            0x13: {
                **self._disks.functions,
                **ExtendedDisks(ram, self._disks).functions,
                **self.bootstrap.emulation.functions,
            },
            0x14: SerialPorts(wires.serial).functions,
            0x15: {**system.functions, 0x86: self.clock.wait},
            0x16: self.keyboard.functions,
            0x17: dict.fromkeys(range(3), system.printer),
            0x18: {0: self.bootstrap.go_on},
            0x19: {0: self.bootstrap.restart},
            0x1A: self.clock.functions,
        }
        self._calls: dict[int, Callable[[Frame], None]] = {
            (interrupt - FIRST_INTERRUPT) << 8 | function: call
            for interrupt, functions in tables.items()
            for function, call in functions.items()
        }
        self.scan_code = _ScanCode(self.keyboard)

    def name_of(self, offset: int) -> str:
        """The name of one port, as tables of exits show it: "int 13h/42h"."""
        interrupt, function = FIRST_INTERRUPT + (offset >> 8), offset & 0xFF
        if interrupt == SET_UP:
            return "bios set-up"
        number = f"int {interrupt:02X}h"
        is_known = offset in self._calls
        if is_known and interrupt in _WITHOUT_FUNCTIONS:
            return number
        return f"{number}/{function:02X}h{'' if is_known else ' (unknown)'}"

    def read(self, offset: int, size: int) -> int:
        """All ones: there is nothing to read."""
        return mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """A call whose frame is at `value`."""
        if size != 4:
            return
        if offset >> 8 == SET_UP - FIRST_INTERRUPT:
            self._set_up()
            return
        frame = Frame.at(self._ram, value)
        if frame is None:
            return
        call = self._calls.get(offset)
        if call is not None:
            call(frame)
        else:
            self._unknown(FIRST_INTERRUPT + (offset >> 8), frame)
        frame.store(self._ram)

    def _unknown(self, interrupt: int, frame: Frame) -> None:
        if interrupt == 0x13:
            self._disks.unknown(frame)
        elif interrupt == 0x15:
            frame.fail(UNSUPPORTED)
        else:
            frame.carry = 1

    def _set_up(self) -> None:
        """Memory as the BIOS leaves it before it boots, and this device as after power-on: a guest may start anew."""
        self.reset()
        set_up.write(self._ram, self._places.ebda, self._drives, self._places.com_ports)
        self.keyboard.start()
        self.video.start(_MODE_AT_START)
        self.clock.start()

    # Lifecycle

    def reset(self) -> None:
        """Power-on state; memory stays as it is."""
        self.bootstrap.reset()
        self.clock.alarm.cancel()
        self.keyboard.is_held = False
        self.video.mirror.row, self.video.mirror.column = -1, 0
        for drive in self._drives.values():
            drive.locks = 0

    def save(self) -> State:
        """All but memory and the disks."""
        image, boot = self.bootstrap.emulation.image, self.bootstrap
        fields = {
            "next": boot.next,
            "faults": list(boot.faults),
            "image": None if image is None else [image.media, image.segment, image.count, image.lba],
            "is_emulating": boot.is_emulating,
            "wait": self.clock.alarm.deadline,
            "is_held": self.keyboard.is_held,
            "told": [self.video.mirror.row, self.video.mirror.column],
            "locks": {str(number): drive.locks for number, drive in self._drives.items() if drive.kind == CDROM},
        }
        return State(_SCHEMA, 1, fields)

    def load(self, state: State) -> None:
        """Becomes the device that was saved, on the same drives."""
        fields = state.expect(_SCHEMA, 1, _FIELDS)
        image, locks, cdrom = fields["image"], fields["locks"], self._drives.get(FIRST[CDROM])
        is_sound = (
            type(fields["next"]) is int
            and 0 <= fields["next"] <= self.bootstrap.length
            and type(fields["faults"]) is list
            and type(fields["is_held"]) is bool
            and type(fields["told"]) is list
            and [type(number) for number in fields["told"]] == [int, int]
            and type(fields["is_emulating"]) is bool
            and (fields["wait"] is None or type(fields["wait"]) is int)
            and (image is None or is_image(image, cdrom))
            and type(locks) is dict
            and set(locks) == {str(number) for number, drive in self._drives.items() if drive.kind == CDROM}
            and all(type(count) is int and 0 <= count <= 0xFF for count in locks.values())
            and not (fields["is_emulating"] and (image is None or cdrom is None))
        )
        if not is_sound:
            raise SnapshotError(f"{_SCHEMA}: not the fields of a BIOS with these drives: {fields!r}")
        self.reset()
        self.bootstrap.next, self.bootstrap.faults[:] = fields["next"], fields["faults"]
        if image is not None:
            self.bootstrap.emulation.image = BootImage(*image)
            if fields["is_emulating"] and cdrom is not None:
                self.bootstrap.emulate(emulated_floppy(self.bootstrap.emulation.image, cdrom))
        if fields["wait"] is not None:
            self.clock.alarm.set(fields["wait"])
        self.keyboard.is_held = fields["is_held"]
        self.video.mirror.row, self.video.mirror.column = fields["told"]
        for number, count in locks.items():
            self._drives[int(number)].locks = count


_WITHOUT_FUNCTIONS = (0x11, 0x12, 0x18, 0x19)


class _ScanCode(Device):
    """The port at which the IRQ 1 handler gives the byte that it took from the keyboard controller."""

    name = "int 09h"

    def __init__(self, keyboard: BiosKeyboard) -> None:
        self._keyboard = keyboard

    def write(self, offset: int, size: int, value: int) -> None:
        """One byte of scan code set 1."""
        if offset == 0:
            self._keyboard.scan(value & 0xFF)
