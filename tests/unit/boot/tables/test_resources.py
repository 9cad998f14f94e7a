"""Resource descriptors against their layouts in the specification."""

from __future__ import annotations

import struct

import pytest

from vmm.boot.tables import resources


def test_ports_are_fixed_and_fully_decoded() -> None:
    assert resources.ports(0x3F8, 8) == bytes.fromhex("47 01 f803 f803 01 08")


@pytest.mark.parametrize(("line", "mask"), [(0, "0100"), (4, "1000"), (8, "0001"), (15, "0080")])
def test_an_isa_line_is_a_bit(line: int, mask: str) -> None:
    assert resources.isa_line(line) == bytes.fromhex("22" + mask)


def test_an_edge_line_is_active_high_and_this_devices() -> None:
    assert resources.edge_line(0x123) == bytes.fromhex("89 0600 03 01 23010000")


def test_memory_is_writable() -> None:
    assert resources.memory(0xD000_0000, 0x200) == bytes.fromhex("86 0900 01 000000d0 00020000")


@pytest.mark.parametrize(
    ("descriptor", "tag", "head", "layout", "first", "last"),
    [
        (resources.bus_window(0, 255), 0x88, (2, 0x0C, 0), "<5H", 0, 255),
        (resources.port_window(0xD00, 0xFFFF), 0x88, (1, 0x0C, 3), "<5H", 0xD00, 0xFFFF),
        (resources.memory_window(0xE000_0000, 0xFEBF_FFFF), 0x87, (0, 0x0C, 1), "<5I", 0xE000_0000, 0xFEBF_FFFF),
        (resources.high_memory_window(1 << 36, (1 << 37) - 1), 0x8A, (0, 0x0C, 3), "<5Q", 1 << 36, (1 << 37) - 1),
    ],
)
def test_windows_of_a_bridge_are_fixed_at_both_ends(
    descriptor: bytes, tag: int, head: tuple[int, ...], layout: str, first: int, last: int
) -> None:
    assert descriptor[0] == tag
    assert int.from_bytes(descriptor[1:3], "little") == len(descriptor) - 3
    assert tuple(descriptor[3:6]) == head
    assert struct.unpack(layout, descriptor[6:]) == (0, first, last, 0, last - first + 1)


def test_a_template_ends_with_a_tag() -> None:
    assert resources.template(b"\x22\x10\x00") == bytes.fromhex("11 08 0a05 221000 7900")
    assert resources.current() == b"\x08_CRS" + bytes.fromhex("11 05 0a02 7900")
