"""The interval timer over its life: reset, save, load, and anything at all that a guest may do to it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pit_bench import BOTH, Bench, at

from vmm.errors import SnapshotError
from vmm.state import State


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_reset_lowers_line_and_gate_and_forgets_everything(bench: Bench) -> None:
    bench.port61.write(0, 1, 0x0F)
    bench.program(0, 2, 1000)
    bench.flow(at(1500))
    bench.pit.write(3, 1, 0xC2)
    bench.pit.reset()
    bench.port61.reset()
    assert not bench.line.asserted
    assert not bench.pit.gate2
    assert bench.timers.next_deadline() is None
    assert bench.status(0) == 0xC0 | BOTH
    assert bench.port61.read(0, 1) & 0xCF == 0
    fresh = Bench()
    fresh.clock = bench.clock
    fresh.pit.reset()
    fresh.status(0)
    assert bench.pit.save() == fresh.pit.save()


accesses = st.lists(
    st.tuples(
        st.sampled_from(("read", "write", "wait", "gate")),
        st.integers(0, 4),
        st.sampled_from((1, 2, 4, 8)),
        st.integers(0, 0xFF),
    ),
    max_size=40,
)


def drive(bench: Bench, steps: list[tuple[str, int, int, int]]) -> list[int]:
    answers = []
    for action, offset, size, value in steps:
        if action == "read":
            answers.append(bench.pit.read(offset, size))
        elif action == "write":
            bench.pit.write(offset, size, value * 0x0101010101010101 & (1 << 8 * size) - 1)
        elif action == "gate":
            bench.port61.write(0, 1, value)
        else:
            bench.flow(bench.clock + value**2 * 100)
        answers.append(bench.port61.read(0, 1) << 1 | bench.line.asserted)
    return answers


@settings(max_examples=60, deadline=None)
@given(before=accesses, after=accesses)
def test_a_restored_timer_goes_on_as_the_saved_one_whatever_the_guest_did(
    before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]]
) -> None:
    first, second = Bench(), Bench()
    assert all(value >= 0 for value in drive(first, before))
    second.clock = first.clock
    pit, port = first.pit.save(), first.port61.save()
    second.pit.load(copy.deepcopy(pit))
    second.port61.load(port)
    assert second.pit.save() == pit
    assert second.line.asserted == first.line.asserted
    assert (second.timers.next_deadline() is None) == (first.timers.next_deadline() is None)
    assert drive(first, after) == drive(second, after)


def test_an_edge_that_was_due_at_the_save_is_not_lost(bench: Bench) -> None:
    bench.program(0, 0, 100)
    bench.clock = at(200)
    state = bench.pit.save()
    other = Bench()
    other.clock = bench.clock
    other.pit.load(state)
    assert not other.line.asserted
    other.timers.run_due()
    assert other.line.asserted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("control", 0x0F),
        ("control", 0x40),
        ("control", None),
        ("gate", 1),
        ("period", 0x10001),
        ("period", -1),
        ("initial", True),
        ("base", 1 << 63),
        ("frozen", "0"),
        ("residue", 0x10000),
        ("low", 0x100),
        ("latch", 1.5),
        ("risen", None),
    ],
)
def test_a_state_out_of_range_is_refused_without_a_change(bench: Bench, field: str, value: object) -> None:
    bench.program(0, 2, 1000)
    before = bench.pit.save()
    broken = copy.deepcopy(before)
    broken.fields["counters"][2][field] = value
    with pytest.raises(SnapshotError, match=f"counter 2: {field}"):
        bench.pit.load(broken)
    assert bench.pit.save() == before


@pytest.mark.parametrize(
    "change",
    [
        {"counters": []},
        {"counters": None},
        {"counters": [{}, {}, {}]},
        {"served": -1},
        {"served": None},
        {"line": 1},
        {"more": 1},
    ],
)
def test_a_state_of_another_shape_is_refused(bench: Bench, change: dict[str, object]) -> None:
    before = bench.pit.save()
    with pytest.raises(SnapshotError):
        bench.pit.load(State("vmm.pit", 1, before.fields | change))
    with pytest.raises(SnapshotError):
        bench.pit.load(State("vmm.pit", 2, before.fields))
    assert bench.pit.save() == before
