"""The serial port as a guest's driver and the host's terminal see it, after the PC16550D datasheet."""

from __future__ import annotations

from typing import Any

import pytest

from vmm.devices.serial import QUEUE_CAPACITY, TIME_OUT

DATA, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR = 0, 1, 2, 2, 3, 4, 5, 6, 7
RECEIVE, TRANSMIT, LINE, MODEM = 0x01, 0x02, 0x04, 0x08
NONE = 0x01
OUT2, LOOP = 0x08, 0x10
DLAB = 0x80


# Registers


def test_after_power_on_the_registers_are_those_of_the_datasheet(bench: Any) -> None:
    assert [bench.read(offset) for offset in (IER, IIR, LCR, MCR, LSR, MSR)] == [0, NONE, 0, 0, 0x60, 0xB0]


def test_what_the_guest_writes_reaches_the_output_at_once(bench: Any) -> None:
    for value in b"Hi\n":
        bench.write(DATA, value)
        assert bench.read(LSR) == 0x60
    assert bench.sent == b"Hi\n"


def test_dlab_switches_the_first_two_registers_to_the_divisor_and_back(bench: Any) -> None:
    bench.write(IER, 0x05)
    bench.write(LCR, DLAB | 0x03)
    bench.write(0, 0x34)
    bench.write(1, 0x12)
    assert (bench.read(0), bench.read(1)) == (0x34, 0x12)
    bench.write(LCR, 0x03)
    assert (bench.read(0), bench.read(1)) == (0, 0x05)
    assert bench.sent == b""


def test_unused_bits_of_ier_and_mcr_read_as_zero(bench: Any) -> None:
    bench.write(IER, 0xFF)
    bench.write(MCR, 0xFF)
    assert (bench.read(IER), bench.read(MCR)) == (0x0F, 0x1F)


def test_the_scratch_register_keeps_a_byte_and_status_registers_take_none(bench: Any) -> None:
    for offset in (SCR, LSR, MSR):
        bench.write(offset, 0xA5)
    assert (bench.read(SCR), bench.read(LSR), bench.read(MSR)) == (0xA5, 0x60, 0xB0)


def test_iir_tells_whether_the_fifos_are_on(bench: Any) -> None:
    bench.write(FCR, 0x01)
    assert bench.read(IIR) == 0xC0 | NONE
    bench.write(FCR, 0xC6)
    assert bench.read(IIR) == NONE


def test_a_wide_access_touches_successive_registers(bench: Any) -> None:
    bench.write(SCR, 0x77)
    assert bench.port.read(LSR, 2) == 0xB060
    assert bench.port.read(SCR, 4) == 0xFFFFFF77
    bench.port.write(LCR, 2, 0x0B03)
    assert (bench.read(LCR), bench.read(MCR)) == (0x03, 0x0B)


# Receiving


def test_input_is_read_in_order_and_data_ready_falls_with_the_last_byte(bench: Any) -> None:
    assert bench.port.feed(b"abc") == 3
    assert bench.read(LSR) == 0x61
    assert bench.drain() == b"abc"
    assert bench.read(LSR) == 0x60


def test_an_empty_receiver_reads_as_zero(bench: Any) -> None:
    assert bench.read(DATA) == 0


def test_a_fast_host_is_told_how_much_was_taken_and_nothing_is_lost(driven: Any) -> None:
    flood = bytes(range(256)) * 300
    taken = driven.port.feed(flood)
    assert QUEUE_CAPACITY <= taken < len(flood)
    received = bytearray()
    while taken < len(flood):
        received += bytes(driven.read(DATA) for _ in range(1000))
        taken += driven.port.feed(flood[taken:])
    assert received + driven.drain() == flood
    assert driven.port.room == QUEUE_CAPACITY


def test_a_host_that_was_refused_hears_once_when_there_is_room_again(driven: Any) -> None:
    calls: list[int] = []
    driven.port.room_again = lambda: calls.append(driven.port.room)
    driven.port.feed(bytes(QUEUE_CAPACITY + 100))
    driven.drain()
    assert len(calls) == 1
    assert QUEUE_CAPACITY // 2 <= calls[0] < QUEUE_CAPACITY // 2 + 16  # the FIFO takes several at a time


@pytest.mark.parametrize(("bits", "level"), [(0x00, 1), (0x40, 4), (0x80, 8), (0xC0, 14)])
def test_the_interrupt_comes_at_the_trigger_level_and_goes_below_it(bench: Any, bits: int, level: int) -> None:
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


def test_the_line_stays_up_while_input_waits_behind_a_full_fifo(driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(bytes(range(100)))
    for _ in range(100 - 14):
        driven.read(DATA)
        assert driven.line
    driven.read(DATA)
    assert not driven.line


def test_without_fifo_every_character_makes_an_edge_of_its_own(bench: Any) -> None:
    bench.write(MCR, OUT2)
    bench.write(IER, RECEIVE)
    bench.port.feed(b"four")
    received = bytearray()
    while bench.line:  # a handler of an edge-triggered line that reads one byte an interrupt
        received.append(bench.read(DATA))
        assert bench.rises == min(len(received) + 1, 4)
    assert received == b"four"


def test_clearing_the_fifo_loses_no_input_from_the_host(driven: Any) -> None:
    driven.port.feed(bytes(range(20)))
    driven.write(FCR, 0xC3)
    assert driven.drain() == bytes(range(20))


def test_clearing_the_fifo_drops_what_came_by_loopback(driven: Any) -> None:
    driven.write(MCR, 0x10)
    driven.write(DATA, 0x41)
    driven.write(FCR, 0xC3)
    assert driven.read(LSR) == 0x60


def test_switching_the_fifos_loses_no_input_from_the_host(driven: Any) -> None:
    driven.port.feed(b"abc")
    driven.write(FCR, 0x00)
    assert driven.drain() == b"abc"


# Character time-out


def test_data_below_the_trigger_level_interrupts_after_four_character_times(driven: Any) -> None:
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


def test_each_arrival_and_each_read_starts_the_time_out_again(driven: Any) -> None:
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


def test_clearing_the_fifo_takes_a_time_out_away(driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"a")
    driven.sleep(TIME_OUT)
    driven.write(FCR, 0xC3)
    assert not driven.line
    assert driven.read(IIR) == 0xC1


def test_a_looped_back_character_starts_the_time_out_again(driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.write(MCR, LOOP)
    driven.write(DATA, 0x41)
    driven.sleep(TIME_OUT - 1)
    driven.write(DATA, 0x42)
    driven.sleep(TIME_OUT - 1)
    assert driven.read(IIR) == 0xC1
    driven.sleep(1)
    assert driven.read(IIR) == 0xCC


def test_there_is_no_time_out_without_fifo_or_for_an_empty_one(driven: Any) -> None:
    driven.write(IER, RECEIVE)
    driven.port.feed(b"a")
    driven.drain()
    driven.sleep(10 * TIME_OUT)
    assert not driven.edges
    assert driven.timers.next_deadline() is None


def test_a_polling_guest_sets_no_alarm(driven: Any) -> None:
    driven.port.feed(b"a")
    assert driven.timers.next_deadline() is None


# Transmitting


def test_enabling_the_transmitter_interrupt_raises_it_and_reading_iir_takes_it_away(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    assert driven.line
    assert driven.read(IIR) == 0xC2
    assert not driven.line
    assert driven.read(IIR) == 0xC1


def test_writing_the_enable_bit_again_raises_nothing_but_off_and_on_does(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    driven.read(IIR)
    driven.write(IER, TRANSMIT | RECEIVE)
    assert not driven.line
    driven.write(IER, 0)
    driven.write(IER, TRANSMIT)
    assert driven.line


def test_disabling_the_transmitter_interrupt_lowers_the_line(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    driven.write(IER, 0)
    assert not driven.line


def test_each_byte_written_brings_the_transmitter_interrupt_with_a_new_edge(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    for count, value in enumerate(b"xyz", 2):  # a driver that never reads IIR
        driven.write(DATA, value)
        assert driven.line
        assert driven.rises == count
    assert driven.sent == b"xyz"


def test_reading_iir_for_another_cause_leaves_the_transmitter_interrupt(driven: Any) -> None:
    driven.write(IER, TRANSMIT | RECEIVE)
    driven.port.feed(bytes(14))
    assert driven.read(IIR) == 0xC4
    driven.drain()
    assert driven.read(IIR) == 0xC2


def test_transmit_equals_a_write_of_each_byte(driven: Any) -> None:
    driven.write(IER, TRANSMIT)
    driven.read(IIR)
    driven.port.transmit(b"")
    assert not driven.line
    driven.port.transmit(b"ring")
    assert driven.line
    assert driven.sent == b"ring"


# Priorities and the gate


def test_causes_are_told_in_the_order_of_their_priority(driven: Any) -> None:
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


def test_out2_gates_the_line_but_not_iir(bench: Any) -> None:
    bench.write(IER, RECEIVE)
    bench.port.feed(b"a")
    assert not bench.line
    assert bench.read(IIR) == 0x04
    bench.write(MCR, OUT2)
    assert bench.line
    bench.write(MCR, 0)
    assert not bench.line
