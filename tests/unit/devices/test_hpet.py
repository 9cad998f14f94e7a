"""The HPET's counter."""

from __future__ import annotations

import pytest

from vmm.devices.hpet import COMPARATOR, CONFIGURATION, COUNTER, TIMER, Hpet
from vmm.errors import SnapshotError
from vmm.state import State


class Clock:
    """Guest time that the test moves."""

    now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hpet(clock) -> Hpet:
    return Hpet(clock)


def test_it_counts_every_ten_nanoseconds_while_it_is_enabled(hpet, clock):
    assert hpet.read(COUNTER, 8) == 0
    clock.now += 500
    assert hpet.read(COUNTER, 8) == 0
    hpet.write(CONFIGURATION, 8, 1)
    clock.now += 1005
    assert hpet.read(COUNTER, 8) == 100
    hpet.write(CONFIGURATION, 4, 0)
    clock.now += 5000
    assert hpet.read(COUNTER, 4) == 100
    hpet.write(CONFIGURATION, 1, 1)
    clock.now += 100
    assert hpet.read(COUNTER, 8) == 110


def test_it_says_its_period_and_that_no_interrupt_leads_anywhere(hpet):
    assert hpet.read(4, 4) == 10_000_000
    assert hpet.read(0, 4) == 0x80862001
    assert hpet.read(TIMER + 4, 4) == 0
    assert hpet.read(0x3F8, 8) == 0


def test_the_counter_is_set_while_it_stands_and_in_halves(hpet, clock):
    hpet.write(COUNTER + 4, 4, 0x12)
    hpet.write(COUNTER, 4, 0xFFFF_FFFF)
    hpet.write(CONFIGURATION, 8, 1)
    clock.now += 10
    hpet.write(COUNTER, 8, 5)
    assert hpet.read(COUNTER, 8) == 0x13_0000_0000
    hpet.write(COMPARATOR, 8, 77)
    assert hpet.read(COMPARATOR, 8) == 77


def test_it_wraps_at_64_bits(hpet, clock):
    hpet.write(COUNTER, 8, (1 << 64) - 1)
    hpet.write(CONFIGURATION, 8, 1)
    clock.now += 20
    assert hpet.read(COUNTER, 8) == 1


def test_it_goes_on_where_it_was_saved(hpet, clock):
    hpet.write(CONFIGURATION, 8, 1)
    clock.now += 1000
    state = hpet.save()
    clock.now += 7_000_000
    other = Hpet(clock)
    other.load(state)
    clock.now += 50
    assert other.read(COUNTER, 8) == 105
    other.reset()
    assert (other.read(COUNTER, 8), other.read(CONFIGURATION, 8)) == (0, 0)
    for change in ({"counter": -1}, {"comparator": 1 << 64}, {"enabled": 1}, {"counter": "x"}):
        with pytest.raises(SnapshotError):
            other.load(State("vmm.hpet", 1, {**state.fields, **change}))
