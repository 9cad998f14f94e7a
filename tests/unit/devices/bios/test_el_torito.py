"""Discs that boot, and every way in which a catalogue may be wrong: one line each, and never an exception."""

from __future__ import annotations

from struct import pack, unpack_from

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CATALOGUE, IMAGE = 19, 20


def disc(media: int = 0, segment: int = 0, count: int = 4, lba: int = IMAGE, bootable: int = 0x88, platform: int = 0,
         catalogue: int = CATALOGUE, sectors: int = 760, checksum: int | None = None) -> bytes:  # fmt: skip
    """An ISO 9660 image as far as a BIOS looks."""
    content = bytearray(sectors * 2048)
    content[16 * 2048 : 16 * 2048 + 7] = b"\x01CD001\x01"
    record = b"\0CD001\x01EL TORITO SPECIFICATION".ljust(0x47, b"\0") + pack("<I", catalogue)
    content[17 * 2048 : 17 * 2048 + len(record)] = record
    entry = bytearray(pack("<BB26xHBB", 1, platform, 0, 0x55, 0xAA))
    total = -sum(unpack_from("<16H", entry)) & 0xFFFF if checksum is None else checksum
    entry[28:30] = pack("<H", total)
    entry += pack("<BBHBBHI", bootable, media, segment, 0, 0, count, lba)
    content[CATALOGUE * 2048 : CATALOGUE * 2048 + len(entry)] = entry
    content[IMAGE * 2048 : IMAGE * 2048 + 5] = b"image"
    return bytes(content)


def boot(make_bios, content: bytes, **drives: bytes):
    bench = make_bios("da", cdrom=content, **drives)
    return bench, bench.call(0x19, 0)


def test_no_emulation_loads_what_the_entry_says(make_bios) -> None:
    bench, frame = boot(make_bios, disc(segment=0x1000, count=8))
    assert (frame.cs, frame.ip, frame.dl) == (0x1000, 0, 0xE0)
    assert bench.memory.read(0x10000, 5) == b"image"
    assert bench.call(0x13, 0x4B01, edx=0xE0, si=0x9000).carry == 0
    packet = unpack_from("<BBBBIHHHH", bench.memory.read(0x9000, 0x13))
    assert packet == (0x13, 0, 0xE0, 0, IMAGE, 0, 0, 0x1000, 8)


@pytest.mark.parametrize("segment", [0, 0x7C0])
def test_the_usual_place_is_entered_as_a_boot_sector_expects_it(make_bios, segment) -> None:
    _, frame = boot(make_bios, disc(segment=segment))
    assert (frame.cs, frame.ip) == (0, 0x7C00)


@pytest.mark.parametrize(("media", "cx"), [(1, 0x4F0F), (2, 0x4F12)])
def test_an_emulated_floppy_is_drive_a_until_it_ends(make_bios, media, cx) -> None:
    bench, frame = boot(make_bios, disc(media=media), floppy=bytes(360 * 1024))
    assert (frame.dl, frame.ip) == (0, 0x7C00)
    geometry = bench.call(0x13, 0x0800, edx=0)
    assert (geometry.cx, geometry.dl) == (cx, 2)
    assert bench.call(0x13, 0x0800, edx=1).cx == 0x2709
    assert bench.call(0x13, 0x0301, ecx=1, edx=0, ebx=0x9000).ah == 0x03
    assert bench.call(0x13, 0x4B00, si=0x9000).carry == 0
    assert bench.call(0x13, 0x0800, edx=0).cx == 0x2709
    assert bench.call(0x13, 0x0800, edx=1).cx == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (disc(checksum=1), "wrong checksum"),
        (disc(platform=0xEF), "platform 0xef"),
        (disc(bootable=0), "not bootable"),
        (disc(media=4), "media type 4"),
        (disc(media=3), "not all on the disc"),
        (disc(lba=760), "not all on the disc"),
        (disc(lba=0xFFFF_FFFF), "not all on the disc"),
        (disc(catalogue=0xFFFF_FFFF), "the disc has 760"),
        (disc(segment=0xF000), "not all free RAM"),
        (disc(segment=0x0001), "not all free RAM"),
        (disc(count=0xFFFF), "not all free RAM"),
        (disc(lba=759, count=5), "the disc at"),
        (bytes(2048 * 17), "too short"),
        (bytes(2048 * 60), "no El Torito"),
    ],
)
def test_what_is_wrong_with_a_disc_is_said(make_bios, content, words) -> None:
    bench, _ = boot(make_bios, content)
    assert words in bench.ends[0]
    assert bench.call(0x13, 0x4B01, edx=0xE0, si=0x9000).carry == 1


def test_the_specification_packet_goes_to_ram_alone(make_bios) -> None:
    bench, _ = boot(make_bios, disc())
    assert bench.call(0x13, 0x4B01, ds=0xF000).carry == 1
    assert bench.call(0x13, 0x4B02, si=0x9000).carry == 1
    assert bench.call(0x13, 0x4B00, si=0x9000).carry == 0


@settings(max_examples=200, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=8))
def test_a_catalogue_of_any_bytes_boots_or_is_refused(make_bios, places) -> None:
    content = bytearray(disc(sectors=64))
    for at, value in places:
        content[CATALOGUE * 2048 + at] = value
    content[CATALOGUE * 2048 + 28 : CATALOGUE * 2048 + 30] = bytes(2)
    total = -sum(unpack_from("<16H", content, CATALOGUE * 2048)) & 0xFFFF
    content[CATALOGUE * 2048 + 28 : CATALOGUE * 2048 + 30] = pack("<H", total)
    bench, frame = boot(make_bios, bytes(content))
    assert bool(bench.ends) is not (frame.dl in (0, 0xE0) and (frame.cs or frame.ip) != 0)
