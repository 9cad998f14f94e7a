from __future__ import annotations

import pytest

from vmm.observe.figures import duration, share


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0ns"), (999, "999ns"), (1000, "1.0us"), (4096, "4.1us"), (9960, "10us"), (999_600, "1.0ms"),
     (10_000_000, "10ms"), (1_500_000_000, "1.5s"), (7_200_000_000_000, "7200s")],
)  # fmt: skip
def test_durations_take_two_or_three_digits(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0.0%"), (0.0001, "<0.1%"), (0.5, "50.0%"), (0.99999, "99.9%"), (1, "100%")],
)
def test_something_is_never_0_and_a_part_is_never_100(part: float, text: str) -> None:
    assert share(part) == text
