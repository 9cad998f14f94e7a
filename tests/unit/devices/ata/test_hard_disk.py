"""A hard disk as a driver works it: sectors in and out, addresses of three kinds, and everything that goes wrong."""

from __future__ import annotations

import pytest

from vmm.devices.ata.hard_disk import HardDisk

ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS = 1, 2, 3, 4, 5, 6, 7
READY, OFFERS, FAILED = 0x50, 0x58, 0x51
ABRT, IDNF, UNC = 0x04, 0x10, 0x40
SECTORS = 4096


def sector(number: int) -> bytes:
    return number.to_bytes(4, "little") * 128


@pytest.fixture
def disk(ata_disk):
    return ata_disk(SECTORS)


@pytest.fixture
def bench(ata_bench, disk):
    return ata_bench(HardDisk(disk, "serial 1"))


@pytest.mark.parametrize("width", [1, 2, 4])
def test_sectors_are_read_one_by_one_with_an_interrupt_each(bench, width: int) -> None:
    assert bench.command(0x20, lba=7, count=3) == OFFERS
    for number in (7, 8, 9):
        assert bench.line
        assert bench.get(STATUS) == OFFERS
        assert not bench.line
        assert bench.take(512, width) == sector(number)
    assert bench.get(STATUS) == READY
    assert not bench.line
    assert bench.rises == 3


@pytest.mark.parametrize("command", [0x30, 0x31, 0x34])
def test_sectors_are_written_with_an_interrupt_after_each(bench, disk, command: int) -> None:
    status = bench.extended(command, 100, 2) if command == 0x34 else bench.command(command, lba=100, count=2)
    assert status == OFFERS
    assert not bench.line
    bench.give(b"\x5a" * 512)
    assert bench.line
    assert bench.get(STATUS) == OFFERS
    bench.give(b"\xa5" * 512, width=4)
    assert bench.line
    assert bench.get(STATUS) == READY
    assert disk.content[100 * 512 : 102 * 512] == b"\x5a" * 512 + b"\xa5" * 512
    assert disk.content[102 * 512 : 103 * 512] == sector(102)


def test_a_count_of_zero_is_256_sectors(bench) -> None:
    bench.command(0x20, lba=1, count=0)
    assert bench.take(256 * 512) == b"".join(map(sector, range(1, 257)))
    assert bench.status() == READY


def test_addresses_of_48_bits_use_what_the_registers_held_before(ata_bench, ata_disk) -> None:
    class Vast(ata_disk):
        """More sectors than 28 bits name; what is read says where it came from."""

        size = 1 << 46

        def read(self, offset: int, size: int) -> bytes:
            return offset.to_bytes(8, "little") * (size // 8)

    bench = ata_bench(HardDisk(Vast(1), "vast"))
    assert bench.extended(0x24, 0x12_3456_789A, 1) == OFFERS
    assert bench.take(512)[:8] == (0x12_3456_789A * 512).to_bytes(8, "little")
    assert bench.extended(0x24, 0, 0) == OFFERS  # 65536 sectors
    for _ in range(3):
        bench.take(512)
    assert bench.extended(0x42, 0x0F_FFFF_FFFF, 0x0102) == READY
    assert [bench.get(register) for register in (COUNT, LOW, MID, HIGH)] == [0x02, 0xFF, 0xFF, 0xFF]
    bench.bus.write(0x3F6, 1, 0x80)
    assert [bench.get(register) for register in (COUNT, LOW, MID, HIGH)] == [0x01, 0xFF, 0x0F, 0x00]


def test_chs_follows_the_geometry_that_was_set(bench) -> None:
    bench.command(0x91, count=10, device=0xA3)  # 4 heads of 10 sectors
    bench.put(LOW, 3)
    bench.put(MID, 2)
    bench.put(HIGH, 0)
    bench.put(COUNT, 1)
    bench.put(DEVICE, 0xA1)
    bench.put(STATUS, 0x20)
    assert bench.take(512) == sector((2 * 4 + 1) * 10 + 2)
    for low, head in ((0, 1), (11, 1), (1, 4)):
        bench.put(LOW, low)
        bench.put(DEVICE, 0xA0 | head)
        bench.put(STATUS, 0x20)
        assert (bench.get(STATUS), bench.get(ERROR)) == (FAILED, IDNF)


def test_blocks_of_several_sectors(bench, disk) -> None:
    assert bench.command(0xC4, count=4) == FAILED  # nothing was set
    assert bench.command(0xC6, count=4) == READY
    bench.command(0xC4, lba=10, count=6)
    for first, count in ((10, 4), (14, 2)):
        assert bench.line
        assert bench.get(STATUS) == OFFERS
        assert bench.take(count * 512 - 2) == b"".join(map(sector, range(first, first + count)))[:-2]
        assert not bench.line
        bench.take(2)
    assert bench.status() == READY
    bench.command(0xC5, lba=20, count=5)
    bench.give(bytes(4 * 512))
    assert bench.status() == OFFERS
    bench.give(bytes(512))
    assert bench.status() == READY
    assert disk.content[20 * 512 : 26 * 512] == bytes(5 * 512) + sector(25)
    for count in (3, 32, 255):
        assert bench.command(0xC6, count=count) == FAILED
        assert bench.command(0xC4, count=4) == FAILED


@pytest.mark.parametrize("command", [0x20, 0x30, 0x40])
@pytest.mark.parametrize(("lba", "count"), [(SECTORS, 1), (SECTORS - 1, 2), (0xFFFFFFF, 0), (SECTORS - 255, 0)])
def test_what_lies_beyond_the_end_is_not_found(bench, disk, command: int, lba: int, count: int) -> None:
    before = bytes(disk.content)
    assert bench.command(command, lba, count) == FAILED
    assert bench.get(ERROR) == IDNF
    assert bench.take(4) == b"\xff" * 4
    bench.give(bytes(512))
    assert disk.content == before


@pytest.mark.parametrize("lba", [SECTORS, 1 << 40, (1 << 48) - 1])
def test_nor_with_48_bits(bench, lba: int) -> None:
    for command in (0x24, 0x34, 0x42):
        assert bench.extended(command, lba, 1) == FAILED
        assert bench.get(ERROR) == IDNF
    assert bench.extended(0x24, 0, 0) == FAILED  # 65536 sectors are more than there are


def test_a_host_that_cannot_read_is_a_bad_sector_and_the_next_command_is_fine(bench, disk) -> None:
    bench.command(0x20, lba=5, count=2)
    disk.fails = True
    bench.take(512)
    assert (bench.status(), bench.get(ERROR)) == (FAILED, UNC)
    assert (bench.get(LOW), bench.get(MID)) == (6, 0)
    assert bench.take(2) == b"\xff\xff"
    disk.fails = False
    assert bench.command(0x20) == OFFERS


def test_a_host_that_cannot_write_is_a_device_fault(bench, disk) -> None:
    bench.command(0x30, lba=5)
    disk.fails = True
    bench.give(bytes(512))
    assert bench.status() & 0x21 == 0x21
    assert bench.get(ERROR) == ABRT
    assert bench.command(0xE7) & 0x21 == 0x21
    disk.fails = False
    assert bench.command(0xEA) == READY
    assert disk.flushes == 1


def test_a_read_only_disk_refuses_writes_before_any_data(ata_bench, ata_disk) -> None:
    bench = ata_bench(HardDisk(ata_disk(10, read_only=True), "ro"))
    assert bench.command(0x30) == FAILED
    assert bench.get(ERROR) == ABRT
    bench.give(bytes(512))


def test_data_that_nobody_asked_for(bench, disk) -> None:
    before = bytes(disk.content)
    assert bench.take(8, 4) == b"\xff" * 8
    bench.give(bytes(1024))
    bench.command(0x20)
    bench.give(bytes(1024))  # while the drive offers data
    assert bench.take(512) == sector(0)
    bench.command(0x30, lba=9)
    assert bench.take(4) == b"\xff" * 4  # while it waits for data
    bench.give(bytes(511), width=1)
    bench.give(b"\x01\x02\x03\x04", width=4)  # one byte fits
    assert disk.content == before[: 9 * 512] + bytes(511) + b"\x01" + before[10 * 512 :]


def test_identify_says_what_the_disk_is(bench) -> None:
    assert bench.command(0xEC) == OFFERS
    data = bench.take(512)
    words = [int.from_bytes(data[at : at + 2], "little") for at in range(0, 512, 2)]
    assert words[0] & 0x8000 == 0
    assert (words[1], words[3], words[6]) == (SECTORS // 1008, 16, 63)
    assert words[60] | words[61] << 16 == SECTORS
    assert words[100] | words[101] << 16 == SECTORS
    assert words[49] & 0x200
    assert words[83] & 0x0400
    assert b"".join(bytes((word >> 8, word & 0xFF)) for word in words[10:20]).strip() == b"serial 1"


@pytest.mark.parametrize("command", [0x10, 0x70, 0xE0, 0xE1, 0xE3, 0xE5, 0x40])
def test_commands_that_end_well(bench, command: int) -> None:
    assert bench.command(command) == READY
    assert bench.line


@pytest.mark.parametrize("command", [0x00, 0x08, 0xA0, 0xA1, 0xC8, 0xCA, 0x25, 0x35, 0xB0, 0xF1, 0xFF])
def test_commands_that_it_does_not_have(bench, command: int) -> None:
    assert bench.command(command) == FAILED
    assert bench.get(ERROR) == ABRT


def test_features(bench) -> None:
    assert bench.command(0xEF, features=0x03, count=0x0C) == READY
    assert bench.command(0xEF, features=0x03, count=0x45) == FAILED  # Ultra DMA
    assert bench.command(0xEF, features=0x99) == FAILED
