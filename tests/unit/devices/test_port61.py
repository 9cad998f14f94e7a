"""Port 0x61 and the gated counter of the interval timer behind it."""

from __future__ import annotations

import pytest
from pit_bench import Bench

from vmm.errors import SnapshotError
from vmm.state import State


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_port_61_keeps_its_low_bits_and_ignores_the_others(bench: Bench) -> None:
    bench.port61.write(0, 1, 0xFF)
    assert bench.port61.read(0, 1) & 0xCF == 0x0F
    bench.port61.write(0, 1, 0xF0)
    assert bench.port61.read(0, 1) & 0xCF == 0


def test_the_refresh_bit_changes_every_15_microseconds(bench: Bench) -> None:
    seen = []
    for pulse in range(0, 18 * 6, 9):
        bench.pulse(pulse)
        seen.append(bench.port61.read(0, 1) >> 4 & 1)
    assert seen == [0, 0, 1, 1] * 3


def test_a_gated_mode_0_count_shows_its_end_at_bit_5(bench: Bench) -> None:
    bench.program(2, 0, 1000)
    bench.pulse(5000)
    assert not bench.port61.read(0, 1) & 0x20
    bench.port61.write(0, 1, 0x01)
    bench.pulse(5999)
    assert not bench.port61.read(0, 1) & 0x20
    bench.pulse(6000)
    assert bench.port61.read(0, 1) & 0x20


def test_the_gate_stops_a_mode_0_count_for_as_long_as_it_is_low(bench: Bench) -> None:
    bench.port61.write(0, 1, 1)
    bench.program(2, 0, 1000)
    bench.pulse(301)
    bench.port61.write(0, 1, 0)
    bench.pulse(900)
    assert bench.count(2) == 700
    bench.port61.write(0, 1, 1)
    bench.pulse(1000)
    assert bench.count(2) == 600


def test_a_rise_of_the_gate_starts_a_one_shot_and_starts_it_again(bench: Bench) -> None:
    bench.program(2, 1, 100)
    assert bench.status(2) & 0xC0 == 0xC0
    bench.port61.write(0, 1, 1)
    bench.pulse(1)
    assert bench.status(2) & 0xC0 == 0
    bench.pulse(60)
    bench.port61.write(0, 1, 0)  # the level does not matter
    bench.port61.write(0, 1, 1)
    bench.pulse(160)
    assert not bench.pit.output2
    bench.pulse(161)
    assert bench.pit.output2


def test_a_rise_of_the_gate_starts_a_strobe_of_mode_5(bench: Bench) -> None:
    bench.program(2, 5, 100)
    bench.pulse(500)
    bench.port61.write(0, 1, 1)
    lows = []
    for pulse in range(500, 700):
        bench.pulse(pulse)
        if not bench.pit.output2:
            lows.append(pulse)
    assert lows == [601]


@pytest.mark.parametrize("mode", [2, 3])
def test_a_low_gate_holds_a_periodic_output_high_and_a_rise_starts_the_period_anew(bench: Bench, mode: int) -> None:
    bench.port61.write(0, 1, 1)
    bench.program(2, mode, 10)
    bench.pulse(10)  # mode 2's low pulse, mode 3's low half
    assert not bench.pit.output2
    bench.port61.write(0, 1, 0)
    assert bench.pit.output2
    bench.pulse(100)
    assert bench.pit.output2
    bench.port61.write(0, 1, 1)
    bench.pulse(101)
    assert bench.count(2) == 10


def test_the_gate_of_counter_2_does_not_stop_the_others(bench: Bench) -> None:
    bench.program(1, 2, 100)
    bench.pulse(51)
    assert bench.count(1) == 50


def test_wide_reads_of_port_61_have_ones_above(bench: Bench) -> None:
    assert bench.port61.read(0, 4) == 0xFFFFFF20
    assert bench.port61.read(1, 1) == 0xFF


@pytest.mark.parametrize("kept", [1, 0x10, -2, None, True])
def test_port_61_refuses_a_state_that_is_none(bench: Bench, kept: object) -> None:
    with pytest.raises(SnapshotError):
        bench.port61.load(State("vmm.port61", 1, {"kept": kept}))
