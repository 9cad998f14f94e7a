from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bits import align_down, align_up, field, in_words, mask, with_field

small = st.integers(0, 1 << 64)


def test_masks():
    assert [mask(size) for size in (1, 2, 4, 8)] == [0xFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF]


@settings(max_examples=50, deadline=None)
@given(small, st.integers(0, 60), st.integers(1, 16), small)
def test_a_field_put_in_comes_out_and_the_rest_stays(value, low, width, content):
    changed = with_field(value, low, width, content)
    assert field(changed, low, width) == content & ((1 << width) - 1)
    assert with_field(changed, low, width, field(value, low, width)) == value


@settings(max_examples=50, deadline=None)
@given(small, st.sampled_from([1, 2, 16, 4096]))
def test_alignment(value, unit):
    down, up = align_down(value, unit), align_up(value, unit)
    assert down <= value <= up
    assert (down % unit, up % unit) == (0, 0)
    assert up - down in (0, unit)


def test_bits_in_words_come_lowest_first():
    assert in_words(0x8000_0001, {31: "PG", 0: "PE", 5: "NE"}) == "PE PG"
    assert in_words(0, {0: "PE"}) == ""
