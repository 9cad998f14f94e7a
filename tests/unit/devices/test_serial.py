"""The serial port as a guest's driver and the host's terminal see it, after the PC16550D datasheet."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.serial import QUEUE_CAPACITY, TIME_OUT, Serial
from vmm.errors import SnapshotError
from vmm.state import State

DATA, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR = 0, 1, 2, 2, 3, 4, 5, 6, 7
RECEIVE, TRANSMIT, LINE, MODEM = 0x01, 0x02, 0x04, 0x08
NONE = 0x01
OUT2, LOOP = 0x08, 0x10
DLAB = 0x80


class Bench:
    """A port on a real wire and a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = 0
        self.edges: list[bool] = []
        self.sent = bytearray()
        self.quiet_changes = 0
        self.timers = Timers(lambda: self.clock)
        wire = IrqWire(4, lambda gsi, level: self.edges.append(level))
        self.port = Serial(wire.line(), self.sent.extend, self.timers)
        self.port.quiet_changed = self._quiet_changed

    def _quiet_changed(self) -> None:
        self.quiet_changes += 1

    @property
    def line(self) -> bool:
        return bool(self.edges) and self.edges[-1]

    @property
    def rises(self) -> int:
        return self.edges.count(True)

    def read(self, offset: int) -> int:
        return self.port.read(offset, 1)

    def write(self, offset: int, value: int) -> None:
        self.port.write(offset, 1, value)

    def sleep(self, nanoseconds: int) -> None:
        self.clock += nanoseconds
        self.timers.run_due()

    def drain(self) -> bytes:
        received = bytearray()
        while self.read(LSR) & 0x01:
            received.append(self.read(DATA))
        return bytes(received)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def driven() -> Bench:
    """As a driver leaves it: FIFO with trigger level 14, OUT2 on, no interrupt enabled yet."""
    bench = Bench()
    bench.write(FCR, 0xC7)
    bench.write(MCR, 0x0B)
    return bench


# Registers


def test_after_power_on_the_registers_are_those_of_the_datasheet(bench: Bench) -> None:
    assert [bench.read(offset) for offset in (IER, IIR, LCR, MCR, LSR, MSR)] == [0, NONE, 0, 0, 0x60, 0xB0]


def test_what_the_guest_writes_reaches_the_output_at_once(bench: Bench) -> None:
    for value in b"Hi\n":
        bench.write(DATA, value)
        assert bench.read(LSR) == 0x60
    assert bench.sent == b"Hi\n"


def test_dlab_switches_the_first_two_registers_to_the_divisor_and_back(bench: Bench) -> None:
    bench.write(IER, 0x05)
    bench.write(LCR, DLAB | 0x03)
    bench.write(0, 0x34)
    bench.write(1, 0x12)
    assert (bench.read(0), bench.read(1)) == (0x34, 0x12)
    bench.write(LCR, 0x03)
    assert (bench.read(0), bench.read(1)) == (0, 0x05)
    assert bench.sent == b""


def test_unused_bits_of_ier_and_mcr_read_as_zero(bench: Bench) -> None:
    bench.write(IER, 0xFF)
    bench.write(MCR, 0xFF)
    assert (bench.read(IER), bench.read(MCR)) == (0x0F, 0x1F)


def test_the_scratch_register_keeps_a_byte_and_status_registers_take_none(bench: Bench) -> None:
    for offset in (SCR, LSR, MSR):
        bench.write(offset, 0xA5)
    assert (bench.read(SCR), bench.read(LSR), bench.read(MSR)) == (0xA5, 0x60, 0xB0)


def test_iir_tells_whether_the_fifos_are_on(bench: Bench) -> None:
    bench.write(FCR, 0x01)
    assert bench.read(IIR) == 0xC0 | NONE
    bench.write(FCR, 0xC6)
    assert bench.read(IIR) == NONE


def test_a_wide_access_touches_successive_registers(bench: Bench) -> None:
    bench.write(SCR, 0x77)
    assert bench.port.read(LSR, 2) == 0xB060
    assert bench.port.read(SCR, 4) == 0xFFFFFF77
    bench.port.write(LCR, 2, 0x0B03)
    assert (bench.read(LCR), bench.read(MCR)) == (0x03, 0x0B)


# Receiving


def test_input_is_read_in_order_and_data_ready_falls_with_the_last_byte(bench: Bench) -> None:
    assert bench.port.feed(b"abc") == 3
    assert bench.read(LSR) == 0x61
    assert bench.drain() == b"abc"
    assert bench.read(LSR) == 0x60


def test_an_empty_receiver_reads_as_zero(bench: Bench) -> None:
    assert bench.read(DATA) == 0


def test_a_fast_host_is_told_how_much_was_taken_and_nothing_is_lost(driven: Bench) -> None:
    flood = bytes(range(256)) * 300
    taken = driven.port.feed(flood)
    assert QUEUE_CAPACITY <= taken < len(flood)
    received = bytearray()
    while taken < len(flood):
        received += bytes(driven.read(DATA) for _ in range(1000))
        taken += driven.port.feed(flood[taken:])
    assert received + driven.drain() == flood
    assert driven.port.room == QUEUE_CAPACITY


def test_a_host_that_was_refused_hears_once_when_there_is_room_again(driven: Bench) -> None:
    calls: list[int] = []
    driven.port.room_again = lambda: calls.append(driven.port.room)
    driven.port.feed(bytes(QUEUE_CAPACITY + 100))
    driven.drain()
    assert calls == [QUEUE_CAPACITY // 2]


@pytest.mark.parametrize(("bits", "level"), [(0x00, 1), (0x40, 4), (0x80, 8), (0xC0, 14)])
def test_the_interrupt_comes_at_the_trigger_level_and_goes_below_it(bench: Bench, bits: int, level: int) -> None:
    bench.write(FCR, 0x01 | bits)
    bench.write(MCR, OUT2)
    bench.write(IER, RECEIVE)
    bench.port.feed(bytes(level - 1))
    assert not bench.line
    bench.port.feed(b"x")
    assert bench.line
    assert bench.read(IIR) == 0xC4
    bench.read(DATA)
    assert not bench.line
    assert bench.read(IIR) == 0xC1


def test_the_line_stays_up_while_input_waits_behind_a_full_fifo(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(bytes(range(100)))
    for _ in range(100 - 14):
        driven.read(DATA)
        assert driven.line
    driven.read(DATA)
    assert not driven.line


def test_without_fifo_every_character_makes_an_edge_of_its_own(bench: Bench) -> None:
    bench.write(MCR, OUT2)
    bench.write(IER, RECEIVE)
    bench.port.feed(b"four")
    received = bytearray()
    while bench.line:  # a handler of an edge-triggered line that reads one byte an interrupt
        received.append(bench.read(DATA))
        assert bench.rises == min(len(received) + 1, 4)
    assert received == b"four"


def test_clearing_the_fifo_loses_no_input_from_the_host(driven: Bench) -> None:
    driven.port.feed(bytes(range(20)))
    driven.write(FCR, 0xC3)
    assert driven.drain() == bytes(range(20))


def test_clearing_the_fifo_drops_what_came_by_loopback(driven: Bench) -> None:
    driven.write(MCR, 0x10)
    driven.write(DATA, 0x41)
    driven.write(FCR, 0xC3)
    assert driven.read(LSR) == 0x60


def test_switching_the_fifos_loses_no_input_from_the_host(driven: Bench) -> None:
    driven.port.feed(b"abc")
    driven.write(FCR, 0x00)
    assert driven.drain() == b"abc"


# Character time-out


def test_data_below_the_trigger_level_interrupts_after_four_character_times(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"ab")
    driven.sleep(TIME_OUT - 1)
    assert not driven.line
    driven.sleep(1)
    assert driven.line
    assert driven.read(IIR) == 0xCC
    assert driven.line
    assert driven.timers.next_deadline() is None
    driven.read(DATA)
    assert not driven.line
    driven.sleep(TIME_OUT)
    assert driven.read(IIR) == 0xCC


def test_each_arrival_and_each_read_starts_the_time_out_again(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"ab")
    driven.sleep(TIME_OUT - 1)
    driven.port.feed(b"c")
    driven.sleep(TIME_OUT - 1)
    driven.read(DATA)
    driven.sleep(TIME_OUT - 1)
    assert not driven.edges
    driven.sleep(1)
    assert driven.line


def test_clearing_the_fifo_takes_a_time_out_away(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"a")
    driven.sleep(TIME_OUT)
    driven.write(FCR, 0xC3)
    assert not driven.line
    assert driven.read(IIR) == 0xC1


def test_a_looped_back_character_starts_the_time_out_again(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.write(MCR, LOOP)
    driven.write(DATA, 0x41)
    driven.sleep(TIME_OUT - 1)
    driven.write(DATA, 0x42)
    driven.sleep(TIME_OUT - 1)
    assert driven.read(IIR) == 0xC1
    driven.sleep(1)
    assert driven.read(IIR) == 0xCC


def test_there_is_no_time_out_without_fifo_or_for_an_empty_one(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"a")
    driven.drain()
    driven.sleep(10 * TIME_OUT)
    assert not driven.edges
    assert driven.timers.next_deadline() is None


def test_a_polling_guest_sets_no_alarm(driven: Bench) -> None:
    driven.port.feed(b"a")
    assert driven.timers.next_deadline() is None


# Transmitting


def test_enabling_the_transmitter_interrupt_raises_it_and_reading_iir_takes_it_away(driven: Bench) -> None:
    driven.write(IER, TRANSMIT)
    assert driven.line
    assert driven.read(IIR) == 0xC2
    assert not driven.line
    assert driven.read(IIR) == 0xC1


def test_writing_the_enable_bit_again_raises_nothing_but_off_and_on_does(driven: Bench) -> None:
    driven.write(IER, TRANSMIT)
    driven.read(IIR)
    driven.write(IER, TRANSMIT | RECEIVE)
    assert not driven.line
    driven.write(IER, 0)
    driven.write(IER, TRANSMIT)
    assert driven.line


def test_disabling_the_transmitter_interrupt_lowers_the_line(driven: Bench) -> None:
    driven.write(IER, TRANSMIT)
    driven.write(IER, 0)
    assert not driven.line


def test_each_byte_written_brings_the_transmitter_interrupt_with_a_new_edge(driven: Bench) -> None:
    driven.write(IER, TRANSMIT)
    for count, value in enumerate(b"xyz", 2):  # a driver that never reads IIR
        driven.write(DATA, value)
        assert driven.line
        assert driven.rises == count
    assert driven.sent == b"xyz"


def test_reading_iir_for_another_cause_leaves_the_transmitter_interrupt(driven: Bench) -> None:
    driven.write(IER, TRANSMIT | RECEIVE)
    driven.port.feed(bytes(14))
    assert driven.read(IIR) == 0xC4
    driven.drain()
    assert driven.read(IIR) == 0xC2


def test_transmit_equals_a_write_of_each_byte(driven: Bench) -> None:
    driven.write(IER, TRANSMIT)
    driven.read(IIR)
    driven.port.transmit(b"")
    assert not driven.line
    driven.port.transmit(b"ring")
    assert driven.line
    assert driven.sent == b"ring"


# Priorities and the gate


def test_causes_are_told_in_the_order_of_their_priority(driven: Bench) -> None:
    driven.write(MCR, LOOP)
    for value in range(17):
        driven.write(DATA, value)
    driven.write(MCR, OUT2)  # the modem inputs change back: deltas
    driven.write(IER, RECEIVE | TRANSMIT | LINE | MODEM)
    told = []
    told.append(driven.read(IIR))
    assert driven.read(LSR) & 0x02
    told.append(driven.read(IIR))
    driven.drain()
    told.append(driven.read(IIR))
    told.append(driven.read(IIR))
    driven.read(MSR)
    told.append(driven.read(IIR))
    assert told == [0xC6, 0xC4, 0xC2, 0xC0, 0xC1]
    assert not driven.line


def test_out2_gates_the_line_but_not_iir(bench: Bench) -> None:
    bench.write(IER, RECEIVE)
    bench.port.feed(b"a")
    assert not bench.line
    assert bench.read(IIR) == 0x04
    bench.write(MCR, OUT2)
    assert bench.line
    bench.write(MCR, 0)
    assert not bench.line


# Loopback


def test_in_loopback_bytes_come_back_and_none_goes_out(driven: Bench) -> None:
    driven.write(MCR, LOOP)
    for value in b"echo":
        driven.write(DATA, value)
    driven.port.transmit(b"ed")
    assert driven.drain() == b"echoed"
    assert driven.sent == b""


def test_in_loopback_the_line_is_cut_off_and_iir_still_works(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.write(MCR, LOOP | OUT2)
    driven.port.transmit(bytes(14))
    assert driven.read(IIR) == 0xC4
    assert not driven.line
    driven.write(MCR, OUT2)
    assert driven.line


def test_host_input_waits_until_loopback_ends(driven: Bench) -> None:
    driven.write(MCR, LOOP)
    driven.port.feed(b"host")
    assert driven.read(LSR) == 0x60
    driven.write(MCR, OUT2)
    assert driven.drain() == b"host"


@pytest.mark.parametrize(("fcr", "kept"), [(0x00, b"\x10"), (0x01, bytes(range(16)))])
def test_an_overrun_is_told_once_and_costs_what_the_datasheet_says(bench: Bench, fcr: int, kept: bytes) -> None:
    bench.write(FCR, fcr)
    bench.write(MCR, LOOP)
    bench.port.transmit(bytes(range(17)))
    assert bench.read(LSR) == 0x63
    assert bench.read(LSR) == 0x61
    assert bench.drain() == kept


@pytest.mark.parametrize(("output", "seen"), [(0x01, 0x20), (0x02, 0x10), (0x04, 0x40), (0x08, 0x80)])
def test_in_loopback_each_modem_output_is_wired_to_its_input(bench: Bench, output: int, seen: int) -> None:
    bench.write(MCR, LOOP | output)
    assert bench.read(MSR) & 0xF0 == seen


def test_modem_deltas_tell_what_changed_until_msr_is_read(bench: Bench) -> None:
    bench.write(MCR, LOOP | 0x0B)  # all three stay as they were
    assert bench.read(MSR) == 0xB0
    bench.write(MCR, LOOP)
    assert bench.read(MSR) == 0x0B
    assert bench.read(MSR) == 0x00


def test_ring_indicator_is_told_at_its_trailing_edge_only(bench: Bench) -> None:
    bench.write(MCR, LOOP | 0x0F)
    assert bench.read(MSR) & 0x04 == 0
    bench.write(MCR, LOOP | 0x0B)
    assert bench.read(MSR) & 0x04


# What the run step may answer


def test_a_fresh_port_is_quiet(bench: Bench) -> None:
    assert bench.port.quiet_reads() == ((LSR, 0x60),)
    assert bench.port.quiet_ring_offset() == DATA


@pytest.mark.parametrize(
    ("noise", "silence"),
    [
        (lambda b: b.write(IER, TRANSMIT), lambda b: b.write(IER, 0)),
        (lambda b: b.port.feed(b"x"), lambda b: b.read(DATA)),
        (lambda b: b.write(LCR, DLAB), lambda b: b.write(LCR, 0)),
        (lambda b: b.write(MCR, LOOP), lambda b: b.write(MCR, 0)),
    ],
    ids=["interrupt enabled", "input waits", "divisor", "loopback"],
)
def test_quiet_ends_and_begins_with_a_word_each(
    bench: Bench, noise: Callable[[Bench], object], silence: Callable[[Bench], object]
) -> None:
    noise(bench)
    assert bench.port.quiet_reads() == ()
    assert bench.port.quiet_ring_offset() is None
    assert bench.quiet_changes == 1
    silence(bench)
    assert bench.port.quiet_ring_offset() == DATA
    assert bench.quiet_changes == 2


def test_an_overrun_not_told_yet_keeps_the_port_from_being_quiet(bench: Bench) -> None:
    bench.write(MCR, LOOP)
    bench.port.transmit(b"ab")
    bench.write(MCR, 0)
    bench.read(DATA)
    assert bench.port.quiet_reads() == ()
    bench.read(LSR)
    assert bench.port.quiet_reads() == ((LSR, 0x60),)


# Lifecycle


def test_a_reset_lowers_the_line_and_keeps_input_that_has_not_arrived(driven: Bench) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(bytes(range(20)))
    driven.port.reset()
    assert not driven.line
    assert [driven.read(offset) for offset in (IER, IIR, MCR)] == [0, NONE, 0]
    assert driven.drain() == bytes(range(20))
    assert driven.port.save() == Bench().port.save()


def test_a_restored_port_has_its_line_its_input_and_its_time_out(driven: Bench) -> None:
    driven.write(IER, RECEIVE | TRANSMIT)
    driven.port.feed(b"ab")
    driven.sleep(TIME_OUT // 2)
    restored = Bench()
    restored.clock = driven.clock
    restored.port.load(driven.port.save())
    assert restored.line
    restored.read(IIR)
    assert not restored.line
    restored.sleep(TIME_OUT - TIME_OUT // 2)
    assert restored.read(IIR) == 0xCC
    assert restored.drain() == b"ab"


@pytest.mark.parametrize(
    "change",
    [
        {"ier": 0x10},
        {"mcr": -1},
        {"divisor": "9600"},
        {"overrun": 1},
        {"fifo": bytes(17)},
        {"queue": bytes(QUEUE_CAPACITY + 1)},
        {"deadline": 0.5},
    ],
)
def test_a_state_out_of_range_is_refused_and_changes_nothing(driven: Bench, change: dict[str, object]) -> None:
    before = driven.port.save()
    with pytest.raises(SnapshotError, match=next(iter(change))):
        driven.port.load(State("vmm.serial", 1, before.fields | change))
    assert driven.port.save() == before


ACCESS = st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from([1, 1, 1, 2, 4, 8]), st.integers(0, 2**64 - 1))
HOST = st.one_of(st.binary(max_size=40), st.integers(0, TIME_OUT))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(ACCESS, HOST), max_size=60))
def test_whatever_the_guest_does_the_answers_fit_and_a_copy_goes_on_alike(steps: list[Any]) -> None:
    first, second = Bench(), Bench()

    def play(bench: Bench, step: Any) -> int | None:
        if isinstance(step, int):
            bench.sleep(step)
            return None
        if isinstance(step, bytes):
            return bench.port.feed(step)
        reads, offset, size, value = step
        if not reads:
            bench.port.write(offset, size, value & (1 << 8 * size) - 1)
            return None
        answer: int = bench.port.read(offset, size)
        assert 0 <= answer < 1 << 8 * size
        return answer

    middle = len(steps) // 2
    for step in steps[:middle]:
        play(first, step)
    second.clock = first.clock
    second.port.load(State("vmm.serial", 1, dict(first.port.save().fields)))
    first.sent.clear()
    for step in steps[middle:]:
        assert play(first, step) == play(second, step)
        assert first.line == second.line
        assert first.port.quiet_reads() == second.port.quiet_reads()
    assert first.port.save() == second.port.save()
    assert first.sent == second.sent
    json.dumps(first.port.save().fields, default=bytes.hex)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=50), st.integers(1, 30)), max_size=40), st.sampled_from([0x00, 0x01, 0xC1])
)
def test_input_arrives_whole_and_in_order_however_it_is_fed_and_read(steps: list[bytes | int], fcr: int) -> None:
    bench = Bench()
    bench.write(FCR, fcr)
    fed, received = bytearray(), bytearray()
    for step in steps:
        if isinstance(step, bytes):
            fed += step[: bench.port.feed(step)]
        else:
            for _ in range(step):
                if bench.read(LSR) & 0x01:
                    received.append(bench.read(DATA))
    assert received + bench.drain() == fed


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=64), st.sampled_from([0x00, 0x01, 0xC1]))
def test_an_interrupt_driven_guest_gets_all_input_without_polling(data: bytes, fcr: int) -> None:
    bench = Bench()
    bench.write(FCR, fcr)
    bench.write(MCR, OUT2)
    bench.write(IER, RECEIVE)
    bench.port.feed(data)
    received = bytearray()
    seen = 0
    while len(received) < len(data):
        if bench.rises == seen:  # the guest sleeps until the next edge
            bench.sleep(TIME_OUT)
        assert bench.rises > seen, "input waits and no edge comes"
        seen = bench.rises
        while not bench.read(IIR) & 0x01:
            received.append(bench.read(DATA))
    assert received == data
