"""A CD-ROM drive as a driver works it: packets, pieces, sense data, and packets that no driver would send."""

from __future__ import annotations

import pytest

from vmm.devices.ata.cdrom import CdRom

ERROR, COUNT, MID, HIGH, DEVICE, STATUS = 1, 2, 4, 5, 6, 7
BLOCKS = 300
DONE, FAILED = 0x40, 0x41


@pytest.fixture
def disc(ata_disk):
    return ata_disk(BLOCKS * 4 + 3)  # three sectors that make no block


@pytest.fixture
def bench(ata_bench, disc):
    return ata_bench(CdRom(disc, "disc"))


def sense(bench) -> tuple[int, int]:
    bench.packet(0x03, 0, 0, 0, 18)
    answer = bench.answer()
    assert len(answer) == 18
    return answer[2], answer[12]


def read(bench, block: int, count: int, limit: int = 0xFFFE) -> int:
    return bench.packet(0x28, 0, *block.to_bytes(4, "big"), 0, *count.to_bytes(2, "big"), limit=limit)


def test_a_drive_is_known_by_its_signature(bench) -> None:
    assert bench.status() == 0
    assert (bench.get(MID), bench.get(HIGH)) == (0x14, 0xEB)
    assert bench.command(0xEC) & 1
    assert (bench.get(ERROR), bench.get(MID), bench.get(HIGH)) == (0x04, 0x14, 0xEB)
    assert bench.command(0xA1) & 8
    assert bench.take(2) == b"\x80\x85"
    bench.take(510)
    assert not bench.status() & 8


def test_a_packet_goes_through_its_phases(bench) -> None:
    bench.put(MID, 0)
    bench.put(HIGH, 8)
    bench.put(STATUS, 0xA0)
    assert bench.status() & 8
    assert bench.get(COUNT) == 1
    assert not bench.line
    bench.give(bytes((0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0, 0, 0)))
    for block in (5, 6):
        assert bench.line
        assert bench.get(STATUS) & 8
        assert bench.get(COUNT) == 2
        assert bench.get(MID) | bench.get(HIGH) << 8 == 2048
        assert bench.take(2048)[:4] == (block * 4).to_bytes(4, "little")
    assert bench.line
    assert bench.get(STATUS) == DONE
    assert bench.get(COUNT) == 3
    assert not bench.line


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 2048, 3000, 0xFFFE, 0xFFFF])
def test_the_host_says_how_large_a_piece_may_be(bench, disc, limit: int) -> None:
    read(bench, 10, 3, limit)
    assert bench.answer() == disc.content[10 * 2048 : 13 * 2048]
    assert bench.status() == DONE


def test_read_12_and_a_read_of_nothing(bench, disc) -> None:
    bench.packet(0xA8, 0, 0, 0, 0, 1, 0, 0, 0, 40)
    assert bench.answer() == disc.content[2048 : 41 * 2048]
    assert read(bench, 3, 0) == DONE


@pytest.mark.parametrize(("block", "count"), [(BLOCKS, 1), (BLOCKS - 1, 2), (0xFFFFFFFF, 0xFFFF), (0, 0xFFFF)])
def test_blocks_beyond_the_end(bench, block: int, count: int) -> None:
    assert read(bench, block, count) == FAILED
    assert bench.get(ERROR) >> 4 == 5
    assert sense(bench) == (5, 0x21)
    assert sense(bench) == (0, 0)


def test_a_host_that_cannot_read_is_a_medium_error(bench, disc) -> None:
    read(bench, 0, 4, limit=2048)
    disc.fails = True
    bench.take(2048)
    assert bench.status() == FAILED
    assert sense(bench) == (3, 0x11)


def test_capacity_inquiry_toc_and_modes(bench) -> None:
    bench.packet(0x25)
    assert bench.answer() == (BLOCKS - 1).to_bytes(4, "big") + (2048).to_bytes(4, "big")
    bench.packet(0x12, 0, 0, 0, 36)
    inquiry = bench.answer()
    assert len(inquiry) == 36
    assert (inquiry[0], inquiry[1]) == (5, 0x80)
    bench.packet(0x43, 0, 0, 0, 0, 0, 0, 0, 255)
    assert bench.answer() == bytes((0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x16, 0xAA, 0)) + BLOCKS.to_bytes(
        4, "big"
    )
    bench.packet(0x43, 2, 0, 0, 0, 0, 0xAA, 0, 255)
    assert bench.answer()[8:] == bytes((0, 0, (BLOCKS + 150) // 75, 0))
    bench.packet(0x43, 0, 1, 0, 0, 0, 0, 0, 255)
    assert bench.answer() == bytes((0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0))
    bench.packet(0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 255)
    modes = bench.answer()
    assert int.from_bytes(modes[:2], "big") == len(modes) - 2
    assert modes[8] == 0x2A
    bench.packet(0x5A, 0, 0x3F, 0, 0, 0, 0, 0, 10)
    assert len(bench.answer()) == 10


@pytest.mark.parametrize("opcode", [0x00, 0x1B, 0x1E, 0x2B])
def test_commands_without_data(bench, opcode: int) -> None:
    assert bench.packet(opcode) == DONE
    assert bench.line


@pytest.mark.parametrize(
    ("packet", "code"),
    [((0x2A,), 0x20), ((0xFF,), 0x20), ((0x12, 1, 0, 0, 36), 0x24), ((0x43, 0, 2), 0x24),
     ((0x43, 0, 0, 0, 0, 0, 9), 0x24), ((0x5A, 0, 0x0E), 0x24)],
)  # fmt: skip
def test_what_it_does_not_have_is_illegal(bench, packet: tuple[int, ...], code: int) -> None:
    assert bench.packet(*packet) == FAILED
    assert sense(bench) == (5, code)


def test_a_disc_of_less_than_a_block_is_no_medium(ata_bench, ata_disk) -> None:
    bench = ata_bench(CdRom(ata_disk(3), "tiny"))
    assert bench.packet(0x25) == FAILED
    assert sense(bench) == (2, 0x3A)
    assert read(bench, 0, 1) == FAILED


def test_dma_and_other_drives_commands_are_aborted(bench) -> None:
    for command, features in ((0xA0, 1), (0x20, 0), (0x30, 0), (0xC8, 0), (0xEF, 0x99)):
        assert bench.command(command, device=0xA0, features=features) & 1
        assert bench.get(ERROR) & 4


def test_device_reset_ends_a_transfer(bench) -> None:
    read(bench, 0, 2)
    bench.put(STATUS, 0x08)
    assert bench.status() == 0
    assert (bench.get(MID), bench.get(HIGH)) == (0x14, 0xEB)
    assert not bench.line
    assert bench.take(2) == b"\xff\xff"
