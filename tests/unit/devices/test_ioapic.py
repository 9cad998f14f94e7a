"""The I/O APIC, with local APICs that note what they are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.devices.ioapic import END, INDEX, INPUTS, LEVEL, MASKED, REMOTE_IRR, WINDOW, IoApic
from vmm.errors import SnapshotError
from vmm.state import State

LOGICAL, LOWEST, NMI = 1 << 11, 1 << 8, 4 << 8


class Bench:
    """A chip, the messages that it has sent, and what it wants to hear the end of."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.watched: list[set[tuple[int, int]]] = []
        self.is_taken = True
        self.chip = IoApic(self._send, lambda messages: self.watched.append(set(messages)))

    def _send(self, address: int, data: int) -> bool:
        self.sent.append((address, data))
        return self.is_taken

    def read(self, index: int) -> int:
        self.chip.write(INDEX, 4, index)
        return self.chip.read(WINDOW, 4)

    def write(self, index: int, value: int) -> None:
        self.chip.write(INDEX, 4, index)
        self.chip.write(WINDOW, 4, value)

    def route(self, gsi: int, entry: int, destination: int = 0) -> None:
        """As drivers do it: the destination first, the rest unmasks."""
        self.write(0x11 + 2 * gsi, destination << 24)
        self.write(0x10 + 2 * gsi, entry)

    def entry(self, gsi: int) -> int:
        return self.read(0x10 + 2 * gsi)

    def pulse(self, gsi: int) -> None:
        self.chip.set_input(gsi, True)
        self.chip.set_input(gsi, False)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_says_what_it_is_and_starts_masked(bench):
    assert bench.read(1) == 0x17_0020
    assert [bench.entry(gsi) for gsi in range(INPUTS)] == [MASKED] * INPUTS
    assert bench.read(0x10 + 2 * INPUTS) == bench.read(0xFF) == bench.read(3) == 0
    bench.write(0, 0xFFFF_FFFF)
    assert bench.read(0) == bench.read(2) == 0x0F00_0000
    bench.write(1, 0)
    assert bench.read(1) == 0x17_0020


def test_the_index_reads_back_and_narrow_accesses_reach_the_low_bytes(bench):
    bench.chip.write(INDEX, 1, 0x11)
    assert bench.chip.read(INDEX, 4) == 0x11
    bench.chip.write(WINDOW, 4, 0x1234_5678)
    assert bench.chip.read(WINDOW, 4) == 0x1200_0000
    bench.chip.write(INDEX, 1, 1)
    assert (bench.chip.read(WINDOW, 1), bench.chip.read(WINDOW, 2)) == (0x20, 0x20)
    assert bench.chip.read(0x20, 4) == bench.chip.read(END, 4) == 0


@pytest.mark.parametrize(
    ("entry", "destination", "message"),
    [
        (0x31, 0, (0xFEE0_0000, 0x31)),
        (0x31, 5, (0xFEE0_5000, 0x31)),
        (0x42 | LOGICAL | LOWEST, 0xFF, (0xFEEF_F004, 0x142)),
        (0x42 | LEVEL, 1, (0xFEE0_1000, 0xC042)),
        (NMI, 2, (0xFEE0_2000, 0x400)),
    ],
)
def test_an_entry_becomes_a_message(bench, entry, destination, message):
    bench.route(4, entry, destination)
    bench.chip.set_input(4, True)
    assert bench.sent == [message]


def test_each_rising_edge_is_a_message_and_nobody_ends_it(bench):
    bench.route(7, 0x50)
    bench.pulse(7)
    bench.chip.set_input(7, True)
    bench.chip.set_input(7, True)
    assert len(bench.sent) == 2
    assert bench.entry(7) == 0x50
    bench.chip.end_of_interrupt(0x50)
    assert len(bench.sent) == 2
    assert bench.watched == []


def test_edges_at_a_masked_input_are_forgotten(bench):
    bench.route(7, 0x50 | MASKED)
    bench.chip.set_input(7, True)
    bench.route(7, 0x50)
    assert bench.sent == []
    bench.chip.set_input(7, False)
    bench.chip.set_input(7, True)
    assert len(bench.sent) == 1


def test_a_level_is_sent_again_at_its_end_for_as_long_as_it_is_up(bench):
    bench.route(9, 0x60 | LEVEL)
    bench.chip.set_input(9, True)
    assert bench.entry(9) == 0x60 | LEVEL | REMOTE_IRR
    bench.pulse(9)
    assert len(bench.sent) == 1
    bench.chip.set_input(9, True)
    bench.chip.end_of_interrupt(0x61)
    assert len(bench.sent) == 1
    bench.chip.end_of_interrupt(0x60)
    assert len(bench.sent) == 2
    bench.chip.set_input(9, False)
    bench.chip.write(END, 4, 0x60)
    assert len(bench.sent) == 2
    assert bench.entry(9) == 0x60 | LEVEL


def test_a_level_waits_for_the_mask(bench):
    bench.route(9, 0x60 | LEVEL | MASKED)
    bench.chip.set_input(9, True)
    assert bench.sent == []
    bench.route(9, 0x60 | LEVEL)
    assert len(bench.sent) == 1
    bench.route(9, 0x60 | LEVEL | MASKED)
    bench.chip.end_of_interrupt(0x60)
    assert len(bench.sent) == 1
    assert not bench.entry(9) & REMOTE_IRR
    bench.route(9, 0x60 | LEVEL)
    assert len(bench.sent) == 2


def test_inputs_that_share_a_vector_end_together(bench):
    for gsi in (9, 10):
        bench.route(gsi, 0x60 | LEVEL)
        bench.chip.set_input(gsi, True)
    bench.chip.end_of_interrupt(0x60)
    assert len(bench.sent) == 4


def test_the_remote_irr_is_the_chips_own_and_goes_with_the_trigger(bench):
    bench.route(9, 0x60 | LEVEL | REMOTE_IRR | 1 << 12)
    assert bench.entry(9) == 0x60 | LEVEL
    bench.chip.set_input(9, True)
    bench.route(9, 0x60 | LEVEL)
    assert bench.entry(9) & REMOTE_IRR
    assert len(bench.sent) == 1
    bench.route(9, 0x60 | MASKED)
    assert not bench.entry(9) & REMOTE_IRR
    bench.route(9, 0x60 | LEVEL)
    assert len(bench.sent) == 2


def test_what_no_local_apic_takes_does_not_block_the_input(bench):
    bench.is_taken = False
    bench.route(9, 0x60 | LEVEL)
    bench.chip.set_input(9, True)
    assert bench.entry(9) == 0x60 | LEVEL
    bench.is_taken = True
    bench.pulse(9)
    bench.chip.set_input(9, True)
    assert bench.entry(9) & REMOTE_IRR


def test_what_has_no_end_is_not_waited_for(bench):
    bench.route(9, NMI | LEVEL)
    bench.chip.set_input(9, True)
    assert bench.entry(9) == NMI | LEVEL
    assert bench.watched == []


def test_it_says_whose_end_it_must_hear_of_when_that_changes(bench):
    bench.route(9, 0x60 | LEVEL, 1)
    bench.route(9, 0x60 | LEVEL | MASKED, 1)
    bench.route(4, 0x31)
    assert bench.watched == [{(0xFEE0_1000, 0xC060)}]
    bench.route(9, 0x61 | LEVEL, 1)
    assert bench.watched[1:] == [{(0xFEE0_1000, 0xC061)}]
    bench.chip.reset()
    assert bench.watched[-1] == set()


def test_a_message_on_its_way_is_watched_when_its_entry_leads_elsewhere(bench):
    bench.route(9, 0x60 | LEVEL, 1)
    bench.chip.set_input(9, True)
    bench.write(0x11 + 2 * 9, 2 << 24)
    assert bench.watched[-1] == {(0xFEE0_1000, 0xC060), (0xFEE0_2000, 0xC060)}
    other = Bench()
    other.chip.load(bench.chip.save())
    assert other.watched == bench.watched[-1:]
    bench.chip.end_of_interrupt(0x60)
    assert bench.watched[-1] == {(0xFEE0_2000, 0xC060)}
    assert bench.sent == [(0xFEE0_1000, 0xC060), (0xFEE0_2000, 0xC060)]


def test_there_is_no_input_24(bench):
    bench.chip.set_input(INPUTS, True)
    assert bench.chip.save().fields["lines"] == 0


def test_reset_masks_all_and_leaves_the_wires_as_they_are(bench):
    bench.write(0, 0x0300_0000)
    bench.route(9, 0x60 | LEVEL, 3)
    bench.chip.set_input(9, True)
    bench.chip.reset()
    assert (bench.entry(9), bench.read(0)) == (MASKED, 0)
    bench.route(9, 0x60 | LEVEL)
    assert len(bench.sent) == 2


def test_it_goes_on_where_it_was_saved(bench):
    bench.route(9, 0x60 | LEVEL, 1)
    bench.chip.set_input(9, True)
    other = Bench()
    other.chip.load(bench.chip.save())
    assert other.chip.save() == bench.chip.save()
    assert (other.sent, other.watched) == ([], [{(0xFEE0_1000, 0xC060)}])
    other.chip.end_of_interrupt(0x60)
    assert len(other.sent) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"index": 256}, {"identity": 1}, {"lines": 1 << 24}, {"lines": True}, {"entries": [MASKED]}, {"entries": None},
        {"sent": [0]}, {"sent": [0x60 | LEVEL] * INPUTS},
        {"entries": [1 << 12] * INPUTS}, {"entries": ["x"] * INPUTS}, {"entries": [REMOTE_IRR] * INPUTS},
    ],
    ids=str,
)  # fmt: skip
def test_a_state_that_cannot_be_is_refused_and_changes_nothing(bench, change):
    bench.route(9, 0x60 | LEVEL)
    before = bench.chip.save()
    with pytest.raises(SnapshotError):
        bench.chip.load(State("vmm.ioapic", 1, {**before.fields, **change}))
    assert bench.chip.save() == before


ACCESSES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from([INDEX, WINDOW, END, 0x04, 0xFC]), st.integers(0, 0xFFFF_FFFF)),
        st.tuples(st.just("index"), st.just(INDEX), st.integers(0, 0x40)),
        st.tuples(st.just("line"), st.integers(0, 30), st.booleans()),
        st.tuples(st.just("end"), st.just(0), st.integers(0, 255)),
    ),
    max_size=60,
)


@given(ACCESSES)
def test_no_guest_gets_past_it_and_every_state_loads(accesses):
    bench = Bench()
    for kind, where, value in accesses:
        if kind == "line":
            bench.chip.set_input(where, value)
        elif kind == "end":
            bench.chip.end_of_interrupt(value)
        else:
            bench.chip.write(where, 4, value)
            assert 0 <= bench.chip.read(where, 4) <= 0xFFFF_FFFF
    other = Bench()
    other.chip.load(bench.chip.save())
    assert other.chip.save() == bench.chip.save()
