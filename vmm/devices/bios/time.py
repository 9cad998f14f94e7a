"""INT 1Ah and INT 15h/86h: ticks since midnight, the clock's time, date and alarm, and waiting.

Ticks are counted by the ROM's timer interrupt in the data area. The clock is the RTC's chip. A wait is an alarm in
guest time that sets bit 7 of the flag at 0x4A0 and pulses the clock's interrupt, so that a guest in HLT looks.
Not modelled: INT 15h/83h (wait without waiting), day counts (0Ah, 0Bh), PCI BIOS (B1h).
Source: IBM PS/2 and PC BIOS interface technical reference, INT 1Ah and INT 15h.
"""

from __future__ import annotations

from . import ram as at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...bus.irq import IrqLine
    from ...bus.timers import Timers
    from ..rtc import Rtc
    from .frame import Frame
    from .ram import Ram

SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM = range(6)
DAY, MONTH, YEAR, REGISTER_B, REGISTER_C, CENTURY = 7, 8, 9, 0x0B, 0x0C, 0x32
SET, ALARM_ENABLE, BINARY, HOURS_24, DAYLIGHT = 0x80, 0x20, 0x04, 0x02, 0x01
WAITS, IS_OVER = 0x01, 0x80  # at WAIT_FLAG
BUSY = 0x83
TICKS_OF_DAY, SECONDS_OF_DAY = 0x1800B0, 86400


class Clock:
    """The service. `rtc` gives the clock's chip when it is first used; `line` is a wire of its interrupt."""

    def __init__(self, ram: Ram, timers: Timers, line: IrqLine, rtc: Callable[[], Rtc]) -> None:
        self._ram = ram
        self._timers = timers
        self._line = line
        self._rtc = rtc
        self.alarm = timers.alarm(self._wait_is_over)
        """When the wait that is on will end."""
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x00: self._get_ticks, 0x01: self._set_ticks, 0x02: self._get_time, 0x03: self._set_time,
            0x04: self._get_date, 0x05: self._set_date, 0x06: self._set_alarm, 0x07: self._clear_alarm,
        }  # fmt: skip

    def start(self) -> None:
        """Ticks since midnight from the clock, as after power-on."""
        hours, minutes, seconds = (_number(self._get(index)) for index in (HOURS, MINUTES, SECONDS))
        passed = (hours * 60 + minutes) * 60 + seconds
        self._ram.put(at.TICKS, passed * TICKS_OF_DAY // SECONDS_OF_DAY, 4)
        self._ram.put(at.MIDNIGHT, 0)

    # Ticks

    def _get_ticks(self, frame: Frame) -> None:
        ticks = self._ram.get(at.TICKS, 4)
        frame.cx, frame.dx, frame.al = ticks >> 16, ticks, self._ram.get(at.MIDNIGHT)
        self._ram.put(at.MIDNIGHT, 0)
        frame.carry = 0

    def _set_ticks(self, frame: Frame) -> None:
        self._ram.put(at.TICKS, frame.cx << 16 | frame.dx, 4)
        self._ram.put(at.MIDNIGHT, 0)
        frame.carry = 0

    # The clock, in BCD for the caller whatever it counts in

    def _register(self, index: int) -> int:
        chip = self._rtc()
        chip.write(0, 1, index)
        return chip.read(1, 1)

    def _set_register(self, index: int, value: int) -> None:
        chip = self._rtc()
        chip.write(0, 1, index)
        chip.write(1, 1, value)

    def _get(self, index: int) -> int:
        value = self._register(index)
        return _bcd(value) if self._register(REGISTER_B) & BINARY else value

    def _put(self, index: int, value: int) -> None:
        self._set_register(index, _number(value) if self._register(REGISTER_B) & BINARY else value)

    def _get_time(self, frame: Frame) -> None:
        frame.ch, frame.cl, frame.dh = self._get(HOURS), self._get(MINUTES), self._get(SECONDS)
        frame.dl = self._register(REGISTER_B) & DAYLIGHT
        frame.ah = frame.carry = 0

    def _set_time(self, frame: Frame) -> None:
        mode = self._register(REGISTER_B)
        self._set_register(REGISTER_B, mode | SET | HOURS_24)
        for index, value in ((HOURS, frame.ch), (MINUTES, frame.cl), (SECONDS, frame.dh)):
            self._put(index, value)
        self._set_register(REGISTER_B, mode & ~(SET | DAYLIGHT) | HOURS_24 | frame.dl & DAYLIGHT)
        frame.ah = frame.carry = 0

    def _get_date(self, frame: Frame) -> None:
        frame.ch, frame.cl, frame.dh, frame.dl = (self._get(index) for index in (CENTURY, YEAR, MONTH, DAY))
        frame.ah = frame.carry = 0

    def _set_date(self, frame: Frame) -> None:
        mode = self._register(REGISTER_B)
        self._set_register(REGISTER_B, mode | SET)
        for index, value in ((CENTURY, frame.ch), (YEAR, frame.cl), (MONTH, frame.dh), (DAY, frame.dl)):
            self._put(index, value)
        self._set_register(REGISTER_B, mode & ~SET)
        frame.ah = frame.carry = 0

    def _set_alarm(self, frame: Frame) -> None:
        mode = self._register(REGISTER_B)
        if mode & ALARM_ENABLE:
            frame.carry = 1
            return
        for index, value in ((HOURS_ALARM, frame.ch), (MINUTES_ALARM, frame.cl), (SECONDS_ALARM, frame.dh)):
            self._put(index, value)
        self._register(REGISTER_C)
        self._set_register(REGISTER_B, mode & ~SET | ALARM_ENABLE)
        frame.ah = frame.carry = 0

    def _clear_alarm(self, frame: Frame) -> None:
        self._set_register(REGISTER_B, self._register(REGISTER_B) & ~ALARM_ENABLE)
        frame.ah = frame.carry = 0

    # INT 15h/86h

    def wait(self, frame: Frame) -> None:
        """Starts a wait of CX:DX microseconds; the ROM sleeps until its flag says that it is over."""
        if self.alarm.deadline is not None:
            frame.fail(BUSY)
            return
        self._ram.put(at.WAIT_FLAG, WAITS)
        self.alarm.set(self._timers.now() + (frame.cx << 16 | frame.dx) * 1000)
        frame.succeed()

    def _wait_is_over(self) -> None:
        self._ram.put(at.WAIT_FLAG, IS_OVER)
        self._line.pulse()


def _number(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 0x0F)


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10
