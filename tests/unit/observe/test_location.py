from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.errors import ConfigError
from vmm.observe.location import DIRECTIONS, Location, location_text, parse_location


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("hlt", Location(reason="hlt")),
        ("io", Location(reason="io")),
        ("io.out", Location(reason="io", direction="out")),
        ("io[0x3f8]", Location(reason="io", addresses=range(0x3F8, 0x3F9))),
        ("io.in.2[0x1f0]", Location(reason="io", direction="in", size=2, addresses=range(0x1F0, 0x1F1))),
        ("io[0x3f8-0x3ff]", Location(reason="io", addresses=range(0x3F8, 0x400))),
        ("io.4[3320]", Location(reason="io", size=4, addresses=range(0xCF8, 0xCF9))),
        (
            "mmio.read[0xfee00000]",
            Location(reason="mmio", direction="read", addresses=range(0xFEE0_0000, 0xFEE0_0001)),
        ),
        ("rdmsr[0x10]", Location(reason="rdmsr", addresses=range(0x10, 0x11))),
    ],
)
def test_each_form_names_what_it_says(text: str, location: Location) -> None:
    assert parse_location(text) == location


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hltt", "'hltt' is no exit reason, did you mean hlt?"),
        ("io.read", "'read' is no direction here: io has in and out"),
        ("hlt.in", "'in' is no direction here: hlt has no direction"),
        ("io[0x3f8", "the bracket is not closed"),
        ("io[com1]", "'com1' is neither an address nor a span of two"),
        ("io[0x3ff-0x3f8]", "runs backwards"),
        ("io.out.1.2", "'2' is neither a direction nor a size"),
        ("io.", "'' is neither a direction nor a size"),
        ("", "'' is no exit reason"),
    ],
)
def test_a_location_that_cannot_be_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_location(text)
    assert words in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    place=st.sampled_from([(reason, way) for reason, ways in DIRECTIONS.items() for way in ("", *ways)]),
    size=st.sampled_from([0, 1, 2, 4, 8]),
    address=st.none() | st.integers(min_value=0, max_value=2**64 - 1),
)
def test_what_a_table_prints_can_be_asked_for(place: tuple[str, str], size: int, address: int | None) -> None:
    found = parse_location(location_text(*place, size, address))
    assert (found.reason, found.direction, found.size) == (*place, size)
    assert found.addresses == (None if address is None else range(address, address + 1))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="io.mhlt[]0x-9 ", max_size=16))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(ConfigError):
        parse_location(text)
