"""The power button of the power management block: its flag, its enable, the line, and what a snapshot keeps of it."""

from __future__ import annotations

import pytest

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.acpi_pm import ACPI_DISABLE, ACPI_ENABLE, PWRBTN_EN, PWRBTN_STS, TMR_EN, AcpiPm
from vmm.errors import SnapshotError
from vmm.state import State


class Bench:
    def __init__(self) -> None:
        self.clock = 0
        self.line = False
        self.timers = Timers(lambda: self.clock)
        self.pm = AcpiPm(self.timers, IrqWire(9, self._set).line(), lambda words: None, lambda: None)

    def _set(self, gsi: int, level: bool) -> None:
        self.line = level

    def listen(self, enable: int = PWRBTN_EN) -> None:
        self.pm.command.write(0, 1, ACPI_ENABLE)
        self.pm.event.write(2, 2, enable)

    def status(self) -> int:
        return self.pm.event.read(0, 2)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_press_raises_flag_and_line_until_the_flag_is_cleared_by_a_one(bench: Bench) -> None:
    bench.listen()
    assert not bench.line
    bench.pm.press_power_button()
    assert bench.line
    assert bench.status() == PWRBTN_STS
    bench.pm.event.write(0, 2, 0x0001)  # another flag's one, a zero for this
    assert bench.line
    bench.pm.event.write(1, 1, 0x01)
    assert not bench.line
    assert bench.status() == 0
    bench.pm.press_power_button()
    assert bench.line


def test_the_line_waits_for_a_guest_that_listens(bench: Bench) -> None:
    bench.pm.press_power_button()
    assert bench.status() == PWRBTN_STS
    assert not bench.line
    bench.pm.command.write(0, 1, ACPI_ENABLE)
    assert not bench.line
    bench.pm.event.write(3, 1, PWRBTN_EN >> 8)
    assert bench.line
    bench.pm.command.write(0, 1, ACPI_DISABLE)
    assert not bench.line


def test_the_timers_event_comes_all_the_same(bench: Bench) -> None:
    bench.listen(PWRBTN_EN | TMR_EN)
    bench.pm.press_power_button()
    bench.clock += 3_000_000_000
    bench.timers.run_due()
    assert bench.status() == PWRBTN_STS | 1
    bench.pm.event.write(0, 2, PWRBTN_STS)
    assert bench.line
    bench.pm.event.write(0, 2, 1)
    assert not bench.line
    bench.clock += 3_000_000_000
    bench.timers.run_due()
    assert bench.line


def test_a_press_that_nobody_saw_is_saved_and_a_reset_forgets_it(bench: Bench) -> None:
    bench.listen()
    bench.pm.press_power_button()
    other = Bench()
    other.pm.load(bench.pm.save())
    assert other.line
    assert other.status() == PWRBTN_STS
    other.pm.reset()
    assert not other.line
    assert other.status() == 0


@pytest.mark.parametrize("button", [1, -1, True, None, PWRBTN_STS | 1])
def test_a_button_that_cannot_be_is_refused(bench: Bench, button: object) -> None:
    with pytest.raises(SnapshotError):
        bench.pm.load(State("vmm.acpi_pm", 2, {**bench.pm.save().fields, "button": button}))
