"""What the interval timer's interrupt line does, and when its alarm rings."""

from __future__ import annotations

import pytest
from pit_bench import BOTH, LSB, SECOND, Bench, at

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.pic import PicPair
from vmm.devices.pit import MINIMAL_PERIOD, Pit


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_programming_a_fresh_timer_makes_no_interrupt_and_every_period_makes_one(bench: Bench) -> None:
    bench.program(0, 2, 11932)
    assert not bench.edges
    bench.flow(1_000_000_000)
    assert bench.rises() == [at(1 + 11932 * n) for n in range(1, 100)]
    assert bench.rings == 99


def test_ticks_do_not_drift_over_many_periods(bench: Bench) -> None:
    bench.program(0, 3, 0)
    bench.flow(60 * SECOND)
    assert bench.rises() == [at(1 + 65536 * n) for n in range(1, 1093)]


def test_mode_3_shows_both_halves_on_the_line(bench: Bench) -> None:
    bench.program(0, 3, 10001)
    bench.flow(at(30000))
    assert bench.edges[:4] == [(at(10002), True), (at(15003), False), (at(20003), True), (at(25004), False)]


def test_a_short_low_is_shown_at_its_end_as_a_fall_and_a_rise(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.flow(at(2001))
    assert bench.edges == [(at(1001), True), (at(2001), False), (at(2001), True)]


def test_mode_0_interrupts_once_and_then_leaves_no_alarm(bench: Bench) -> None:
    bench.program(0, 0, 1000)
    assert not bench.line.asserted
    bench.flow(SECOND)
    assert bench.edges == [(at(1001), True)]
    assert bench.timers.next_deadline() is None
    bench.program(0, 0, 2000)
    assert not bench.line.asserted
    bench.flow(2 * SECOND)
    assert len(bench.rises()) == 2


def test_the_first_byte_of_a_mode_0_count_stops_counting(bench: Bench) -> None:
    bench.program(0, 0, 1000)
    bench.pulse(500)
    bench.pit.write(0, 1, 0xE8)
    assert bench.timers.next_deadline() is None
    bench.pulse(2000)
    assert not bench.line.asserted
    bench.pit.write(0, 1, 0x03)
    bench.flow(at(3000))
    assert not bench.line.asserted
    bench.flow(at(3001))
    assert bench.line.asserted


def test_mode_4_strobes_once(bench: Bench) -> None:
    bench.program(0, 4, 1000)
    bench.flow(SECOND)
    assert bench.rises() == [at(1002)]
    assert bench.timers.next_deadline() is None


@pytest.mark.parametrize("mode", [1, 5])
def test_modes_that_need_a_trigger_never_interrupt_on_counter_0(bench: Bench, mode: int) -> None:
    bench.program(0, mode, 1000)
    assert bench.timers.next_deadline() is None
    bench.flow(SECOND)
    assert not bench.edges


def test_a_new_count_in_mode_2_takes_effect_at_the_end_of_the_period(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.pulse(500)
    bench.pit.write(0, 2, 2000)  # one byte to counter 0, one to counter 1
    bench.pit.write(0, 1, 2000 >> 8)
    bench.flow(at(7000))
    assert bench.rises() == [at(pulse) for pulse in (1001, 3001, 5001)]


def test_a_new_count_in_mode_3_takes_effect_at_the_end_of_the_half(bench: Bench) -> None:
    bench.program(0, 3, 2000)
    bench.pulse(500)
    bench.pit.write(0, 1, 4000 & 0xFF)
    bench.pit.write(0, 1, 4000 >> 8)
    bench.flow(at(9000))
    assert bench.rises() == [at(3001), at(7001)]


def test_a_mode_0_control_word_lowers_the_line_and_mode_2_after_it_raises_it_as_the_pin_does(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.flow(at(1500))
    bench.pit.write(3, 1, BOTH)
    assert not bench.line.asserted
    bench.pit.write(3, 1, BOTH | 4)
    assert bench.line.asserted


def test_a_control_word_stops_the_interrupts_until_a_count_comes(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.flow(at(1500))
    bench.pit.write(3, 1, BOTH | 4)
    bench.flow(SECOND)
    assert len(bench.rises()) == 1
    assert bench.timers.next_deadline() is None


def test_a_late_host_gets_one_interrupt_for_all_that_it_missed_and_keeps_the_phase(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.clock = at(1_000_501)
    bench.timers.run_due()
    assert len(bench.rises()) == 1
    bench.flow(at(1_003_500))
    assert bench.rises()[1:] == [at(pulse) for pulse in (1_001_001, 1_002_001, 1_003_001)]


def test_a_mode_3_rise_found_in_the_next_low_half_stays_on_the_line_until_the_next_rise(bench: Bench) -> None:
    bench.program(0, 3, 10000)
    bench.pulse(16000)
    assert bench.edges == [(at(16000), True)]
    bench.flow(at(20001))
    assert bench.edges[1:] == [(at(20001), False), (at(20001), True)]


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 100])
def test_a_tiny_count_cannot_ring_more_often_than_the_minimal_period(bench: Bench, mode: int, count: int) -> None:
    bench.program(0, mode, count)
    bench.flow(SECOND // 10)
    assert bench.rings <= SECOND // 10 // MINIMAL_PERIOD + 1
    assert len(bench.edges) <= 2 * bench.rings
    assert len(bench.rises()) == (0 if count == 1 else bench.rings)


def test_counts_stay_exact_while_interrupts_coalesce(bench: Bench) -> None:
    bench.program(0, 2, 7)
    for pulse in range(1, 3000):
        bench.pulse(pulse)
        assert bench.count(0) == 7 - (pulse - 1) % 7


def test_programming_again_and_again_is_not_held_up_by_the_minimal_period(bench: Bench) -> None:
    for start in range(0, 1000, 50):
        bench.flow(at(start))
        bench.program(0, 0, 30)
        bench.flow(at(start + 31))
        assert bench.line.asserted


def test_an_edge_that_is_due_reaches_the_line_before_a_read_shows_it(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.clock = at(1001)
    assert bench.count(0) == 1000
    assert bench.line.asserted


def test_guest_time_that_stands_still_stops_counts_and_alarms(bench: Bench) -> None:
    bench.program(0, 2, 5000)
    bench.pulse(100)
    bench.timers.pause()
    before = bench.count(0)
    bench.flow(SECOND)
    assert bench.count(0) == before
    assert not bench.edges
    bench.timers.resume()
    bench.flow(SECOND + at(4901))
    assert len(bench.rises()) == 1


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize("count", [150, 239, 240, 300, 5000])
def test_an_edge_triggered_controller_sees_every_period(mode: int, count: int) -> None:
    clock = 0
    timers = Timers(lambda: clock)
    pic = PicPair(lambda level: None)
    for value in (0x20, 0x04, 0x03, 0xFE):  # ICW2-4 with automatic EOI, all but input 0 masked
        if value == 0x20:
            pic.master.write(0, 1, 0x11)
        pic.master.write(1, 1, value)
    pit = Pit(timers, IrqWire(0, pic.set_input).line())
    pit.write(3, 1, BOTH | mode << 1)
    pit.write(0, 1, count & 0xFF)
    pit.write(0, 1, count >> 8)
    served = 0
    while (deadline := timers.next_deadline()) is not None and deadline <= at(1 + 50 * count):
        clock = deadline
        timers.run_due()
        if pic.output:
            assert pic.acknowledge() == 0x20
            served += 1
    assert served == 50


def test_an_edge_that_is_due_is_not_lost_when_the_counter_is_programmed_anew(bench: Bench) -> None:
    bench.program(0, 0, 100)
    bench.clock = at(101)
    bench.program(0, 0, 100)
    assert bench.rises() == [at(101)]
    assert not bench.line.asserted


def test_a_strobe_that_a_new_count_ends_is_a_strobe(bench: Bench) -> None:
    bench.program(0, 4, 200, LSB)
    bench.flow(at(201))
    bench.pit.write(0, 1, 250)
    bench.flow(at(1000))
    assert bench.rises() == [at(202), at(453)]


@pytest.mark.parametrize(("count", "shown"), [(239, False), (240, True)])
def test_a_half_of_mode_3_is_shown_on_the_line_from_100_microseconds(bench: Bench, count: int, shown: bool) -> None:
    bench.program(0, 3, count)
    bench.flow(at(2 * count))
    assert bench.line.asserted is not shown
    assert not bench.status(0) & 0x80
