"""The real-time clock as a guest's driver reads and programs it, after the MC146818A datasheet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.rtc import Rtc
from vmm.errors import SnapshotError
from vmm.state import State

SECOND = 1_000_000_000
TIME = (0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32)
A, B, C, D = 0x0A, 0x0B, 0x0C, 0x0D
SET, PIE, AIE, UIE, DM, H24 = 0x80, 0x40, 0x20, 0x10, 0x04, 0x02
IRQF, PF, AF, UF = 0x80, 0x40, 0x20, 0x10
UIP = 0x80
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENING = datetime(2024, 2, 28, 23, 59, 50, tzinfo=UTC)  # a Wednesday, the day before a leap day


class Bench:
    """A clock chip on a real wire, in a guest time that the test moves."""

    def __init__(self, start: datetime = EVENING, fraction: int = 0, cmos: dict[int, int] | None = None) -> None:
        self.clock = 0
        self.edges: list[bool] = []
        self.timers = Timers(lambda: self.clock)
        wire = IrqWire(8, lambda gsi, level: self.edges.append(level))
        since = start - EPOCH
        self.rtc = Rtc(self.timers, wire.line(), (since.days * 86400 + since.seconds) * SECOND + fraction, cmos)

    def read(self, index: int) -> int:
        self.rtc.write(0, 1, index)
        return self.rtc.read(1, 1)

    def write(self, index: int, value: int) -> None:
        self.rtc.write(0, 1, index)
        self.rtc.write(1, 1, value)

    def time(self) -> list[int]:
        return [self.read(index) for index in TIME]

    def advance(self, nanoseconds: int) -> None:
        """Time jumps, then alarms ring, once: a host that was away."""
        self.clock += nanoseconds
        self.timers.run_due()

    def flow(self, nanoseconds: int) -> int:
        """Time passes from deadline to deadline, each interrupt acknowledged as it comes; how many there were."""
        end = self.clock + nanoseconds
        interrupts = 0
        while (deadline := self.timers.next_deadline()) is not None and deadline <= end:
            self.clock = max(self.clock, deadline)
            self.timers.run_due()
            if self.line:
                interrupts += 1
                self.read(C)
        self.clock = end
        return interrupts

    @property
    def line(self) -> bool:
        return bool(self.edges) and self.edges[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def bcd(number: int) -> int:
    return int(str(number), 16)


def shown(moment: datetime) -> list[int]:
    """The time bytes in BCD and 24-hour mode."""
    numbers = (moment.second, moment.minute, moment.hour, moment.isoweekday() % 7 + 1, moment.day, moment.month)
    return [bcd(number) for number in (*numbers, moment.year % 100, moment.year // 100)]


# Time


def test_the_clock_shows_the_wall_time_it_was_given(bench: Bench) -> None:
    assert bench.time() == [0x50, 0x59, 0x23, 4, 0x28, 0x02, 0x24, 0x20]


def test_the_clock_goes_on_with_guest_time_into_a_leap_day(bench: Bench) -> None:
    bench.advance(10 * SECOND)
    assert bench.time() == [0x00, 0x00, 0x00, 5, 0x29, 0x02, 0x24, 0x20]


def test_a_fraction_of_the_wall_second_counts() -> None:
    bench = Bench(fraction=900_000_000)
    bench.advance(99_999_999)
    assert bench.read(0) == 0x50
    bench.advance(1)
    assert bench.read(0) == 0x51


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1)), st.integers(0, 900 * 365 * 86400))
@settings(max_examples=100)
def test_any_time_of_the_calendar_is_shown_right(start: datetime, seconds: int) -> None:
    start = start.replace(microsecond=0, tzinfo=UTC)
    bench = Bench(start)
    bench.clock = seconds * SECOND
    assert bench.time() == shown(start + timedelta(seconds=seconds))


@given(st.lists(st.integers(0, 40 * 86400 * SECOND), max_size=8))
@settings(max_examples=50)
def test_looking_often_changes_nothing(steps: list[int]) -> None:
    watched, alone = Bench(), Bench()
    for step in steps:
        watched.clock += step
        watched.time()
    alone.clock = watched.clock
    assert watched.time() == alone.time()


def test_the_guest_sets_the_time_while_updates_are_stopped(bench: Bench) -> None:
    bench.write(B, SET | H24)
    for index, value in zip(TIME, (0x58, 0x59, 0x23, 7, 0x31, 0x12, 0x99, 0x19), strict=True):
        bench.write(index, value)
    bench.advance(100 * SECOND)
    assert bench.time() == [0x58, 0x59, 0x23, 7, 0x31, 0x12, 0x99, 0x19]
    bench.write(B, H24)
    bench.advance(2 * SECOND)
    assert bench.time() == [0x00, 0x00, 0x00, 1, 0x01, 0x01, 0x00, 0x20]


def test_a_time_byte_written_while_the_clock_runs_shifts_it(bench: Bench) -> None:
    bench.write(4, 0x11)
    bench.advance(10 * SECOND)
    assert bench.time()[:5] == [0x00, 0x00, 0x12, 4, 0x28]


def test_binary_and_twelve_hour_mode(bench: Bench) -> None:
    bench.write(B, SET | DM)
    for index, value in zip(TIME, (59, 59, 0x80 | 11, 1, 31, 12, 99, 20), strict=True):
        bench.write(index, value)
    bench.write(B, DM)
    bench.advance(SECOND)
    assert bench.time() == [0, 0, 12, 2, 1, 1, 0, 21]  # 12 without bit 7 is midnight
    bench.advance(12 * 3600 * SECOND)
    assert bench.read(4) == 0x80 | 12


def test_nonsense_in_the_time_bytes_is_kept_until_the_next_update_and_then_carried(bench: Bench) -> None:
    bench.write(B, SET | H24)
    for index, value in zip(TIME, (0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), strict=True):
        bench.write(index, value)
    assert bench.time() == [0x7F, *[0xFF] * 7]
    bench.write(B, H24)
    bench.advance(SECOND)
    second, minute, hour, day_of_week, day, month, year, century = (int(f"{byte:x}") for byte in bench.time())
    assert (second < 60, minute < 60, hour < 24, 1 <= day_of_week <= 7) == (True,) * 4
    assert (1 <= day <= 31, 1 <= month <= 12, year < 100, century < 100) == (True,) * 4


def test_the_divider_in_reset_stops_the_clock_and_half_a_second_later_it_ticks(bench: Bench) -> None:
    bench.advance(SECOND * 3 // 10)
    bench.write(A, 0x70)
    bench.advance(60 * SECOND)
    assert bench.read(0) == 0x50
    bench.write(A, 0x26)
    bench.advance(SECOND // 2 - 1)
    assert bench.read(0) == 0x50
    bench.advance(1)
    assert bench.read(0) == 0x51


def test_update_in_progress_is_seen_before_the_second_changes(bench: Bench) -> None:
    assert bench.read(A) == 0x26
    bench.advance(SECOND - 2_228_000 - 1)
    assert not bench.read(A) & UIP
    bench.advance(1)
    assert bench.read(A) & UIP
    bench.write(B, SET | H24)
    assert not bench.read(A) & UIP
    bench.write(B, H24)
    bench.advance(2_228_000)
    assert not bench.read(A) & UIP


# Interrupts


@pytest.mark.parametrize(
    ("rate", "hertz"), [(1, 256), (2, 128), (3, 8192), (4, 4096), (6, 1024), (10, 64), (14, 4), (15, 2)]
)
def test_the_periodic_interrupt_comes_at_the_rate_of_the_datasheet_and_does_not_drift(rate: int, hertz: int) -> None:
    bench = Bench()
    bench.write(A, 0x20 | rate)
    bench.write(B, H24 | PIE)
    assert bench.flow(2 * SECOND) == 2 * hertz


def test_a_late_guest_gets_one_interrupt_for_all_it_missed_and_then_goes_on_in_step(bench: Bench) -> None:
    bench.write(A, 0x2F)
    bench.write(B, H24 | PIE)
    bench.advance(9 * SECOND + SECOND // 4)
    assert bench.edges == [True]
    assert bench.timers.next_deadline() is None
    assert bench.read(C) == IRQF | PF | UF
    assert bench.edges == [True, False]
    assert bench.timers.next_deadline() == 9 * SECOND + SECOND // 2


def test_the_update_interrupt_comes_as_the_second_changes(bench: Bench) -> None:
    bench.write(B, H24 | UIE)
    bench.advance(SECOND - 1)
    assert not bench.line
    bench.advance(1)
    assert bench.line
    assert bench.read(0) == 0x51
    assert bench.read(C) & (IRQF | UF) == IRQF | UF
    assert not bench.line
    assert bench.flow(5 * SECOND) == 5


def test_stopping_updates_clears_the_update_interrupt_enable(bench: Bench) -> None:
    bench.write(B, H24 | UIE)
    bench.write(B, H24 | UIE | SET)
    assert bench.read(B) == H24 | SET
    bench.advance(3 * SECOND)
    assert not bench.read(C) & UF


def test_the_alarm_rings_at_its_time_and_a_day_later_again(bench: Bench) -> None:
    for index, value in ((5, 0x07), (3, 0x30), (1, 0x15)):
        bench.write(index, value)
    bench.write(B, H24 | AIE)
    until = (7 * 3600 + 30 * 60 + 15 + 10) * SECOND
    assert bench.timers.next_deadline() == until
    assert bench.flow(until - 1) == 0
    assert bench.flow(1) == 1
    assert bench.flow(3 * 86400 * SECOND) == 3


@pytest.mark.parametrize(
    ("hour", "minute", "second", "count"),
    [
        (0xFF, 0xFF, 0xFF, 7200),
        (0xC0, 0xFF, 0x30, 120),
        (0xFF, 0x15, 0x00, 2),
        (0x12, 0xFF, 0xFF, 3600),
        (0x12, 0x00, 0x00, 1),
        (0x24, 0x00, 0x00, 0),
        (0x12, 0x5A, 0x00, 0),
        (0x12, 0x00, 0x60, 0),
    ],
)
def test_dont_care_bytes_repeat_the_alarm(hour: int, minute: int, second: int, count: int) -> None:
    bench = Bench(EVENING.replace(hour=11, minute=30, second=0))
    for index, value in ((5, hour), (3, minute), (1, second)):
        bench.write(index, value)
    bench.write(B, H24 | AIE)
    assert bench.flow(7200 * SECOND) == count


@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from([0, DM, H24, DM | H24]), st.integers(0, 86399))
@settings(max_examples=60)
def test_the_alarm_is_the_first_update_whose_bytes_match(alarm: tuple[int, int, int], mode: int, start: int) -> None:
    """Checked against a walk through the bytes that the clock shows in the 100 seconds before."""
    bench = Bench(EVENING.replace(hour=0, minute=0, second=0) + timedelta(seconds=start))
    bench.write(B, SET | mode)
    hour, minute, second = (start // 3600, start // 60 % 60, start % 60)
    pm = 0 if mode & H24 or hour < 12 else 0x80
    hour = hour if mode & H24 else hour % 12 or 12
    for index, number in ((4, hour), (2, minute), (0, second)):
        bench.write(index, (number if mode & DM else bcd(number)) | (pm if index == 4 else 0))
    for index, value in zip((5, 3, 1), alarm, strict=True):
        bench.write(index, value)
    bench.write(B, mode | AIE)
    deadline = bench.timers.next_deadline()

    def matches(at: int) -> bool:
        bench.clock = at * SECOND
        clock = [bench.read(index) for index in (4, 2, 0)]
        return all(want >= 0xC0 or want == have for want, have in zip(alarm, clock, strict=True))

    if deadline is None:
        assert not any(matches(second) for second in range(1, 100))
    else:
        at = deadline // SECOND
        assert not any(matches(second) for second in range(max(1, at - 100), at))
        assert matches(at)


def test_flags_appear_although_no_interrupt_is_enabled_and_no_alarm_is_set(bench: Bench) -> None:
    for index in (5, 3, 1):
        bench.write(index, 0xFF)
    bench.read(C)
    bench.advance(SECOND)
    assert bench.timers.next_deadline() is None
    assert bench.read(C) == PF | AF | UF
    assert bench.read(C) == 0
    assert bench.edges == []


def test_enabling_an_interrupt_whose_flag_stands_raises_it_at_once(bench: Bench) -> None:
    bench.advance(SECOND)
    bench.write(B, H24 | UIE)
    assert bench.line
    bench.write(B, H24)
    assert not bench.line


# Registers and RAM


def test_the_index_cannot_be_read_back_and_its_top_bit_masks_nmi(bench: Bench) -> None:
    bench.rtc.write(0, 1, 0x80 | D)
    assert bench.rtc.nmi_masked
    assert bench.rtc.read(0, 1) == 0xFF
    assert bench.rtc.read(1, 1) == 0x80
    bench.rtc.write(0, 1, D)
    assert not bench.rtc.nmi_masked


def test_a_word_written_to_the_index_selects_a_byte_and_writes_it(bench: Bench) -> None:
    bench.rtc.write(0, 2, 0xA50F)
    assert bench.read(0x0F) == 0xA5
    assert bench.rtc.read(0, 2) == 0xA5FF


def test_registers_c_and_d_and_the_read_only_bits_ignore_writes(bench: Bench) -> None:
    bench.write(D, 0)
    bench.write(C, 0xFF)
    bench.write(A, 0xA6)
    bench.write(0, 0xA5)
    assert (bench.read(D), bench.read(C), bench.read(A), bench.read(0)) == (0x80, 0, 0x26, 0x25)


def test_ram_starts_as_given_and_keeps_what_is_written() -> None:
    bench = Bench(cmos={0x15: 0x80, 0x16: 0x02, 0x7F: 1})
    assert [bench.read(index) for index in (0x14, 0x15, 0x16, 0x7F)] == [0, 0x80, 0x02, 1]
    bench.write(0x15, 0x55)
    assert bench.read(0x15) == 0x55


@pytest.mark.parametrize("cmos", [{0x0D: 0}, {0x32: 0x20}, {128: 0}, {0x20: 256}, {0x20: -1}])
def test_initial_ram_that_is_no_ram_is_refused(cmos: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="CMOS byte"):
        Bench(cmos=cmos)


# Lifecycle


def test_reset_keeps_time_and_ram_and_silences_interrupts(bench: Bench) -> None:
    bench.write(0x0F, 0x0A)
    bench.write(B, H24 | PIE | UIE)
    bench.advance(SECOND)
    assert bench.line
    bench.rtc.reset()
    assert not bench.line
    assert bench.timers.next_deadline() is None
    assert (bench.read(0x0F), bench.read(B), bench.read(C), bench.read(0)) == (0x0A, H24, 0, 0x51)


def test_a_restored_clock_goes_on_where_the_saved_one_stood() -> None:
    saved = Bench()
    saved.write(A, 0x2F)
    saved.write(B, H24 | PIE)
    saved.advance(SECOND * 7 // 10)
    state = saved.rtc.save()
    restored = Bench(EVENING.replace(year=1999))
    restored.clock = saved.clock
    restored.rtc.load(state)
    assert restored.rtc.save() == state
    assert restored.line
    assert restored.time() == saved.time()
    assert restored.read(C) == IRQF | PF
    assert restored.timers.next_deadline() == SECOND


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bytes", b"\0" * 127),
        ("bytes", b"\0" * 128),
        ("bytes", [0] * 128),
        ("index", 128),
        ("index", True),
        ("nmi_masked", 1),
        ("origin", 1 << 63),
        ("ticks", -1),
        ("ticks", "0"),
    ],
)
def test_a_state_that_no_chip_can_be_in_is_refused_and_changes_nothing(bench: Bench, name: str, value: object) -> None:
    before = bench.rtc.save()
    with pytest.raises(SnapshotError, match=r"vmm\.rtc"):
        bench.rtc.load(State("vmm.rtc", 1, {**before.fields, name: value}))
    with pytest.raises(SnapshotError, match="version"):
        bench.rtc.load(State("vmm.rtc", 2, before.fields))
    assert bench.rtc.save() == before


ACCESS = st.tuples(
    st.booleans(), st.integers(0, 3), st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1), st.integers(0, 2**42)
)


@given(st.lists(ACCESS, max_size=40))
@settings(max_examples=100)
def test_no_guest_can_upset_it(accesses: list[tuple[bool, int, int, int, int]]) -> None:
    bench = Bench()
    for writes, offset, size, value, passed in accesses:
        bench.advance(passed)
        if writes:
            bench.rtc.write(offset, size, value & ((1 << 8 * size) - 1))
        else:
            assert 0 <= bench.rtc.read(offset, size) < 1 << 8 * size
    other = Bench()
    other.clock = bench.clock
    other.rtc.load(bench.rtc.save())
    assert (other.time(), other.line) == (bench.time(), bench.line)
