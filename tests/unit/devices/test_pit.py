"""The interval timer as a guest programs and reads it: counts, latches, status, after the 8254 datasheet."""

from __future__ import annotations

import pytest
from pit_bench import BOTH, LSB, MSB, SECOND, Bench, at

from vmm.devices.pit import FREQUENCY


@pytest.fixture
def bench() -> Bench:
    return Bench()


# Counts


def test_a_count_is_loaded_one_pulse_after_it_was_written_and_then_falls_by_one_a_pulse(bench: Bench) -> None:
    bench.program(0, 2, 1000)
    bench.pulse(1)
    assert bench.count(0) == 1000
    bench.pulse(11)
    assert bench.count(0) == 990
    bench.pulse(1000)
    assert bench.count(0) == 1
    bench.pulse(1001)
    assert bench.count(0) == 1000


def test_a_nanosecond_before_a_pulse_the_count_has_not_fallen_yet(bench: Bench) -> None:
    bench.program(0, 2, 0)
    bench.clock = at(5001) - 1
    assert bench.count(0) == 0x10000 - 4999
    bench.clock += 1
    assert bench.count(0) == 0x10000 - 5000


def test_counts_do_not_drift_over_a_year(bench: Bench) -> None:
    bench.program(2, 2, 0)
    bench.port61.write(0, 1, 1)
    year = 365 * 86400
    bench.clock = year * SECOND
    assert bench.count(2) == (0x10000 - (year * FREQUENCY - 1) % 0x10000) & 0xFFFF


def test_mode_3_counts_by_two_and_an_odd_count_stays_high_one_pulse_longer(bench: Bench) -> None:
    bench.port61.write(0, 1, 1)
    bench.program(2, 3, 5)
    seen = []
    for pulse in range(1, 11):
        bench.pulse(pulse)
        seen.append((bench.count(2), bench.pit.output2))
    assert seen == [(4, True), (2, True), (0, True), (4, False), (2, False)] * 2


def test_bcd_counts_read_as_decimal_digits_and_wrap_at_10000(bench: Bench) -> None:
    bench.program(0, 4, 0x1000, bcd=1)
    bench.pulse(2)
    assert bench.count(0) == 0x0999
    bench.pulse(1002)
    assert bench.count(0) == 0x9999
    bench.program(0, 2, 0, bcd=1)
    bench.pulse(1003)
    assert bench.count(0) == 0
    bench.pulse(1004)
    assert bench.count(0) == 0x9999


@pytest.mark.parametrize(("access", "written", "loaded"), [(LSB, 0x1234, 0x34), (MSB, 0x1234, 0x1200)])
def test_a_one_byte_count_leaves_the_other_byte_zero(bench: Bench, access: int, written: int, loaded: int) -> None:
    bench.program(0, 0, written, access)
    bench.pulse(1)
    byte = bench.pit.read(0, 1)
    assert byte == (loaded if access == LSB else loaded >> 8)
    assert bench.pit.read(0, 1) == byte
    bench.pulse(1 + loaded)
    assert bench.status(0) & 0x80


def test_unlatched_bytes_come_from_the_running_count(bench: Bench) -> None:
    bench.program(0, 2, 0x0200)
    bench.pulse(1)
    assert bench.pit.read(0, 1) == 0x00
    bench.pulse(2)
    assert bench.pit.read(0, 1) == 0x01


def test_reads_and_writes_of_one_counter_may_be_interleaved(bench: Bench) -> None:
    bench.program(0, 4, 0x1234)
    bench.pulse(1)
    assert bench.pit.read(0, 1) == 0x34
    bench.pit.write(0, 1, 0x78)
    assert bench.pit.read(0, 1) == 0x12
    bench.pit.write(0, 1, 0x56)
    bench.pulse(2)
    assert bench.count(0) == 0x5678


def test_the_control_word_cannot_be_read(bench: Bench) -> None:
    assert bench.pit.read(3, 1) == 0xFF


def test_a_wide_access_touches_neighbouring_registers_byte_by_byte(bench: Bench) -> None:
    bench.program(0, 2, 0x55, LSB)
    bench.program(1, 2, 0x77, LSB)
    bench.pulse(1)
    assert bench.pit.read(0, 2) == 0x7755
    assert bench.pit.read(2, 2) & 0xFF00 == 0xFF00
    bench.pit.write(0, 2, 0x1122)
    bench.pulse(200)
    assert bench.pit.read(1, 1) <= 0x11


# Latches and read-back


def test_a_latched_count_stands_until_it_is_read(bench: Bench) -> None:
    bench.program(0, 2, 0x4000)
    bench.pulse(1)
    bench.pit.write(3, 1, 0x00)
    bench.pulse(100)
    bench.pit.write(3, 1, 0x00)  # a second latch command is ignored
    assert bench.pit.read(0, 1) | bench.pit.read(0, 1) << 8 == 0x4000
    assert bench.pit.read(0, 1) == 0x4000 - 99 & 0xFF


def test_a_control_word_drops_what_was_latched_and_a_byte_half_read(bench: Bench) -> None:
    bench.program(0, 2, 0x4321)
    bench.pulse(1)
    bench.pit.write(3, 1, 0xC2)  # read-back of count and status
    bench.pit.read(0, 1)
    bench.pit.read(0, 1)
    bench.program(0, 2, 0x1234)
    bench.pulse(2)
    assert bench.pit.read(0, 1) == 0x34


def test_read_back_gives_status_first_then_the_count(bench: Bench) -> None:
    bench.program(0, 2, 0x2000)
    bench.pulse(1)
    bench.pit.write(3, 1, 0xC2)
    bench.pulse(50)
    assert [bench.pit.read(0, 1) for _ in range(3)] == [0x80 | BOTH | 2 << 1, 0x00, 0x20]


def test_read_back_latches_several_counters_at_one_moment(bench: Bench) -> None:
    for counter in range(3):
        bench.program(counter, 4, 0x100 << counter)
    bench.port61.write(0, 1, 1)
    bench.pulse(1)
    bench.pit.write(3, 1, 0xDE)  # counts only
    bench.pulse(2)
    assert [bench.pit.read(n, 1) | bench.pit.read(n, 1) << 8 for n in range(3)] == [0x100, 0x200, 0x400]


def test_read_back_leaves_out_counters_that_are_not_named(bench: Bench) -> None:
    bench.program(0, 2, 0x1111)
    bench.pulse(1)
    bench.pit.write(3, 1, 0xC4)  # counter 1
    bench.pulse(3)
    assert bench.pit.read(0, 1) == 0x0F


def test_a_second_status_latch_is_ignored_until_the_first_was_read(bench: Bench) -> None:
    bench.program(0, 0, 5)
    bench.pit.write(3, 1, 0xE2)
    bench.pulse(100)
    bench.pit.write(3, 1, 0xE2)
    assert bench.pit.read(0, 1) == 0x40 | BOTH
    assert bench.status(0) == 0x80 | BOTH


@pytest.mark.parametrize("control", range(0x10, 0x40))
def test_status_repeats_the_control_word_as_it_was_written(bench: Bench, control: int) -> None:
    bench.pit.write(3, 1, control)
    assert bench.status(0) & 0x3F == control
    assert bench.status(0) & 0x40


@pytest.mark.parametrize(("written", "means"), [(6, 2), (7, 3)])
def test_modes_6_and_7_are_2_and_3(bench: Bench, written: int, means: int) -> None:
    bench.program(0, written, 100)
    bench.program(1, means, 100)
    for pulse in (1, 40, 60, 99, 100, 101, 150):
        bench.pulse(pulse)
        assert bench.count(0) == bench.count(1)


def test_the_null_flag_says_that_a_new_count_waits_for_the_end_of_the_period(bench: Bench) -> None:
    bench.program(0, 2, 100)
    assert bench.status(0) & 0x40
    bench.pulse(1)
    assert not bench.status(0) & 0x40
    bench.pulse(30)
    bench.pit.write(0, 1, 50)
    assert not bench.status(0) & 0x40
    bench.pit.write(0, 1, 0)
    assert bench.status(0) & 0x40
    bench.pulse(100)
    assert bench.count(0) == 1
    assert bench.status(0) & 0x40
    bench.pulse(101)
    assert bench.count(0) == 50
    assert not bench.status(0) & 0x40
