"""The character set of a text screen against Python's codec of that name, which agrees where it has pictures."""

from __future__ import annotations

from vmm.observe.cp437 import CHARACTERS, CODES, to_text


def test_every_code_has_one_picture() -> None:
    assert len(CHARACTERS) == 256
    assert [code for code in range(256) if CHARACTERS[code] == " "] == [0, 0x20, 0xFF]
    assert len(set(CHARACTERS)) == 254
    assert all(character.isprintable() for character in CHARACTERS)


def test_it_is_code_page_437_where_that_has_pictures() -> None:
    printable = bytes([*range(0x20, 0x7F), *range(0x80, 0xFF)])
    assert to_text(printable) == printable.decode("cp437")


def test_codes_below_a_blank_are_pictures_too() -> None:
    assert to_text(b"\x01\x03\x0d\x10\x1b\x7f") == "☺♥♪►←⌂"


def test_characters_lead_back_to_their_codes() -> None:
    assert all(CODES[to_text(bytes([code]))] == code for code in range(1, 255))
