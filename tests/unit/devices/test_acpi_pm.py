"""The power management block: the timer's rate and flag, ACPI mode, power-off."""

from __future__ import annotations

import pytest

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.acpi_pm import AcpiPm
from vmm.errors import SnapshotError
from vmm.state import State

SECOND = 1_000_000_000
HALF = (1 << 23) * SECOND // 3_579_545 + 1  # nanoseconds until the top bit changes


class Bench:
    def __init__(self) -> None:
        self.clock = 0
        self.off: list[str] = []
        self.line = False
        self.timers = Timers(lambda: self.clock)
        self.pm = AcpiPm(self.timers, IrqWire(9, self._set).line(), self.off.append, lambda: None)

    def _set(self, gsi: int, level: bool) -> None:
        self.line = level

    def sleep(self, nanoseconds: int) -> None:
        self.clock += nanoseconds
        self.timers.run_due()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_general_event_raises_the_line_once_the_guest_listens(bench: Bench) -> None:
    bench.pm.command.write(0, 1, 0xF1)
    bench.pm.signal(3)
    assert bench.pm.general.read(0, 2) == 0x08
    assert not bench.line
    bench.pm.general.write(1, 1, 0x09)
    assert bench.line
    assert bench.pm.general.read(1, 1) == 0x09
    twin = Bench()
    twin.pm.load(bench.pm.save())
    assert twin.line
    bench.pm.general.write(0, 1, 0x01)  # clears another's flag
    assert bench.line
    bench.pm.general.write(0, 1, 0x08)
    assert not bench.line
    assert bench.pm.general.read(0, 2) == 0x0900


def test_the_timer_has_24_bits_and_its_own_rate(bench: Bench) -> None:
    assert bench.pm.timer.read(0, 4) == 0
    bench.sleep(SECOND)
    assert bench.pm.timer.read(0, 4) == 3_579_545
    assert bench.pm.timer.read(1, 1) == 3_579_545 >> 8 & 0xFF
    bench.sleep(4 * SECOND)
    assert bench.pm.timer.read(0, 4) == 5 * 3_579_545 & 0xFF_FFFF
    bench.pm.timer.write(0, 4, 0)
    assert bench.pm.timer.read(0, 4) == 5 * 3_579_545 & 0xFF_FFFF


def test_its_flag_rises_with_each_change_of_the_top_bit_and_is_cleared_by_a_one(bench: Bench) -> None:
    bench.sleep(HALF)
    assert bench.pm.event.read(0, 2) == 1
    bench.pm.event.write(0, 2, 0)
    assert bench.pm.event.read(0, 2) == 1
    bench.pm.event.write(0, 2, 1)
    assert bench.pm.event.read(0, 2) == 0
    bench.sleep(HALF)
    assert bench.pm.event.read(0, 4) == 1


def test_the_line_rises_only_in_acpi_mode_with_the_flag_enabled(bench: Bench) -> None:
    bench.pm.event.write(2, 2, 1)
    bench.sleep(HALF)
    assert not bench.line
    bench.pm.command.write(0, 1, 0xF1)
    assert bench.pm.control.read(0, 2) & 1
    assert bench.line
    bench.pm.event.write(0, 4, 1 | 1 << 16)  # clears the flag, keeps the enable
    assert not bench.line
    bench.sleep(HALF)
    assert bench.line
    bench.pm.command.write(0, 1, 0xF0)
    assert not bench.line
    assert not bench.pm.control.read(0, 2) & 1


def test_sleep_type_0_powers_off_and_others_do_not(bench: Bench) -> None:
    bench.pm.control.write(0, 2, 0x2000 | 1 << 10)
    bench.pm.control.write(0, 2, 0x0001)
    assert bench.off == []
    bench.pm.control.write(1, 1, 0x20)
    assert bench.off == ["ACPI power-off (sleep type 0)"]
    assert bench.pm.control.read(0, 2) == 0x0001  # the bit that did it reads as 0


def test_command_and_data_bytes_are_kept(bench: Bench) -> None:
    bench.pm.command.write(0, 2, 0x1234)
    assert bench.pm.command.read(0, 2) == 0x1234
    bench.pm.command.write(1, 1, 0x56)
    assert bench.pm.command.read(0, 1) == 0x34
    assert bench.pm.command.read(1, 1) == 0x56


def test_saved_loaded_and_reset(bench: Bench) -> None:
    bench.sleep(HALF)
    bench.pm.command.write(0, 2, 0x99F1)
    bench.pm.event.write(2, 2, 1)
    other = Bench()
    other.clock = bench.clock
    other.pm.load(bench.pm.save())
    assert other.line
    assert other.pm.save() == bench.pm.save()
    other.pm.reset()
    assert not other.line
    assert other.pm.event.read(0, 4) == 0
    assert other.pm.control.read(0, 2) == 0
    assert other.pm.command.read(0, 2) == 0
    bench.pm.close()
    assert not bench.line


@pytest.mark.parametrize("change", [{"control": 0x2000}, {"enable": 0x8000}, {"served": -1}, {"command": "x"}])
def test_a_state_that_cannot_be_is_refused(bench: Bench, change: dict[str, object]) -> None:
    with pytest.raises(SnapshotError):
        bench.pm.load(State("vmm.acpi_pm", 2, {**bench.pm.save().fields, **change}))
