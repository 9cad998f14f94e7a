"""Calendar arithmetic, against the standard library's and against plain search."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.calendar import DAY, civil_date, day_number, seconds_until

PART = st.none() | st.integers(0, 59)


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_dates_count_as_the_standard_library_counts_them(day: date) -> None:
    number = day_number(day.year, day.month, day.day)
    assert number - day_number(1, 1, 1) == day.toordinal() - 1
    assert civil_date(number) == (day.year, day.month, day.day)


def test_the_four_digits_of_a_year_start_over() -> None:
    assert civil_date(day_number(9999, 12, 31) + 1) == (0, 1, 1)
    assert civil_date(day_number(0, 1, 1)) == (0, 1, 1)
    assert civil_date(day_number(2023, 2, 31)) == (2023, 3, 3)


@given(st.integers(0, DAY - 1), st.none() | st.integers(0, 23), PART, PART)
@settings(max_examples=25)
def test_the_next_time_of_day_is_the_first_that_fits(
    now: int, hour: int | None, minute: int | None, second: int | None
) -> None:
    def fits(moment: int) -> bool:
        parts = (moment // 3600 % 24, moment // 60 % 60, moment % 60)
        return all(want is None or want == have for want, have in zip((hour, minute, second), parts, strict=True))

    ahead = seconds_until(now, hour, minute, second)
    assert 1 <= ahead <= DAY
    assert fits(now + ahead)
    assert not any(fits(now + step) for step in range(1, ahead))
