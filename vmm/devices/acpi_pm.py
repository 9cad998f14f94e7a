"""The ACPI power management block of a PIIX4: event and control registers, the 3.58 MHz timer, the SMI command port.

Guest side: `event`, `control`, `timer`, `general` and `command`. Writing the command port switches ACPI on and off at
once, as the system management code of firmware would. Sleep type 0 powers the machine off, type 1 suspends it to RAM;
the others do nothing.
Host side: `press_power_button()`, and `signal(event)` for the eight general purpose events, whose meaning is the
DSDT's.
The line (SCI) is level: it is up while ACPI is on and a flag is set and enabled, of timer, button or general events.
Not modelled: the sleep button, what a button held down does, the real-time clock's alarm as an event, throttling,
device monitors, the wiring of a PIIX4's own general purpose inputs.
Source: Intel 82371AB (PIIX4) datasheet 290562, chapters 7.2 and 11; ACPI specification 6.4, section 4.8.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bus.irq import IrqLine
    from ..bus.timers import Timers

FREQUENCY = 3_579_545
TIMER_BITS = 24
ACPI_ENABLE, ACPI_DISABLE = 0xF1, 0xF0
TMR_STS, TMR_EN, SCI_EN = 0x0001, 0x0001, 0x0001
PWRBTN_STS, PWRBTN_EN = 0x0100, 0x0100
SLP_EN, SLP_TYP = 0x2000, 0x1C00
OFF, TO_RAM = 0x0000, 0x0400  # sleep types

_HALF = 1 << TIMER_BITS - 1  # ticks between the changes of the top bit, each of which sets TMR_STS
_KEPT = SCI_EN | SLP_TYP | 0x0002
_ENABLES = 0x0521  # timer, global, power button, RTC
_SECOND = 1_000_000_000
_SCHEMA = "vmm.acpi_pm"


class AcpiPm(Device):
    """The block. `power_off` is called when the guest asks for it, with words that say how; `suspend` likewise."""

    name = "acpi_pm"

    def __init__(
        self, timers: Timers, sci: IrqLine, power_off: Callable[[str], None], suspend: Callable[[], None]
    ) -> None:
        self._timers = timers
        self._line = sci
        self._alarm = timers.alarm(self._drive)
        self._power_off = power_off
        self._suspend = suspend
        self._served = 0  # changes of the timer's top bit up to which TMR_STS was cleared
        self._enable = self._control = self._command = self._data = 0
        self._button = 0  # PWRBTN_STS while a press has not been seen to
        self._signalled = self._heard = 0  # general purpose events: flags and enables
        self.event = _Part(self._read_event, self._write_event)
        self.control = _Part(self._read_control, self._write_control)
        self.timer = _Part(self._read_timer, None)
        self.general = _Part(self._read_general, self._write_general)
        self.command = _Part(self._read_command, self._write_command)

    def _ticks(self) -> int:
        return self._timers.now() * FREQUENCY // _SECOND

    def _read_timer(self, offset: int, size: int) -> int:
        value = self._ticks() & mask(TIMER_BITS // 8)
        return value if size == 4 else value >> 8 * offset & mask(size)

    # -- events --

    def press_power_button(self) -> None:
        """Pressed and let go. A guest that does not listen finds the flag when it begins to."""
        self._button = PWRBTN_STS
        self._drive()

    def signal(self, event: int) -> None:
        """General purpose event 0 to 7 happened. A guest that does not listen finds the flag when it begins to."""
        self._signalled |= 1 << event
        self._drive()

    def _read_general(self, offset: int, size: int) -> int:
        return (self._signalled | self._heard << 8) >> 8 * offset & mask(size)

    def _write_general(self, offset: int, size: int, value: int) -> None:
        wide, touched = value << 8 * offset, mask(size) << 8 * offset
        self._signalled &= ~(wide & touched)
        self._heard = (self._heard & ~(touched >> 8) | (wide & touched) >> 8) & 0xFF
        self._drive()

    def _status(self) -> int:
        return self._button | (TMR_STS if self._ticks() // _HALF > self._served else 0)

    def _read_event(self, offset: int, size: int) -> int:
        return (self._status() | self._enable << 16) >> 8 * offset & mask(size)

    def _write_event(self, offset: int, size: int, value: int) -> None:
        wide, touched = value << 8 * offset, mask(size) << 8 * offset
        if wide & touched & TMR_STS:
            self._served = self._ticks() // _HALF
        if wide & touched & PWRBTN_STS:
            self._button = 0
        self._enable = (self._enable & ~(touched >> 16) | wide >> 16) & _ENABLES
        self._drive()

    def _drive(self) -> None:
        """Sets the line, and the alarm for the timer's next event when that is enabled."""
        is_on = bool(self._control & SCI_EN)
        due = self._status() & self._enable if is_on else 0  # a flag and its enable have the same bit
        self._line.set(bool(due or (is_on and self._signalled & self._heard)))
        if is_on and self._enable & TMR_EN and not due & TMR_STS:
            self._alarm.set(-(-(self._ticks() // _HALF + 1) * _HALF * _SECOND // FREQUENCY))
        else:
            self._alarm.cancel()

    # -- control --

    def _read_control(self, offset: int, size: int) -> int:
        return self._control >> 8 * offset & mask(size)

    def _write_control(self, offset: int, size: int, value: int) -> None:
        touched = mask(size) << 8 * offset
        value = (self._control & ~touched | value << 8 * offset & touched) & mask(2)
        self._control = value & _KEPT
        self._drive()
        if value & SLP_EN and value & SLP_TYP == OFF:
            self._power_off("ACPI power-off (sleep type 0)")
        elif value & SLP_EN and value & SLP_TYP == TO_RAM:
            self._suspend()

    def _read_command(self, offset: int, size: int) -> int:
        return (self._command | self._data << 8) >> 8 * offset & mask(size)

    def _write_command(self, offset: int, size: int, value: int) -> None:
        if offset + size > 1:
            self._data = value >> 8 * (1 - offset) & 0xFF
        if offset == 0:
            self._command = value & 0xFF
            if self._command == ACPI_ENABLE:
                self._control |= SCI_EN
            elif self._command == ACPI_DISABLE:
                self._control &= ~SCI_EN
            self._drive()

    # -- lifecycle --

    def reset(self) -> None:
        self._enable = self._control = self._command = self._data = self._button = 0
        self._signalled = self._heard = 0
        self._served = self._ticks() // _HALF
        self._drive()

    def save(self) -> State:
        return State(_SCHEMA, 3, {
            "served": self._served, "enable": self._enable, "control": self._control, "command": self._command,
            "data": self._data, "button": self._button, "signalled": self._signalled, "heard": self._heard,
        })  # fmt: skip

    def load(self, state: State) -> None:
        names = ("served", "enable", "control", "command", "data", "button", "signalled", "heard")
        fields = state.expect(_SCHEMA, 3, names)
        kept = {"served": mask(8), "enable": _ENABLES, "control": _KEPT, "command": 0xFF, "data": 0xFF,
                "button": PWRBTN_STS, "signalled": 0xFF, "heard": 0xFF}  # fmt: skip
        for name, bits in kept.items():
            if type(fields[name]) is not int or fields[name] < 0 or fields[name] & ~bits:
                raise SnapshotError(f"{_SCHEMA}: {name} cannot be {fields[name]!r}")
        self._served, self._enable, self._control = fields["served"], fields["enable"], fields["control"]
        self._command, self._data, self._button = fields["command"], fields["data"], fields["button"]
        self._signalled, self._heard = fields["signalled"], fields["heard"]
        self._drive()

    def close(self) -> None:
        self._alarm.cancel()
        self._line.set(False)


class _Part:
    """One range of ports of the block; a range without `write` takes no writes."""

    name = "acpi_pm"

    def __init__(self, read: Callable[[int, int], int], write: Callable[[int, int, int], None] | None) -> None:
        self.read = read
        self.write = write or _ignore


def _ignore(offset: int, size: int, value: int) -> None:
    """A write to a register that can only be read."""
