"""INT 11h, 12h, 15h and 17h: what the machine has, its memory map, block moves, A20; and that there is no printer.

Not modelled: power management (refused), joysticks, pointing devices, multitasking hooks, the event wait of 83h.
Sources: IBM PS/2 and PC BIOS interface technical reference, INT 15h; ACPI specification 6.5 section 15 (E820).
"""

from __future__ import annotations

from struct import pack

from . import ram as at
from .frame import linear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...bus.device import Device
    from .frame import Frame
    from .ram import Ram

UNSUPPORTED = 0x86
RAM, RESERVED = 1, 2
"""Kinds of memory in the map."""
_SMAP = 0x534D4150
_KIB, _MIB = 1 << 10, 1 << 20
_MOST_88 = 0xFC00
"""KiB that function 88h tells at most: 63 MiB, which no program takes for a negative number of a hole."""
_A20_BIT = 0x02
_A20_WAYS = 0x03
"""The keyboard controller and port 92h."""
_MOST_WORDS = 0x8000
_MOVE_SOURCE, _MOVE_TARGET, _MOVE_TABLE = 0x10, 0x18, 0x30
_TIMED_OUT = 0x01


class System:
    """The service. `memory_map` is (start, size, kind) by address; `a20` is the chip with the switch, system control
    port A; `configuration` the segment and offset of the ROM's table."""

    def __init__(
        self,
        ram: Ram,
        memory_map: Sequence[tuple[int, int, int]],
        a20: Callable[[], Device],
        configuration: tuple[int, int],
    ) -> None:
        self._ram = ram
        self._map = memory_map
        self._a20 = a20
        self._configuration = configuration
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x24: self._gate, 0x4F: self._intercept, 0x53: self._unsupported, 0x87: self._move, 0x88: self._extended,
            0x90: _done, 0x91: _done, 0xC0: self._table, 0xC1: self._ebda, 0xE8: self._big_memory,
        }  # fmt: skip

    # INT 11h, 12h, 17h

    def equipment(self, frame: Frame) -> None:
        """INT 11h."""
        frame.ax = self._ram.get(at.EQUIPMENT, 2)

    def base_memory(self, frame: Frame) -> None:
        """INT 12h."""
        frame.ax = self._ram.get(at.BASE_MEMORY, 2)

    def printer(self, frame: Frame) -> None:
        """INT 17h."""
        frame.ah = _TIMED_OUT

    # INT 15h

    def _unsupported(self, frame: Frame) -> None:
        frame.fail(UNSUPPORTED)

    def _intercept(self, frame: Frame) -> None:
        frame.carry = 1  # AL, the scan code, stays: nobody wanted it

    def _gate(self, frame: Frame) -> None:
        """A20 is always open; the bit that says so follows what is asked for, as with the chip's own port."""
        chip = self._a20()
        if frame.al > 3:
            frame.fail(UNSUPPORTED)
            return
        if frame.al < 2:
            chip.write(0, 1, chip.read(0, 1) & ~(_A20_BIT | 1) | (_A20_BIT if frame.al else 0))
        elif frame.al == 2:
            frame.al = int(bool(chip.read(0, 1) & _A20_BIT))
        else:
            frame.bx = _A20_WAYS
        frame.succeed()

    def _move(self, frame: Frame) -> None:
        """Copies CX words between the two segments of the table at ES:SI, which may be anywhere in RAM."""
        table = self._ram.read(linear(frame.es, frame.si), _MOVE_TABLE)
        size = 2 * frame.cx
        if table is None or frame.cx > _MOST_WORDS:
            frame.fail(0x02)
            return
        source, target = _base(table, _MOVE_SOURCE), _base(table, _MOVE_TARGET)
        if min(_limit(table, _MOVE_SOURCE), _limit(table, _MOVE_TARGET)) < size - 1:
            frame.fail(0x02)  # what an exception in protected mode is told as
            return
        data = self._ram.read(source, size)
        if data is None or not self._ram.write(target, data):
            frame.fail(0x02)
            return
        frame.succeed()
        frame.zero = 1

    def _above(self, low: int, high: int) -> int:
        """Bytes of RAM that lie without a gap from `low` up, as far as `high`."""
        for start, size, kind in self._map:
            if kind == RAM and start <= low < start + size:
                return min(start + size, high) - low
        return 0

    def _extended(self, frame: Frame) -> None:
        frame.succeed()
        frame.ax = min(self._above(_MIB, 64 * _MIB) // _KIB, _MOST_88)

    def _table(self, frame: Frame) -> None:
        frame.succeed()
        frame.es, frame.bx = self._configuration

    def _ebda(self, frame: Frame) -> None:
        frame.carry, frame.es = 0, self._ram.get(at.EBDA_SEGMENT, 2)

    def _big_memory(self, frame: Frame) -> None:
        if frame.al == 0x01:
            frame.ax = frame.cx = self._above(_MIB, 16 * _MIB) // _KIB
            frame.bx = frame.dx = min(self._above(16 * _MIB, 1 << 32) // (64 * _KIB), 0xFFFF)
            frame.carry = 0
        elif frame.al == 0x20:
            self._map_entry(frame)
        else:
            frame.fail(UNSUPPORTED)

    def _map_entry(self, frame: Frame) -> None:
        index = frame.ebx
        if frame.edx != _SMAP or frame.ecx < 20 or index >= len(self._map):
            frame.fail(UNSUPPORTED)
            return
        if not self._ram.write(linear(frame.es, frame.di), pack("<QQI", *self._map[index])):
            frame.fail(UNSUPPORTED)
            return
        frame.eax, frame.ecx, frame.carry = _SMAP, 20, 0
        frame.ebx = index + 1 if index + 1 < len(self._map) else 0


def _done(frame: Frame) -> None:
    """Nothing to do, and that succeeds."""
    frame.succeed()


def _base(table: bytes, entry: int) -> int:
    """The 32-bit base of a descriptor."""
    return int.from_bytes(table[entry + 2 : entry + 5], "little") | table[entry + 7] << 24


def _limit(table: bytes, entry: int) -> int:
    limit = int.from_bytes(table[entry : entry + 2], "little") | (table[entry + 6] & 0x0F) << 16
    return limit << 12 | 0xFFF if table[entry + 6] & 0x80 else limit
