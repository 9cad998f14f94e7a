"""The modes of the interrupt controllers: ends of interrupt, rotation, special mask, poll, initialisation."""

from __future__ import annotations

import pytest
from pic_bench import Bench

from vmm.devices.pic import PicPair

EOI, ROTATE, SPECIFIC = 0x20, 0x80, 0x40
READ_IRR, READ_ISR, POLL = 0x0A, 0x0B, 0x0C
SET_SPECIAL_MASK, CLEAR_SPECIAL_MASK = 0x68, 0x48


@pytest.fixture
def bench() -> Bench:
    return Bench()


# End of interrupt and rotation


def test_a_non_specific_eoi_ends_the_highest_priority_in_service(bench: Bench) -> None:
    bench.raise_(6)
    bench.take()
    bench.raise_(3)
    bench.take()
    bench.command(0, EOI)
    assert bench.status(0, READ_ISR) == 0x40


def test_a_specific_eoi_ends_the_named_level(bench: Bench) -> None:
    bench.raise_(6)
    bench.take()
    bench.raise_(3)
    bench.take()
    bench.command(0, EOI | SPECIFIC | 6)
    assert bench.status(0, READ_ISR) == 0x08


def test_an_eoi_with_nothing_in_service_does_nothing(bench: Bench) -> None:
    before = bench.pair.save()
    bench.command(0, EOI)
    bench.command(0, EOI | ROTATE)
    bench.command(0, EOI | SPECIFIC | 3)
    bench.command(0, SPECIFIC)  # no operation
    assert bench.pair.save() == before


def served_in_turn(bench: Bench) -> list[int]:
    """All eight inputs of a chip at once, each ended as it comes: the order of priority."""
    bench.data(1, 0xFF)
    bench.lower(*range(8))
    bench.raise_(*range(8))
    order = []
    while (irq := bench.take()) is not None:
        order.append(irq)
        bench.command(0, EOI)
    return order


def test_rotation_on_a_non_specific_eoi_makes_the_ended_level_the_lowest(bench: Bench) -> None:
    bench.raise_(4)
    bench.take()
    bench.command(0, EOI | ROTATE)
    assert served_in_turn(bench) == [5, 6, 7, 0, 1, 3, 4]


def test_rotation_on_a_specific_eoi_makes_the_named_level_the_lowest(bench: Bench) -> None:
    bench.raise_(4)
    bench.take()
    bench.command(0, EOI | ROTATE | SPECIFIC | 4)
    assert bench.status(0, READ_ISR) == 0
    assert served_in_turn(bench) == [5, 6, 7, 0, 1, 3, 4]


@pytest.mark.parametrize(("level", "order"), [(0, [1, 3, 4, 5, 6, 7, 0]), (6, [7, 0, 1, 3, 4, 5, 6])])
def test_the_set_priority_command_names_the_lowest_level(bench: Bench, level: int, order: list[int]) -> None:
    bench.command(0, ROTATE | SPECIFIC | level)
    assert served_in_turn(bench) == order


def test_nesting_follows_the_rotated_order(bench: Bench) -> None:
    bench.command(0, ROTATE | SPECIFIC | 4)
    bench.raise_(6)
    bench.take()
    bench.raise_(0)
    assert bench.take() is None
    bench.raise_(5)
    assert bench.take() == 5
    bench.command(0, EOI)
    assert bench.status(0, READ_ISR) == 0x40


def test_automatic_eoi_leaves_nothing_in_service() -> None:
    bench = Bench(master_icw4=0x03, slave_icw4=0x03)
    bench.raise_(4, 9, 14)
    assert [bench.take() for _ in range(4)] == [9, 14, 4, None]
    assert bench.status(0, READ_ISR) == 0
    assert bench.status(1, READ_ISR) == 0


def test_rotation_in_automatic_eoi_mode_serves_all_in_turn_until_it_is_cleared() -> None:
    bench = Bench(master_icw4=0x03)
    bench.command(0, ROTATE)
    for irq in (0, 1):
        bench.raise_(irq)
    assert bench.take() == 0
    bench.lower(0)
    bench.raise_(0)
    assert [bench.take() for _ in range(3)] == [1, 0, None]
    bench.command(0, 0x00)
    bench.command(0, ROTATE | SPECIFIC | 7)
    bench.lower(0, 1)
    bench.raise_(0, 1)
    assert bench.take() == 0
    bench.lower(0)
    bench.raise_(0)
    assert [bench.take() for _ in range(2)] == [0, 1]


# Special mask mode and polling


def test_special_mask_mode_lets_all_others_through_while_a_masked_level_is_in_service(bench: Bench) -> None:
    bench.raise_(3)
    bench.take()
    bench.data(0, 0x08)
    bench.raise_(6)
    assert bench.take() is None
    bench.command(0, SET_SPECIAL_MASK)
    assert bench.take() == 6
    bench.command(0, EOI)  # ends 6: a level that is masked is passed over
    assert bench.status(0, READ_ISR) == 0x08
    bench.command(0, EOI)
    assert bench.status(0, READ_ISR) == 0x08
    bench.command(0, CLEAR_SPECIAL_MASK)
    bench.command(0, EOI)
    assert bench.status(0, READ_ISR) == 0


def test_smm_without_esmm_has_no_effect(bench: Bench) -> None:
    bench.raise_(3)
    bench.take()
    bench.data(0, 0x08)
    bench.raise_(6)
    bench.command(0, 0x28)
    assert bench.take() is None


def test_a_poll_acknowledges_the_best_request_at_the_next_read(bench: Bench) -> None:
    bench.raise_(6, 4)
    bench.command(0, POLL)
    assert bench.pair.master.read(0, 1) == 0x84
    assert not bench.pair.output
    assert bench.status(0, READ_ISR) == 0x10
    assert bench.status(0, READ_IRR) == 0x40


def test_a_poll_without_a_request_says_so_and_lasts_for_one_read(bench: Bench) -> None:
    bench.data(0, 0xA5)
    bench.command(0, POLL)
    assert bench.pair.master.read(0, 1) == 0
    bench.command(0, POLL)
    assert bench.pair.master.read(1, 1) == 0  # either port answers
    assert bench.pair.master.read(1, 1) == 0xA5


def test_a_poll_goes_before_the_register_chosen_with_it(bench: Bench) -> None:
    bench.raise_(4)
    bench.command(0, POLL | READ_ISR)
    assert bench.pair.master.read(0, 1) == 0x84
    assert bench.pair.master.read(0, 1) == 0x10


def test_polling_the_slave_takes_its_request_back_from_the_master(bench: Bench) -> None:
    bench.raise_(9)
    bench.command(1, POLL)
    assert bench.pair.slave.read(0, 1) == 0x81
    assert not bench.pair.output
    assert bench.status(0, READ_IRR) == 0
    assert bench.status(1, READ_ISR) == 0x02


def test_polling_the_master_for_a_slave_request_leaves_the_slave_to_be_polled(bench: Bench) -> None:
    bench.raise_(9)
    bench.command(0, POLL)
    assert bench.pair.master.read(0, 1) == 0x82
    assert bench.status(1, READ_IRR) == 0x02
    bench.command(1, POLL)
    assert bench.pair.slave.read(0, 1) == 0x81


# Initialisation


def test_icw1_clears_mask_service_priorities_modes_and_edges(bench: Bench) -> None:
    bench.raise_(4)
    bench.take()
    bench.raise_(6)
    bench.data(0, 0x55)
    bench.command(0, ROTATE | SPECIFIC | 3)
    bench.command(0, SET_SPECIAL_MASK)
    bench.command(0, READ_ISR)
    bench.initialise(0, 0x20)
    assert bench.pair.master.read(1, 1) == 0
    assert bench.pair.master.read(0, 1) == 0  # IRR again; input 6 needs a new edge
    assert bench.status(0, READ_ISR) == 0
    bench.lower(4, 6)
    assert served_in_turn(bench) == [0, 1, 3, 4, 5, 6, 7]


def test_icw1_keeps_the_request_of_a_level_input_that_is_up(bench: Bench) -> None:
    bench.pair.elcr.write(0, 1, 0x20)
    bench.raise_(5)
    bench.initialise(0, 0x20)
    assert bench.take() == 5


def test_nothing_interrupts_between_icw1_and_the_last_icw(bench: Bench) -> None:
    bench.command(0, 0x11)
    bench.raise_(4)
    for value in (0x20, 0x04):
        bench.data(0, value)
        assert not bench.pair.output
    bench.data(0, 0x01)
    assert bench.take() == 4


def test_without_icw4_the_sequence_is_shorter_and_all_its_modes_are_off() -> None:
    bench = Bench(master_icw4=0x13)
    bench.command(0, 0x10)
    bench.data(0, 0x60)
    bench.data(0, 0x04)
    bench.data(0, 0x80)  # OCW1 already
    assert bench.pair.master.read(1, 1) == 0x80
    bench.raise_(1)
    assert bench.pair.acknowledge() == 0x61
    assert bench.status(0, READ_ISR) == 0x02


def test_a_sequence_may_be_begun_again_halfway(bench: Bench) -> None:
    bench.command(0, 0x11)
    bench.data(0, 0x70)
    bench.initialise(0, 0x40)
    bench.raise_(0)
    assert bench.pair.acknowledge() == 0x40


def test_nothing_interrupts_after_reset_until_the_guest_unmasks() -> None:
    pins: list[bool] = []
    pair = PicPair(pins.append)
    for irq in range(16):
        pair.set_input(irq, True)
    assert not pins
    assert pair.master.read(1, 1) == 0xFF
    assert pair.slave.read(1, 1) == 0xFF
