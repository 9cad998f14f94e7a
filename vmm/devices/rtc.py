"""MC146818A real-time clock and CMOS RAM: 128 bytes behind an index and a data register, one interrupt.

Guest side: offset 0 is the index (its bit 7 masks NMI on a PC), offset 1 the data. The clock is computed from guest
time whenever somebody looks, and an alarm is set only for an interrupt that is enabled: an idle clock costs nothing.
The line is level: it stays up until register C is read, however many interrupts were missed meanwhile.
As on later PC chips byte 0x32 holds the century. The battery is full: reset() keeps the clock and the RAM.
Not modelled: daylight saving (the bit is kept, no more), the square wave pin, time bases other than 32.768 kHz
(any divider selection but 010 holds the chain in reset), a dead battery.
Source: Motorola MC146818A datasheet; IBM PC AT technical reference for the index register and NMI.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from .calendar import DAY, civil_date, day_number, seconds_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..bus.irq import IrqLine
    from ..bus.timers import Timers

SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM = range(6)
DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR = range(6, 10)
REGISTER_A, REGISTER_B, REGISTER_C, REGISTER_D = range(0x0A, 0x0E)
CENTURY = 0x32

UIP = 0x80  # register A: an update is near or under way
DIVIDER, DIVIDER_RUNS = 0x70, 0x20
RATE = 0x0F
SET, DM, HOURS_24 = 0x80, 0x04, 0x02  # register B: updates stopped; binary bytes; 24-hour mode
PIE, AIE, UIE, SQWE = 0x40, 0x20, 0x10, 0x08
IRQF, PF, AF, UF = 0x80, 0x40, 0x20, 0x10  # register C, each flag at the place of its enable bit in register B
VRT = 0x80  # register D: the battery is good

_CLOCK = (SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY)
_FLAGS = PF | AF | UF
_SECOND = 1_000_000_000
_TICKS = 32768  # of the divider chain in a second
_UIP_NS = 244_000 + 1_984_000  # before the update and during it (table 6 of the datasheet)
_DONT_CARE = 0xC0

_RATES = (0, 1 << 7, 1 << 8, *(1 << (rate - 1) for rate in range(3, 16)))
"""Ticks between periodic interrupts for each rate selection; 1 and 2 stand for 256 and 128 Hz."""


def _ticks_at(nanoseconds: int) -> int:
    return nanoseconds * 64 // 1_953_125  # 32768 / 10**9 in lowest terms


def _time_of(ticks: int) -> int:
    return -(-ticks * 1_953_125 // 64)  # rounded up: by then the tick has happened


class Rtc(Device):
    """The chip. `wall_clock_ns` is UTC in nanoseconds since 1970 at guest time zero; `cmos` gives RAM bytes by offset.

    It starts as firmware leaves it: BCD, 24-hour mode, 1024 Hz selected, no interrupt enabled, NMI not masked.
    ValueError if `cmos` names a byte that is no RAM (below 0x0E, the century, above 0x7F) or a value that is no byte.
    """

    name = "rtc"

    def __init__(
        self, timers: Timers, irq8: IrqLine, wall_clock_ns: int, cmos: Mapping[int, int] | None = None
    ) -> None:
        self._timers = timers
        self._irq = irq8
        self._alarm = timers.alarm(self._catch_up)
        self.nmi_masked = False
        """Bit 7 of the last write to the index register."""
        self._index = 0
        self._bytes = bytearray(128)  # flags of register C included, UIP and IRQF left out
        for offset, value in (cmos or {}).items():
            if not REGISTER_D < offset < 128 or offset == CENTURY or not 0 <= value < 256:
                raise ValueError(f"CMOS byte {offset:#x} = {value:#x}: RAM is 0xe-0x7f without 0x32, values are bytes")
            self._bytes[offset] = value
        self._bytes[REGISTER_A] = DIVIDER_RUNS | 6
        self._bytes[REGISTER_B] = HOURS_24
        self._bytes[REGISTER_D] = VRT

        seconds, fraction = divmod(wall_clock_ns, _SECOND)
        self._origin = -fraction  # guest time of tick 0 of the divider chain
        self._ticks = 0  # what the bytes above show: the chain at the last catch-up
        self._bytes[DAY_OF_WEEK] = (seconds // DAY + 4) % 7 + 1  # 1 is Sunday; 1 January 1970 was a Thursday
        self._show(seconds + day_number(1970, 1, 1) * DAY)
        self._catch_up()
        self._bytes[REGISTER_C] = 0

    # Guest side

    def read(self, offset: int, size: int) -> int:
        """One byte from each register on; the index register cannot be read and gives all ones."""
        if size == 1 and offset == 1:
            return self._read_data()
        value = mask(size)
        if offset == 0 and size > 1:
            value = value & ~0xFF00 | self._read_data() << 8
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        """One byte to each register on: a 16-bit write to offset 0 selects a byte and writes it."""
        if offset == 0:
            self._index = value & 0x7F
            self.nmi_masked = bool(value & 0x80)
            if size > 1:
                self._write_data(value >> 8 & 0xFF)
        elif offset == 1:
            self._write_data(value & 0xFF)

    def _read_data(self) -> int:
        index = self._index
        if index == REGISTER_A:
            return self._bytes[REGISTER_A] | self._update_in_progress()
        if index == REGISTER_C:
            self._catch_up()
            flags = self._bytes[REGISTER_C]
            self._bytes[REGISTER_C] = 0
            irqf = IRQF if flags & self._bytes[REGISTER_B] else 0
            self._drive()
            return flags | irqf
        if index in _CLOCK:
            self._catch_up()
        return self._bytes[index]

    def _write_data(self, value: int) -> None:
        self._catch_up()
        index = self._index
        if index == REGISTER_A:
            ran = self._runs()
            self._bytes[REGISTER_A] = value & ~UIP
            if self._runs() and not ran:  # the first update comes half a second after the chain is let go
                self._ticks = _TICKS // 2
                self._origin = self._timers.now() - _time_of(self._ticks)
        elif index == REGISTER_B:
            if value & ~self._bytes[REGISTER_B] & SET:
                value &= ~UIE
            self._bytes[REGISTER_B] = value
        elif index == SECONDS:
            self._bytes[SECONDS] = value & 0x7F
        elif index not in (REGISTER_C, REGISTER_D):
            self._bytes[index] = value
        self._drive()

    # The clock

    def _runs(self) -> bool:
        return self._bytes[REGISTER_A] & DIVIDER == DIVIDER_RUNS

    def _update_in_progress(self) -> int:
        if not self._runs() or self._bytes[REGISTER_B] & SET:
            return 0
        return UIP if (self._timers.now() - self._origin) % _SECOND >= _SECOND - _UIP_NS else 0

    def _catch_up(self) -> None:
        """Brings the bytes to the present, with every flag that was earned since, and drives the line."""
        before = self._ticks
        if self._runs():
            self._ticks = max(before, _ticks_at(self._timers.now() - self._origin))
        registers = self._bytes
        period = _RATES[registers[REGISTER_A] & RATE]
        if period and self._ticks // period > before // period:
            registers[REGISTER_C] |= PF
        updates = self._ticks // _TICKS - before // _TICKS
        if updates and not registers[REGISTER_B] & SET:
            seconds = self._seconds()
            registers[REGISTER_C] |= UF
            alarm = self._seconds_to_alarm(seconds)
            if alarm is not None and alarm <= updates:
                registers[REGISTER_C] |= AF
            days = (seconds + updates) // DAY - seconds // DAY
            registers[DAY_OF_WEEK] = (self._decoded(registers[DAY_OF_WEEK]) - 1 + days) % 7 + 1
            self._show(seconds + updates)
        self._drive()

    def _drive(self) -> None:
        """Sets the line to what flags and enables say, and the alarm for the next enabled event if the line is down."""
        enabled = self._bytes[REGISTER_B] & _FLAGS
        pending = bool(enabled & self._bytes[REGISTER_C])
        self._irq.set(pending)
        event = self._next_event(enabled) if enabled and not pending and self._runs() else None
        if event is None:
            self._alarm.cancel()
        elif (deadline := self._origin + _time_of(event)) != self._alarm.deadline:
            self._alarm.set(deadline)

    def _next_event(self, enabled: int) -> int | None:
        """The tick at which the first enabled flag rises."""
        events = []
        period = _RATES[self._bytes[REGISTER_A] & RATE]
        if enabled & PIE and period:
            events.append((self._ticks // period + 1) * period)
        if not self._bytes[REGISTER_B] & SET:
            update = self._ticks // _TICKS
            if enabled & UIE:
                events.append((update + 1) * _TICKS)
            if enabled & AIE and (alarm := self._seconds_to_alarm(self._seconds())) is not None:
                events.append((update + alarm) * _TICKS)
        return min(events, default=None)

    def _seconds_to_alarm(self, seconds: int) -> int | None:
        """How many updates after time `seconds` the alarm bytes match; None if no time of day can match them."""
        wanted: list[int | None] = []
        for offset in (HOURS_ALARM, MINUTES_ALARM, SECONDS_ALARM):
            byte = self._bytes[offset]
            if byte >= _DONT_CARE:
                wanted.append(None)
                continue
            if offset == HOURS_ALARM:
                number, limit = self._hour_of(byte), 24
                shown = self._hour_byte(number)
            else:
                number, limit = self._decoded(byte), 60
                shown = self._encoded(number)
            if number >= limit or shown != byte:  # the clock never shows that byte
                return None
            wanted.append(number)
        return seconds_until(seconds % DAY, *wanted)

    # Bytes and numbers

    def _decoded(self, byte: int) -> int:
        return byte if self._bytes[REGISTER_B] & DM else (byte >> 4) * 10 + (byte & 0x0F)

    def _encoded(self, number: int) -> int:
        return number if self._bytes[REGISTER_B] & DM else number // 10 << 4 | number % 10

    def _hour_of(self, byte: int) -> int:
        if self._bytes[REGISTER_B] & HOURS_24:
            return self._decoded(byte)
        return self._decoded(byte & 0x7F) % 12 + (12 if byte & 0x80 else 0)

    def _hour_byte(self, hour: int) -> int:
        if self._bytes[REGISTER_B] & HOURS_24:
            return self._encoded(hour)
        return self._encoded(hour % 12 or 12) | (0x80 if hour >= 12 else 0)

    def _seconds(self) -> int:
        """The clock bytes as a count of seconds. Nonsense such as minute 75 or 31 February carries over."""
        registers, decoded = self._bytes, self._decoded
        year = decoded(registers[CENTURY]) * 100 + decoded(registers[YEAR])
        days = day_number(year, (decoded(registers[MONTH]) - 1) % 12 + 1, decoded(registers[DAY_OF_MONTH]))
        minutes = self._hour_of(registers[HOURS]) * 60 + decoded(registers[MINUTES])
        return days * DAY + minutes * 60 + decoded(registers[SECONDS])

    def _show(self, seconds: int) -> None:
        """Writes a count of seconds to the clock bytes, all but the day of the week."""
        registers, encoded = self._bytes, self._encoded
        days, rest = divmod(seconds, DAY)
        year, month, day = civil_date(days)
        registers[SECONDS] = encoded(rest % 60)
        registers[MINUTES] = encoded(rest // 60 % 60)
        registers[HOURS] = self._hour_byte(rest // 3600)
        registers[DAY_OF_MONTH] = encoded(day)
        registers[MONTH] = encoded(month)
        registers[YEAR] = encoded(year % 100)
        registers[CENTURY] = encoded(year // 100 % 100)

    # Lifecycle

    def reset(self) -> None:
        """What the RESET pin does: interrupts disabled, flags cleared, line lowered. Time, alarm and RAM stay."""
        self._catch_up()
        self._bytes[REGISTER_B] &= ~(PIE | AIE | UIE | SQWE)
        self._bytes[REGISTER_C] = 0
        self._index = 0
        self.nmi_masked = False
        self._drive()

    def save(self) -> State:
        """The bytes, and where the divider chain stands in guest time."""
        fields = {
            "bytes": bytes(self._bytes),
            "index": self._index,
            "nmi_masked": self.nmi_masked,
            "origin": self._origin,
            "ticks": self._ticks,
        }
        return State("vmm.rtc", 1, fields)

    def load(self, state: State) -> None:
        """Goes on from the saved moment: guest time, not the host's wall clock, says what has passed since."""
        fields = state.expect("vmm.rtc", 1, ("bytes", "index", "nmi_masked", "origin", "ticks"))
        stored, index, origin, ticks = fields["bytes"], fields["index"], fields["origin"], fields["ticks"]
        sound = (
            type(stored) is bytes
            and len(stored) == 128
            and not stored[REGISTER_A] & UIP
            and not stored[REGISTER_C] & ~_FLAGS
            and stored[REGISTER_D] == VRT
            and type(index) is int
            and 0 <= index < 128
            and type(fields["nmi_masked"]) is bool
            and type(origin) is int
            and abs(origin) < 1 << 63
            and type(ticks) is int
            and 0 <= ticks < 1 << 63
        )
        if not sound:
            raise SnapshotError(f"vmm.rtc: no chip can be in the state {fields!r}")
        self._bytes[:] = stored
        self._index, self.nmi_masked = index, fields["nmi_masked"]
        self._origin, self._ticks = origin, ticks
        self._drive()

    def close(self) -> None:
        """Lowers the line and cancels the alarm."""
        self._alarm.cancel()
        self._irq.set(False)
