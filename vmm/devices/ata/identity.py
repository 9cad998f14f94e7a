"""The 512 bytes by which ATA drives introduce themselves: IDENTIFY DEVICE and IDENTIFY PACKET DEVICE.

Source: ATA/ATAPI-6 (T13/1410D), sections 8.15 and 8.16.
"""

from __future__ import annotations

MOST_MULTIPLE = 16
"""Sectors that READ and WRITE MULTIPLE move as one block, at most."""
LBA28_LIMIT = 1 << 28

_SERIAL, _REVISION, _MODEL = (10, 20), (23, 8), (27, 40)  # first word, bytes
_REVISION_TEXT = "1.0"


def _text(words: list[int], place: tuple[int, int], text: str) -> None:
    """ASCII padded with spaces, two characters a word with the first in its upper byte."""
    first, size = place
    padded = text.encode("ascii", "replace")[:size].ljust(size)
    for index in range(0, size, 2):
        words[first + index // 2] = padded[index] << 8 | padded[index + 1]


def _packed(words: list[int]) -> bytes:
    return b"".join(word.to_bytes(2, "little") for word in words)


def _wide(words: list[int], first: int, value: int, count: int) -> None:
    for index in range(count):
        words[first + index] = value >> 16 * index & 0xFFFF


def of_disk(
    sectors: int, serial: str, geometry: tuple[int, int, int], current: tuple[int, int, int], multiple: int
) -> bytes:
    """A fixed disk of `sectors`, with LBA of 28 and 48 bits. Geometries are (cylinders, heads, sectors of a track)."""
    words = [0] * 256
    words[0] = 0x0040
    words[1], words[3], words[6] = geometry
    _text(words, _SERIAL, serial)
    _text(words, _REVISION, _REVISION_TEXT)
    _text(words, _MODEL, "VMM HARD DISK")
    words[47] = 0x8000 | MOST_MULTIPLE
    words[49] = 0x0A00  # LBA, IORDY
    words[51] = 0x0200
    words[53] = 0x0003  # words 54-58 and 64-70 say something
    words[54:57] = current
    _wide(words, 57, current[0] * current[1] * current[2], 2)
    words[59] = 0x0100 | multiple if multiple else 0
    _wide(words, 60, min(sectors, LBA28_LIMIT - 1), 2)
    words[64] = 0x0003  # PIO modes 3 and 4
    words[65:69] = [120] * 4
    words[80] = 0x007E  # up to ATA/ATAPI-6
    words[82], words[83], words[84] = 0x0020, 0x7400, 0x4000  # write cache; 48 bits, FLUSH CACHE and its EXT
    words[85], words[86], words[87] = 0x0020, 0x3400, 0x4000
    _wide(words, 100, sectors, 4)
    return _packed(words)


def of_cdrom(serial: str) -> bytes:
    """A CD-ROM drive that takes packets of 12 bytes."""
    words = [0] * 256
    words[0] = 0x8580
    _text(words, _SERIAL, serial)
    _text(words, _REVISION, _REVISION_TEXT)
    _text(words, _MODEL, "VMM CD-ROM")
    words[49] = 0x0A00
    words[53] = 0x0002
    words[64] = 0x0003
    words[65:69] = [120] * 4
    words[80] = 0x007E
    words[82], words[83], words[84] = 0x4210, 0x4000, 0x4000  # NOP, DEVICE RESET, PACKET
    words[85], words[87] = 0x4210, 0x4000
    return _packed(words)
