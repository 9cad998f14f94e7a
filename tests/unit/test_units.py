from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.units import GiB, KiB, MiB, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "unit", "size"),
    [
        ("4096", "", 4096), ("4096", "k", 4096 * KiB), ("16", "m", 16 * MiB), ("64M", "", 64 * MiB),
        ("64m", "k", 64 * MiB),
        ("1.5GiB", "", 3 * GiB // 2), (" 2 kib ", "", 2048), ("7b", "m", 7), ("0x1000", "m", 4096), ("0", "", 0),
    ],
)  # fmt: skip
def test_sizes(text, unit, size):
    assert parse_size(text, unit) == size


@pytest.mark.parametrize("text", ["", "M", "12 parsecs", "-1", "1.5", "1..5k", "0.1b", "64MM", "ten", "1e6"])
def test_what_is_no_size_is_refused_by_its_text(text):
    with pytest.raises(ValueError) as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["0x", "0xM", "0x10M"])
def test_what_is_no_hexadecimal_size_is_refused(text):
    with pytest.raises(ValueError):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("2", 2 * 10**9), ("1.5s", 15 * 10**8), ("20ms", 2 * 10**7), ("300us", 300_000), ("5m", 300 * 10**9), ("9 ns", 9),
     ("1h", 3600 * 10**9)],
)  # fmt: skip
def test_durations(text, ns):
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "s", "2 weeks", "1.2.3s", "-1s", "infs", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 60))
def test_a_formatted_size_is_exact(size):
    assert parse_size(format_size(size)) == size


def test_formatted_sizes_and_durations_read_well():
    assert [format_size(size) for size in (0, 1000, 65536, 3 * MiB, GiB)] == [
        "0 B",
        "1000 B",
        "64 KiB",
        "3 MiB",
        "1 GiB",
    ]
    assert [format_duration(ns) for ns in (0, 999, 7910, 45_600, 1_200_000, 123_000_000, 2_500_000_000)] == [
        "0 ns", "999 ns", "7.91 us", "45.6 us", "1.20 ms", "123 ms", "2.50 s",
    ]  # fmt: skip
