"""The interrupt controllers over their life: reset, save, load, and anything at all that a guest may do to them."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pic_bench import Bench

from vmm.devices.pic import Chip, PicPair
from vmm.errors import SnapshotError
from vmm.state import State

EOI = 0x20
READ_IRR = 0x0A


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_reset_lowers_int_and_forgets_everything(bench: Bench) -> None:
    bench.pair.elcr.write(0, 2, 0xFFFF)
    bench.raise_(4, 12, 15)
    bench.take()
    bench.raise_(1)
    bench.pair.reset()
    assert bench.pins[-1] is False
    assert bench.pair.save() == PicPair(lambda level: None).save()


def test_wide_accesses_go_to_both_ports(bench: Bench) -> None:
    bench.raise_(6)
    bench.pair.master.write(0, 2, 0x5A00 | READ_IRR)
    assert bench.pair.master.read(0, 2) == 0x5A40
    assert bench.pair.slave.read(1, 2) == 0xFF00


steps = st.lists(
    st.one_of(
        st.tuples(st.just("input"), st.integers(0, 15), st.booleans()),
        st.tuples(st.just("write"), st.integers(0, 5), st.integers(0, 0xFF)),
        st.tuples(st.just("write"), st.integers(0, 5), st.sampled_from((0x11, 0x20, 0x01, 0x00, 0x0C, 0x68, 0xA0))),
        st.tuples(st.just("read"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("acknowledge"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


def drive(bench: Bench, script: list[tuple[str, int, int]]) -> list[int]:
    answers = []
    parts = (bench.pair.master, bench.pair.slave, bench.pair.elcr)
    for action, where, value in script:
        if action == "input":
            bench.pair.set_input(where, bool(value))
        elif action == "write":
            parts[where >> 1].write(where & 1, 1, value)
        elif action == "read":
            answers.append(parts[where >> 1].read(where & 1, 1))
        else:
            answers.append(bench.pair.acknowledge())
        answers.append(bench.pair.output)
        assert bench.pins[-1:] in ([], [bench.pair.output])
    assert all(a is not b for a, b in zip(bench.pins, bench.pins[1:], strict=False)), "intr is told of changes alone"
    assert all(0 <= answer <= 0xFF for answer in answers)
    return answers


@settings(max_examples=100, deadline=None)
@given(before=steps, after=steps)
def test_a_restored_pair_goes_on_as_the_saved_one_whatever_the_guest_did(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    first, second = Bench(), Bench()
    drive(first, before)
    state = first.pair.save()
    second.pair.load(copy.deepcopy(state))
    assert second.pair.save() == state
    assert second.pair.output == first.pair.output
    assert drive(first, after) == drive(second, after)


@settings(max_examples=100, deadline=None)
@given(
    irr=st.integers(0, 0xFF),
    isr=st.integers(0, 0xFF),
    imr=st.integers(0, 0xFF),
    first=st.integers(0, 7),
    special=st.booleans(),
    nested=st.booleans(),
)
def test_the_request_is_what_the_datasheet_says_level_by_level(
    irr: int, isr: int, imr: int, first: int, special: bool, nested: bool
) -> None:
    chip = Chip(0x04)
    chip.irr, chip.isr, chip.imr, chip.first = irr, isr, imr, first
    chip.special_mask, chip.nested_specially = special, nested
    expected = -1
    for rank in range(8):
        level = (first + rank) % 8
        requested, masked, served = (register >> level & 1 for register in (irr, imr, isr))
        blocks = served and not (special and masked)
        if requested and not masked and (not blocks or (nested and level == 2)):
            expected = level
            break
        if blocks:
            break
    assert chip.request() == expected


def test_loading_a_state_with_a_request_raises_int(bench: Bench) -> None:
    bench.raise_(4)
    other = Bench()
    other.pair.load(bench.pair.save())
    assert other.pins == [True]
    other.raise_(4)  # the device that holds it up says so again: no new edge
    assert other.take() == 4
    other.command(0, EOI)
    assert other.take() is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("irr", 0x100),
        ("isr", -1),
        ("imr", None),
        ("lines", True),
        ("first", 8),
        ("base", 0x21),
        ("step", 1),
        ("step", 5),
        ("auto_eoi", 1),
        ("poll", "no"),
    ],
)
def test_a_state_out_of_range_is_refused_without_a_change(bench: Bench, field: str, value: object) -> None:
    bench.raise_(4)
    before = bench.pair.save()
    broken = copy.deepcopy(before)
    broken.fields["slave"][field] = value
    with pytest.raises(SnapshotError, match="slave"):
        bench.pair.load(broken)
    assert bench.pair.save() == before


@pytest.mark.parametrize("change", [{"master": {}}, {"slave": None}, {"raised_by": 8}, {"raised_by": None}, {"x": 1}])
def test_a_state_of_another_shape_is_refused(bench: Bench, change: dict[str, object]) -> None:
    before = bench.pair.save()
    with pytest.raises(SnapshotError):
        bench.pair.load(State("vmm.pic", 1, before.fields | change))
    with pytest.raises(SnapshotError):
        bench.pair.load(State("vmm.pic", 2, before.fields))
    assert bench.pair.save() == before


def test_a_level_request_without_its_line_is_refused(bench: Bench) -> None:
    bench.pair.elcr.write(0, 1, 0x20)
    broken = bench.pair.save()
    broken.fields["master"]["irr"] = 0x20
    with pytest.raises(SnapshotError, match="contradict"):
        bench.pair.load(broken)
