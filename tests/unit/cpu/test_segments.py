"""Descriptors and segment registers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.cpu import segments
from vmm.cpu.segments import Gdt, Segment, decode, encode

page_limits = st.integers(0, 0xFFFFF).map(lambda pages: pages << 12 | 0xFFF)
bit = st.integers(0, 1)


@st.composite
def any_segment(draw: st.DrawFn) -> Segment:
    g = draw(bit)
    return Segment(
        selector=0,
        base=draw(st.integers(0, 0xFFFF_FFFF)),
        limit=draw(page_limits if g else st.integers(0, 0xFFFFF)),
        type=draw(st.integers(0, 15)),
        present=draw(bit),
        dpl=draw(st.integers(0, 3)),
        db=draw(bit),
        s=draw(bit),
        l=draw(bit),
        g=g,
        avl=draw(bit),
    )


@settings(max_examples=100)
@given(any_segment())
def test_a_descriptor_decodes_to_the_segment_it_was_made_from(segment: Segment) -> None:
    assert decode(encode(segment)) == segment


@settings(max_examples=30)
@given(st.integers(0, (1 << 64) - 1))
def test_a_long_mode_tss_descriptor_keeps_all_64_bits_of_the_base(base: int) -> None:
    raw = encode(segments.tss(base), wide=True)
    assert len(raw) == 16
    assert decode(raw).base == base


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (segments.flat_code32(), 0x00CF9B000000FFFF),
        (segments.flat_data32(), 0x00CF93000000FFFF),
        (segments.code64(), 0x00AF9B000000FFFF),
        (segments.code64(3), 0x00AFFB000000FFFF),
        (segments.flat_data32(3), 0x00CFF3000000FFFF),
        (segments.tss(0x12345678, 0x67), 0x12008B3456780067),
    ],
)
def test_flat_descriptors_have_the_values_of_the_manuals(segment: Segment, expected: int) -> None:
    assert int.from_bytes(encode(segment), "little") == expected


def test_a_limit_that_a_descriptor_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="0x100000"):
        encode(Segment(limit=0x100000))
    with pytest.raises(ValueError, match="0xfff"):
        encode(Segment(limit=0x12345678, g=1))
    with pytest.raises(ValueError, match="base"):
        encode(Segment(base=1 << 32))
    with pytest.raises(ValueError, match="8 or 16"):
        decode(bytes(7))


def test_selectors_count_entries_and_carry_the_ring() -> None:
    gdt = Gdt()
    code, user, task, last = (
        gdt.add(segments.code64()),
        gdt.add(segments.flat_data32(3)),
        gdt.add(segments.tss(0x1000), wide=True),
        gdt.add(segments.flat_code32()),
    )
    assert [code.selector, user.selector, task.selector, last.selector] == [0x08, 0x13, 0x18, 0x28]
    assert gdt.raw[:8] == bytes(8)
    assert gdt.limit == len(gdt.raw) - 1 == 0x2F
    assert decode(gdt.raw[0x18:0x28], 0x18) == task


def test_real_mode_bases_are_sixteen_times_the_selector() -> None:
    assert segments.real_mode(0xF000).base == 0xF0000
    assert segments.real_mode(0, limit=segments.ALL).g == 1


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        (segments.code64(), "code 64-bit, ring 0, base 0, limit 0xffffffff"),
        (segments.flat_data32(3), "data 32-bit, ring 3, base 0, limit 0xffffffff"),
        (segments.real_mode(0x1234), "data 16-bit, ring 0, base 0x12340, limit 0xffff"),
        (segments.tss(0x9000), "TSS busy, ring 0, base 0x9000, limit 0x67"),
        (segments.real_mode_ldt(), "LDT, ring 0, base 0, limit 0xffff"),
        (segments.unusable(), "unusable"),
        (
            Segment(type=0xC, present=0, db=1),
            "code 32-bit, conforming, execute-only, ring 0, base 0, limit 0, not present",
        ),
        (Segment(type=4), "data 16-bit, expand-down, read-only, ring 0, base 0, limit 0"),
        (Segment(type=8, s=0), "system type 0x8, ring 0, base 0, limit 0"),
    ],
)
def test_a_segment_reads_in_words(segment: Segment, words: str) -> None:
    assert segment.in_words() == words


def test_replace_leaves_the_original_alone() -> None:
    original = segments.code64()
    changed = original.replace(selector=0x33)
    assert (original.selector, changed.selector) == (0, 0x33)
    assert changed != original
    assert changed.replace(selector=0) == original
    assert hash(changed.replace(selector=0)) == hash(original)
