"""The Gregorian calendar as arithmetic: day numbers, dates, and when a time of day comes next.

Years run from 0 to 9999 and then start over, as four digits do. Knows no time zones, leap seconds or host time.
"""

from __future__ import annotations

DAY = 86400
"""Seconds of a day."""

_DAYS_IN_400_YEARS = 146097


def day_number(year: int, month: int, day: int) -> int:
    """Days from 1 March of year 0 to the date; a day beyond the month's end (or 0) counts on from its first."""
    if month <= 2:
        year -= 1
    # Counted from March, the leap day is a year's last and months of 31 and 30 days follow a line of slope 153 / 5.
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 1


def civil_date(number: int) -> tuple[int, int, int]:
    """Year, month and day of a day number: the inverse of day_number."""
    cycles, number = divmod(number, _DAYS_IN_400_YEARS)
    year = (number - number // 1460 + number // 36524 - number // 146096) // 365
    number -= 365 * year + year // 4 - year // 100
    month = (5 * number + 2) // 153
    day = number - (153 * month + 2) // 5 + 1
    return (cycles * 400 + year + (month >= 10)) % 10000, (month + 2) % 12 + 1, day


def seconds_until(now: int, hour: int | None, minute: int | None, second: int | None) -> int:
    """Seconds, 1 to 86400, from second `now` of a day to the next time of day that has these parts; None fits any."""
    then = now + 1
    while True:
        # Each step goes to the next moment at which one part fits and all lower parts are 0. A part is reached at
        # most twice before it fits for good: once, and once more after a carry from the part below.
        if hour is not None and (ahead := (hour - then // 3600) % 24):
            then += ahead * 3600 - then % 3600
        elif minute is not None and (ahead := (minute - then // 60) % 60):
            then += ahead * 60 - then % 60
        elif second is not None and (ahead := (second - then) % 60):
            then += ahead
        else:
            return then - now
