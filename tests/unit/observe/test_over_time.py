from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vmm.observe.over_time import added, coarser, trimmed

COUNTS = st.lists(st.integers(0, 9), max_size=20)


@given(COUNTS, st.sampled_from([1, 2, 4, 64]))
def test_longer_intervals_keep_every_exit(counts: list[int], times: int) -> None:
    assert sum(coarser(counts, times)) == sum(counts)
    assert len(coarser(counts, times)) == -(-len(counts) // times)


def test_neighbours_become_one() -> None:
    assert coarser([1, 2, 3, 4, 5], 2) == (3, 7, 5)


@given(st.lists(COUNTS, max_size=4))
def test_a_sum_is_as_long_as_the_longest(lists: list[list[int]]) -> None:
    total = added(lists)
    assert len(total) == max(map(len, lists), default=0)
    assert sum(total) == sum(map(sum, lists))


def test_the_end_is_where_the_last_exit_came() -> None:
    assert trimmed([0, 1, 0, 0]) == [0, 1]
    assert trimmed([0, 0]) == []
