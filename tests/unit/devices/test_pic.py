"""The pair of interrupt controllers: what is requested, in which order, with which vector (8259A datasheet)."""

from __future__ import annotations

import pytest
from pic_bench import Bench

from vmm.bus.irq import IrqWire

EOI = 0x20
READ_IRR, READ_ISR = 0x0A, 0x0B
SET_SPECIAL_MASK = 0x68


@pytest.fixture
def bench() -> Bench:
    return Bench()


# Requests, vectors, priorities


def test_an_interrupt_raises_int_and_the_acknowledge_gives_its_vector_and_lowers_int(bench: Bench) -> None:
    bench.raise_(4)
    assert bench.pins == [True]
    assert bench.pair.output
    assert bench.pair.acknowledge() == 0x24
    assert bench.pins == [True, False]
    assert bench.status(0, READ_ISR) == 0x10
    assert bench.status(0, READ_IRR) == 0


@pytest.mark.parametrize("irq", [n for n in range(16) if n != 2])
def test_every_input_has_its_own_vector(bench: Bench, irq: int) -> None:
    bench.raise_(irq)
    assert bench.pair.acknowledge() == 0x20 + irq


@pytest.mark.parametrize("irq", [2, 16, 23, 99])
def test_inputs_that_do_not_exist_are_ignored(bench: Bench, irq: int) -> None:
    before = bench.pair.save()
    bench.raise_(irq)
    assert bench.pair.save() == before


def test_the_low_three_bits_of_icw2_do_not_count(bench: Bench) -> None:
    bench.initialise(0, 0x47)
    bench.raise_(1)
    assert bench.pair.acknowledge() == 0x41


def test_the_lowest_number_wins_and_holds_back_the_lower_priorities(bench: Bench) -> None:
    bench.raise_(5, 3, 6)
    assert bench.take() == 3
    assert bench.take() is None
    bench.raise_(1)
    assert bench.take() == 1
    bench.command(0, EOI)
    assert bench.take() is None
    bench.command(0, EOI)
    assert bench.take() == 5


def test_the_same_input_waits_for_its_end_of_interrupt(bench: Bench) -> None:
    bench.raise_(4)
    bench.take()
    bench.lower(4)
    bench.raise_(4)
    assert bench.take() is None
    bench.command(0, EOI)
    assert bench.take() == 4


def test_a_mask_holds_a_request_back_and_does_not_lose_it(bench: Bench) -> None:
    bench.data(0, 0x10)
    bench.raise_(4)
    assert not bench.pair.output
    assert bench.pair.master.read(1, 1) == 0x10
    assert bench.status(0, READ_IRR) == 0x10
    bench.data(0, 0x00)
    assert bench.take() == 4


def test_masking_a_request_lowers_int(bench: Bench) -> None:
    bench.raise_(4)
    bench.data(0, 0x10)
    assert bench.pins == [True, False]


def test_irr_is_read_after_initialisation_and_the_choice_of_register_stands(bench: Bench) -> None:
    bench.raise_(4)
    assert bench.pair.master.read(0, 1) == 0x10
    bench.take()
    bench.command(0, READ_ISR)
    bench.command(0, SET_SPECIAL_MASK)  # RR is 0: the choice stays
    assert bench.pair.master.read(0, 1) == 0x10
    assert bench.pair.master.read(0, 1) == 0x10


# Edges and levels


def test_an_input_that_stays_up_interrupts_once(bench: Bench) -> None:
    bench.raise_(4)
    assert bench.take() == 4
    bench.command(0, EOI)
    bench.raise_(4)
    assert bench.take() is None


def test_a_pulse_is_an_interrupt(bench: Bench) -> None:
    IrqWire(4, bench.pair.set_input).line().pulse()
    assert bench.take() == 4
    IrqWire(12, bench.pair.set_input).line().pulse()
    bench.command(0, EOI)
    assert bench.take() == 12


def test_a_level_input_interrupts_again_while_it_stays_up(bench: Bench) -> None:
    bench.pair.elcr.write(1, 1, 0x02)
    bench.raise_(9)
    for _ in range(3):
        assert bench.take() == 9
        assert bench.take() is None
        bench.command(1, EOI)
        bench.command(0, EOI)
    bench.lower(9)
    assert not bench.pair.output
    assert bench.take() is None


def test_ltim_makes_all_inputs_of_a_chip_level(bench: Bench) -> None:
    bench.initialise(0, 0x20, icw1=0x19)
    bench.raise_(0)
    assert bench.take() == 0
    bench.command(0, EOI)
    assert bench.take() == 0
    bench.lower(0)
    bench.command(0, EOI)
    assert bench.take() is None


def test_inputs_with_fixed_edges_cannot_be_made_level(bench: Bench) -> None:
    bench.pair.elcr.write(0, 2, 0xFFFF)
    assert bench.pair.elcr.read(0, 1) == 0xF8
    assert bench.pair.elcr.read(1, 1) == 0xDE
    assert bench.pair.elcr.read(0, 2) == 0xDEF8
    assert bench.pair.elcr.read(2, 1) == 0xFF


def test_an_input_that_is_up_requests_when_it_becomes_level_and_not_when_it_becomes_edge(bench: Bench) -> None:
    bench.raise_(5)
    assert bench.take() == 5
    bench.command(0, EOI)
    bench.pair.elcr.write(0, 1, 0x20)
    assert bench.pair.output
    bench.pair.elcr.write(0, 1, 0)
    assert not bench.pair.output


def test_an_edge_that_has_fallen_is_forgotten_when_the_input_becomes_level(bench: Bench) -> None:
    bench.raise_(5)
    bench.lower(5)
    bench.pair.elcr.write(0, 1, 0x20)
    assert not bench.pair.output


# Spurious interrupts


def test_a_level_request_that_vanished_gives_irq_7_and_is_not_in_service(bench: Bench) -> None:
    bench.pair.elcr.write(0, 1, 0x20)
    bench.raise_(5)
    bench.lower(5)
    assert bench.pins == [True, False]
    assert bench.pair.acknowledge() == 0x27
    assert bench.status(0, READ_ISR) == 0


def test_a_request_masked_after_int_rose_gives_irq_7(bench: Bench) -> None:
    bench.raise_(3)
    bench.data(0, 0xFF)
    assert bench.pair.acknowledge() == 0x27


def test_a_slave_request_that_vanished_gives_irq_15_and_the_master_serves_the_cascade(bench: Bench) -> None:
    bench.pair.elcr.write(1, 1, 0x04)
    bench.raise_(10)
    bench.lower(10)
    assert bench.pair.acknowledge() == 0x2F
    assert bench.status(0, READ_ISR) == 0x04
    assert bench.status(1, READ_ISR) == 0
    bench.command(0, EOI)
    assert bench.pair.acknowledge() == 0x27  # and only once


def test_an_acknowledge_out_of_the_blue_gives_irq_7(bench: Bench) -> None:
    assert bench.pair.acknowledge() == 0x27
    assert bench.status(0, READ_ISR) == 0


def test_a_real_irq_7_is_told_from_a_spurious_one_by_the_isr(bench: Bench) -> None:
    bench.raise_(7)
    assert bench.take() == 7
    assert bench.status(0, READ_ISR) == 0x80


# The cascade


def test_a_slave_interrupt_is_in_service_on_both_chips(bench: Bench) -> None:
    bench.raise_(12)
    assert bench.status(0, READ_IRR) == 0x04
    assert bench.take() == 12
    assert bench.status(0, READ_ISR) == 0x04
    assert bench.status(1, READ_ISR) == 0x10
    assert bench.status(0, READ_IRR) == 0


def test_slave_inputs_rank_between_irq_1_and_irq_3(bench: Bench) -> None:
    bench.raise_(3, 15, 8)
    order = []
    for _ in range(3):
        irq = bench.take()
        assert irq is not None
        order.append(irq)
        if irq > 7:
            bench.command(1, EOI)
        bench.command(0, EOI)
    assert order == [8, 15, 3]


def test_a_masked_cascade_holds_back_the_slave(bench: Bench) -> None:
    bench.data(0, 0x04)
    bench.raise_(8)
    assert not bench.pair.output
    bench.data(0, 0)
    assert bench.take() == 8


def test_masking_at_the_slave_takes_the_request_back_from_the_master(bench: Bench) -> None:
    bench.raise_(8)
    bench.data(1, 0x01)
    assert not bench.pair.output
    assert bench.status(0, READ_IRR) == 0
    bench.data(1, 0)
    assert bench.take() == 8


def test_a_better_slave_request_waits_for_the_masters_eoi_in_plain_nesting(bench: Bench) -> None:
    bench.raise_(12)
    bench.take()
    bench.raise_(8)
    assert bench.take() is None
    bench.command(0, EOI)
    assert bench.take() == 8


def test_special_fully_nested_mode_lets_a_better_slave_request_through() -> None:
    bench = Bench(master_icw4=0x11)
    bench.raise_(12)
    bench.take()
    bench.raise_(14)
    assert bench.take() is None
    bench.raise_(3)
    assert bench.take() is None
    bench.raise_(8)
    assert bench.take() == 8
    bench.command(1, EOI)
    assert bench.status(1, READ_ISR) == 0x10
    bench.raise_(1)
    assert bench.take() == 1


def test_special_fully_nested_mode_changes_nothing_for_other_inputs() -> None:
    bench = Bench(master_icw4=0x11)
    bench.raise_(4)
    bench.take()
    bench.lower(4)
    bench.raise_(4)
    assert bench.take() is None


def test_a_single_master_answers_for_input_2_itself(bench: Bench) -> None:
    bench.command(0, 0x13)
    bench.data(0, 0x20)
    bench.data(0, 0x01)
    bench.data(0, 0x00)  # no ICW3: this is OCW1
    assert bench.pair.master.read(1, 1) == 0
    bench.raise_(8)
    assert bench.pair.acknowledge() == 0x22
    assert bench.status(1, READ_ISR) == 0


def test_a_single_master_has_no_spurious_cascade(bench: Bench) -> None:
    bench.command(0, 0x12)
    bench.data(0, 0x20)
    bench.raise_(8)
    bench.data(1, 0xFF)
    assert bench.pair.acknowledge() == 0x27
    assert bench.status(0, READ_ISR) == 0
