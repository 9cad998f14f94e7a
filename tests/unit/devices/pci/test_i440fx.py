"""The host bridge: which PAM bits rule which segment."""

from __future__ import annotations

import pytest

from vmm.devices.pci import i440fx
from vmm.units import KiB

SEGMENTS = dict(zip([0xC0000 + offset for offset, _ in i440fx.SEGMENTS], range(13), strict=True))


@pytest.mark.parametrize(
    ("register", "value", "segment"),
    [(0x59, 0x10, 0xF0000), (0x5A, 0x01, 0xC0000), (0x5A, 0x10, 0xC4000), (0x5D, 0x20, 0xDC000), (0x5E, 0x02, 0xE0000),
     (0x5F, 0x30, 0xEC000), (0x5F, 0x03, 0xE8000)],
)  # fmt: skip
def test_each_half_of_a_register_rules_one_segment(register: int, value: int, segment: int) -> None:
    told: list[tuple[int, ...]] = []
    bridge = i440fx.host_bridge(told.append)
    bridge.write(register, 1, value)
    expected = [0] * 13
    expected[SEGMENTS[segment]] = value >> 4 or value
    assert told == [tuple(expected)]


def test_a_dword_sets_all_it_covers_at_once_and_reserved_bits_stay_zero() -> None:
    told: list[tuple[int, ...]] = []
    bridge = i440fx.host_bridge(told.append)
    bridge.write(0x58, 4, 0xFFFF_FFFF)
    bridge.write(0x5C, 4, 0xFFFF_FFFF)
    assert len(told) == 2
    assert told[1] == (3,) * 13
    assert bridge.read(0x58, 4) == 0x3333_3000


def test_other_registers_say_nothing_of_segments() -> None:
    bridge = i440fx.host_bridge(lambda attributes: pytest.fail("nothing changed"))
    bridge.write(0x54, 4, 0xFFFF_FFFF)
    bridge.write(i440fx.SMRAM, 1, 0x4A)
    bridge.write(0x60, 4, 0xFFFF_FFFF)


def test_the_segments_fill_the_window() -> None:
    end = 0
    for offset, size in i440fx.SEGMENTS:
        assert offset == end
        end += size
    assert end == 256 * KiB
