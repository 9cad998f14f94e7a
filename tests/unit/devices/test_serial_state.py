"""The serial port looped back, quiet, saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.serial import QUEUE_CAPACITY, TIME_OUT
from vmm.errors import SnapshotError
from vmm.state import State

DATA, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR = 0, 1, 2, 2, 3, 4, 5, 6, 7
RECEIVE, TRANSMIT, LINE, MODEM = 0x01, 0x02, 0x04, 0x08
NONE = 0x01
OUT2, LOOP = 0x08, 0x10
DLAB = 0x80


# Loopback


def test_in_loopback_bytes_come_back_and_none_goes_out(driven: Any) -> None:
    driven.write(MCR, LOOP)
    for value in b"echo":
        driven.write(DATA, value)
    driven.port.transmit(b"ed")
    assert driven.drain() == b"echoed"
    assert driven.sent == b""


def test_in_loopback_the_line_is_cut_off_and_iir_still_works(driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.write(MCR, LOOP | OUT2)
    driven.port.transmit(bytes(14))
    assert driven.read(IIR) == 0xC4
    assert not driven.line
    driven.write(MCR, OUT2)
    assert driven.line


def test_host_input_waits_until_loopback_ends(driven: Any) -> None:
    driven.write(MCR, LOOP)
    driven.port.feed(b"host")
    assert driven.read(LSR) == 0x60
    driven.write(MCR, OUT2)
    assert driven.drain() == b"host"


@pytest.mark.parametrize(("fcr", "kept"), [(0x00, b"\x10"), (0x01, bytes(range(16)))])
def test_an_overrun_is_told_once_and_costs_what_the_datasheet_says(bench: Any, fcr: int, kept: bytes) -> None:
    bench.write(FCR, fcr)
    bench.write(MCR, LOOP)
    bench.port.transmit(bytes(range(17)))
    assert bench.read(LSR) == 0x63
    assert bench.read(LSR) == 0x61
    assert bench.drain() == kept


@pytest.mark.parametrize(("output", "seen"), [(0x01, 0x20), (0x02, 0x10), (0x04, 0x40), (0x08, 0x80)])
def test_in_loopback_each_modem_output_is_wired_to_its_input(bench: Any, output: int, seen: int) -> None:
    bench.write(MCR, LOOP | output)
    assert bench.read(MSR) & 0xF0 == seen


def test_modem_deltas_tell_what_changed_until_msr_is_read(bench: Any) -> None:
    bench.write(MCR, LOOP | 0x0B)  # all three stay as they were
    assert bench.read(MSR) == 0xB0
    bench.write(MCR, LOOP)
    assert bench.read(MSR) == 0x0B
    assert bench.read(MSR) == 0x00


def test_ring_indicator_is_told_at_its_trailing_edge_only(bench: Any) -> None:
    bench.write(MCR, LOOP | 0x0F)
    assert bench.read(MSR) & 0x04 == 0
    bench.write(MCR, LOOP | 0x0B)
    assert bench.read(MSR) & 0x04


# What the run step may answer


def test_a_fresh_port_is_quiet(bench: Any) -> None:
    assert bench.port.quiet_reads() == ((LSR, 0x60),)
    assert bench.port.quiet_ring_offset() == DATA


@pytest.mark.parametrize(
    ("noise", "silence"),
    [
        (lambda b: b.write(LCR, DLAB), lambda b: b.write(LCR, 0)),
        (lambda b: b.write(MCR, LOOP), lambda b: b.write(MCR, 0)),
    ],
    ids=["divisor", "loopback"],
)
def test_quiet_ends_and_begins_with_a_word_each(
    bench: Any, noise: Callable[[Any], object], silence: Callable[[Any], object]
) -> None:
    noise(bench)
    assert bench.port.quiet_reads() == ()
    assert bench.port.quiet_ring_offset() is None
    assert bench.quiet_changes == 1
    silence(bench)
    assert bench.port.quiet_ring_offset() == DATA
    assert bench.quiet_changes == 2


def test_with_the_transmitters_interrupt_enabled_a_fifo_full_is_gathered(driven: Any) -> None:
    assert driven.port.quiet_ring_limit() == 0
    driven.write(IER, RECEIVE | TRANSMIT)
    assert driven.port.quiet_ring_offset() == DATA
    assert driven.port.quiet_ring_limit() == 16
    changes = driven.quiet_changes
    driven.write(FCR, 0)
    assert driven.quiet_changes == changes + 1
    assert driven.port.quiet_ring_offset() is None  # one byte at a time, and an interrupt for each
    assert driven.port.quiet_reads() == ((LSR, 0x60),)


def test_what_was_gathered_makes_one_interrupt_behind_it(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    driven.read(IIR)
    rises = driven.rises
    driven.port.transmit(bytes(16))
    assert driven.rises == rises + 1
    assert driven.read(IIR) & 0x0F == 0x02


def test_input_waits_while_the_driver_holds_rts_down(driven: Any) -> None:
    driven.port.feed(b"a")
    driven.write(MCR, 0x09)  # DTR and OUT2
    driven.port.feed(b"bc")
    assert driven.drain() == b"a"
    driven.write(MCR, 0x0B)
    assert driven.drain() == b"bc"


def test_a_driver_that_never_touched_dtr_gets_its_input(bench: Any) -> None:
    bench.port.feed(b"abc")
    assert bench.drain() == b"abc"


def test_input_that_waits_changes_the_status_and_leaves_the_port_quiet(driven: Any) -> None:
    driven.port.feed(b"ab")
    assert driven.port.quiet_reads() == ((LSR, 0x61),)
    assert driven.port.quiet_ring_offset() == DATA
    changes = driven.quiet_changes
    driven.read(DATA)
    assert driven.quiet_changes == changes
    driven.read(DATA)
    assert driven.port.quiet_reads() == ((LSR, 0x60),)


def test_an_overrun_not_told_yet_keeps_the_port_from_being_quiet(bench: Any) -> None:
    bench.write(MCR, LOOP)
    bench.port.transmit(b"ab")
    bench.write(MCR, 0)
    bench.read(DATA)
    assert bench.port.quiet_reads() == ()
    bench.read(LSR)
    assert bench.port.quiet_reads() == ((LSR, 0x60),)


# Lifecycle


def test_a_reset_lowers_the_line_and_keeps_input_that_has_not_arrived(serial_bench: Any, driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(bytes(range(20)))
    driven.port.reset()
    assert not driven.line
    assert [driven.read(offset) for offset in (IER, IIR, MCR)] == [0, NONE, 0]
    assert driven.drain() == bytes(range(20))
    assert driven.port.save() == serial_bench().port.save()


def test_a_restored_port_has_its_line_its_input_and_its_time_out(serial_bench: Any, driven: Any) -> None:
    driven.write(IER, RECEIVE | TRANSMIT)
    driven.port.feed(b"ab")
    driven.sleep(TIME_OUT // 2)
    restored = serial_bench()
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
def test_a_state_out_of_range_is_refused_and_changes_nothing(driven: Any, change: dict[str, object]) -> None:
    before = driven.port.save()
    with pytest.raises(SnapshotError, match=next(iter(change))):
        driven.port.load(State("vmm.serial", 1, before.fields | change))
    assert driven.port.save() == before


ACCESS = st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from([1, 1, 1, 2, 4, 8]), st.integers(0, 2**64 - 1))
HOST = st.one_of(st.binary(max_size=40), st.integers(0, TIME_OUT))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(ACCESS, HOST), max_size=60))
def test_whatever_the_guest_does_the_answers_fit_and_a_copy_goes_on_alike(serial_bench: Any, steps: list[Any]) -> None:
    first, second = serial_bench(), serial_bench()

    def play(bench: Any, step: Any) -> int | None:
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
def test_input_arrives_whole_and_in_order_however_it_is_fed_and_read(
    serial_bench: Any, steps: list[bytes | int], fcr: int
) -> None:
    bench = serial_bench()
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
def test_an_interrupt_driven_guest_gets_all_input_without_polling(serial_bench: Any, data: bytes, fcr: int) -> None:
    bench = serial_bench()
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
