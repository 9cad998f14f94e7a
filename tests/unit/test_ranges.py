from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.ranges import Range, RangeMap


def test_a_range_is_half_open():
    span = Range(0x10, 4)
    assert (span.start, span.end, span.size, str(span)) == (0x10, 0x14, 4, "[0x10, 0x14)")
    assert [number in span for number in (0xF, 0x10, 0x13, 0x14)] == [False, True, True, False]
    assert span.covers(0x10, 4)
    assert not span.covers(0x10, 5)
    assert not span.covers(0xF, 2)
    assert span == Range(0x10, 4)
    assert hash(span) == hash(Range(0x10, 4))
    assert span != Range(0x10, 5)
    assert span != (0x10, 0x14)


@pytest.mark.parametrize(("start", "size"), [(-1, 1), (0, 0), (0, -5)])
def test_a_range_is_never_empty_or_negative(start, size):
    with pytest.raises(ValueError, match="size of at least 1"):
        Range(start, size)


def test_neighbours_do_not_overlap():
    assert not Range(0, 4).overlaps(Range(4, 4))
    assert Range(0, 5).overlaps(Range(4, 4))
    assert Range(2, 1).overlaps(Range(0, 10))


def test_removing_wants_the_very_range():
    held: RangeMap[str] = RangeMap()
    held.add(Range(0, 4), "a")
    for other in (Range(0, 3), Range(1, 3), Range(10, 1)):
        with pytest.raises(KeyError):
            held.remove(other)
    held.remove(Range(0, 4))
    assert len(held) == 0
    with pytest.raises(KeyError):
        held.remove(Range(0, 4))


def test_the_next_start_is_above_the_number():
    held: RangeMap[str] = RangeMap()
    held.add(Range(10, 5), "a")
    held.add(Range(20, 5), "b")
    assert [held.next_start(number) for number in (0, 9, 10, 19, 20, 99)] == [10, 10, 20, 20, None, None]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), max_size=30))
def test_the_map_agrees_with_one_entry_for_each_number(moves):
    held: RangeMap[int] = RangeMap()
    model: dict[int, tuple[Range, int]] = {}
    for at, (start, size, removes) in enumerate(moves):
        span = Range(start, size)
        if removes and start in model:
            span = model[start][0]
            held.remove(span)
            model = {number: entry for number, entry in model.items() if entry[0] != span}
            continue
        standing = held.add(span, at)
        blocked = any(number in model for number in range(start, start + size))
        assert (standing is not None) == blocked
        if standing is not None:
            assert standing[0].overlaps(span)
        else:
            model.update(dict.fromkeys(range(start, start + size), (span, at)))
    for number in range(90):
        assert held.find(number) == model.get(number)
    assert [span.start for span, _ in held] == sorted({entry[0].start for entry in model.values()})


def test_a_copy_changes_on_its_own_and_a_holder_may_be_replaced() -> None:
    first: RangeMap[str] = RangeMap()
    first.add(Range(0x10, 4), "a")
    twin = first.copy()
    twin.replace(Range(0x10, 4), "b")
    twin.add(Range(0x20, 4), "c")
    assert [holder for _, holder in first] == ["a"]
    assert [holder for _, holder in twin] == ["b", "c"]
    with pytest.raises(KeyError):
        twin.replace(Range(0x10, 3), "d")
