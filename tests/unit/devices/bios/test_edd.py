"""INT 13h by sector number: packets of every shape, wherever a guest says they are."""

from __future__ import annotations

from struct import pack, unpack_from

import pytest

BUFFER, PACKET = 0x9000, 0x8000


def request(bench, ah: int, packet: bytes, drive: int = 0x80, segment: int = 0, offset: int = PACKET, al: int = 0):
    gpa = (segment << 4) + offset
    if bench.memory.is_writable(gpa, len(packet)):
        bench.memory.write(gpa, packet)
    return bench.call(0x13, ah << 8 | al, edx=drive, ds=segment, si=offset)


def packet(count: int, lba: int, target: int = BUFFER, segment: int = 0, size: int = 16) -> bytes:
    return pack("<BBHHHQ", size, 0, count, target, segment, lba)


def test_sectors_are_read_and_written_by_number(bios) -> None:
    bios.memory.write(BUFFER, b"end!")
    assert request(bios, 0x43, packet(1, 16383)).carry == 0
    assert bios.disks["disk"].read(16383 * 512, 4) == b"end!"
    assert request(bios, 0x42, packet(2, 0, segment=0x1000)).carry == 0
    assert bios.memory.read(0x19000, 4) == b"disk"


def test_a_wide_packet_reaches_above_the_first_mebibyte(bios) -> None:
    wide = packet(1, 0, 0xFFFF, 0xFFFF, 24) + pack("<Q", 0x100000)
    assert request(bios, 0x42, wide).carry == 0
    assert bios.memory.read(0x100000, 4) == b"disk"
    narrow = packet(1, 0, 0xFFFF, 0xFFFF, 16)
    assert request(bios, 0x42, narrow).carry == 0  # FFFF:FFFF as it stands, in the high memory area
    assert bios.memory.read(0x10FFEF, 4) == b"disk"


@pytest.mark.parametrize(
    ("ah", "body", "error"),
    [
        (0x42, packet(1, 16384), 0x04),
        (0x42, packet(2, 16383), 0x04),
        (0x42, packet(0xFFFF, 0), 0x04),
        (0x42, packet(1, 1 << 63), 0x04),
        (0x42, packet(1, 0, 0, 0xF000), 0x09),
        (0x42, packet(127, 0, 0xFFFF, 0xEFFF), 0x09),
        (0x43, packet(1, 0, 0xFFFF, 0xFFFF, 24) + pack("<Q", (1 << 64) - 1), 0x09),
        (0x42, packet(1, 0, size=15), 0x01),
        (0x44, packet(1, 16384), 0x04),
        (0x47, packet(1, 16384), 0x04),
    ],
)
def test_a_bad_request_moves_nothing_and_says_so_in_its_packet(bios, ah, body, error) -> None:
    before = bios.memory.read(0xE0000, 0x20000 - 0x10000), bios.disks["disk"].read(0, 1024)
    frame = request(bios, ah, body)
    assert (frame.ah, frame.carry) == (error, 1)
    assert (bios.memory.read(0xE0000, 0x10000), bios.disks["disk"].read(0, 1024)) == before
    if body[0] >= 16 and ah != 0x47:
        assert bios.memory.read_int(PACKET + 2, 2) == 0


@pytest.mark.parametrize(("segment", "offset"), [(0xEFFF, 8), (0xF000, 0), (0xFFFE, 0x18)])
@pytest.mark.parametrize("ah", [0x42, 0x43, 0x44, 0x47, 0x48])
def test_a_packet_that_is_not_in_memory_is_refused(bios, segment, offset, ah) -> None:
    assert request(bios, ah, packet(1, 0), segment=segment, offset=offset).carry == 1
    assert bios.memory.read(0xF0000, 0x100) == bytes(0x100)


def test_no_sectors_are_moved_well(bios) -> None:
    assert request(bios, 0x42, packet(0, 0)).carry == 0


def test_the_verify_word_of_a_write(bios) -> None:
    assert request(bios, 0x43, packet(1, 5), al=2).carry == 0
    assert request(bios, 0x43, packet(1, 5), al=3).carry == 1


def test_floppies_have_none_of_this(bios) -> None:
    for ah in range(0x41, 0x49):
        frame = request(bios, ah, packet(1, 0), drive=0)
        assert (frame.ah, frame.carry) == (0x01, 1)


def test_parameters_fill_as_much_as_there_is_room_for(bios) -> None:
    for room, filled in ((26, 26), (29, 26), (30, 30), (0x42, 30)):
        bios.memory.write(PACKET, b"\xcc" * 80)
        assert request(bios, 0x48, pack("<H", room)).carry == 0
        raw = bios.memory.read(PACKET, 80)
        size, flags, cylinders, heads, sectors, total, sector = unpack_from("<HHIIIQH", raw)
        assert (size, flags, cylinders, heads, sectors, total, sector) == (filled, 2, 16, 16, 63, 16384, 512)
        assert set(raw[filled:]) == {0xCC}
    assert request(bios, 0x48, pack("<H", 25)).carry == 1


def test_a_disc_is_locked_and_unlocked_and_never_ejected(make_bios) -> None:
    bench = make_bios(cdrom=bytes(64 * 2048))

    def lock(al: int):
        return bench.call(0x13, 0x4500 | al, edx=0xE0)

    assert lock(1).ah == 0xB0
    assert bench.call(0x13, 0x4600, edx=0xE0).ah == 0xB5
    assert (lock(0).al, lock(0).al, lock(2).al, lock(1).al, lock(1).al) == (1, 1, 1, 1, 0)
    assert lock(3).ah == 0x01
    for _ in range(255):
        assert lock(0).carry == 0
    assert lock(0).ah == 0xB4
    assert bench.call(0x13, 0x4600, edx=0xE0).ah == 0xB1
    frame = request(bench, 0x42, packet(2, 62), drive=0xE0)
    assert frame.carry == 0
    assert request(bench, 0x43, packet(1, 0), drive=0xE0).ah == 0x03
    assert bench.call(0x13, 0x0201, ecx=1, edx=0xE0, ebx=BUFFER).ah == 0x04
