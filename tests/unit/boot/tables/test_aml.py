"""AML against the bytes that the specification's grammar gives."""

from __future__ import annotations

import pytest

from vmm.boot.tables import aml


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("COM1", b"COM1"), ("_S5", b"_S5_"), ("A", b"A___"), ("\\", b"\\\0"), ("", b"\0"), ("^COM1", b"^COM1"),
        ("^^", b"^^\0"), ("\\_SB.COM1", b"\\\x2e_SB_COM1"), ("_SB.PCI0.ISA", b"\x2f\x03_SB_PCI0ISA_"),
    ],
)  # fmt: skip
def test_names_are_padded_and_prefixed(path: str, expected: bytes) -> None:
    assert aml.name(path) == expected


@pytest.mark.parametrize("path", ["COM10", "1COM", "com1", "A.", ".A", "A..B", "\\\\A", "^\\A", "\\^A", "A-B", "Ä"])
def test_what_is_no_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no AML name"):
        aml.name(path)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, b"\x01"), (62, b"\x3f"), (63, b"\x41\x04"), (64, b"\x42\x04"), (4093, b"\x4f\xff"), (4094, b"\x81\x00\x01"),
        (0xF_FFFC, b"\x8f\xff\xff"), (0xF_FFFD, b"\xc1\x00\x00\x01"), ((1 << 28) - 5, b"\xcf\xff\xff\xff"),
    ],
)  # fmt: skip
def test_a_package_length_counts_itself(size: int, expected: bytes) -> None:
    encoded = aml.package_length(size)
    assert encoded == expected
    more = encoded[0] >> 6
    total = encoded[0] & 0x3F if not more else encoded[0] & 0xF | int.from_bytes(encoded[1:], "little") << 4
    assert (more, total) == (len(encoded) - 1, size + len(encoded))


def test_a_package_has_an_end() -> None:
    with pytest.raises(ValueError, match="more than a package"):
        aml.package_length((1 << 28) - 4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, b"\0"), (1, b"\x01"), (2, b"\x0a\x02"), (0xFF, b"\x0a\xff"), (0x100, b"\x0b\0\x01"),
        (0xFFFF, b"\x0b\xff\xff"), (0x1_0000, b"\x0c\0\0\x01\0"), (1 << 32, b"\x0e\0\0\0\0\x01\0\0\0"),
    ],
)  # fmt: skip
def test_integers_take_the_shortest_constant(value: int, expected: bytes) -> None:
    assert aml.integer(value) == expected


def test_integers_have_64_bits() -> None:
    assert aml.integer((1 << 64) - 1) == b"\x0e" + b"\xff" * 8
    for value in (1 << 64, -1):
        with pytest.raises(OverflowError):
            aml.integer(value)


def test_strings_end_with_nul_and_have_none_inside() -> None:
    assert aml.string("LNRO0005") == b"\x0dLNRO0005\0"
    with pytest.raises(ValueError, match="NUL"):
        aml.string("a\0b")
    with pytest.raises(UnicodeEncodeError):
        aml.string("ä")


@pytest.mark.parametrize(
    ("identity", "number"), [("PNP0501", 0x0105D041), ("PNP0C0C", 0x0C0CD041), ("PNP0A08", 0x080AD041)]
)
def test_eisa_ids_are_packed(identity: str, number: int) -> None:
    assert aml.eisa_id(identity) == b"\x0c" + number.to_bytes(4, "little")


@pytest.mark.parametrize("identity", ["PNP05", "QEMU0001", "pnp0501", "PNP05XX", "P1P0501"])
def test_what_is_no_eisa_id_is_refused(identity: str) -> None:
    with pytest.raises(ValueError):
        aml.eisa_id(identity)


def test_objects_nest() -> None:
    assert aml.named("_S5", aml.package(aml.integer(5), aml.integer(0))) == b"\x08_S5_\x12\x05\x02\x0a\x05\0"
    assert aml.buffer(b"ab") == b"\x11\x05\x0a\x02ab"
    assert aml.device("D", aml.named("_UID", aml.integer(1))) == b"\x5b\x82\x0bD___\x08_UID\x01"
    assert aml.scope("\\_SB", b"") == b"\x10\x06\\_SB_"
    assert aml.method("_EVT", 1, aml.notify("\\_SB.P", 0x80)) == b"\x14\x13_EVT\x09\x86\\\x2e_SB_P___\x0a\x80"
