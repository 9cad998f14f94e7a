"""What is in memory before the boot."""

from __future__ import annotations

from struct import unpack_from

from vmm.devices.bios import ram


def test_the_data_areas(bios) -> None:
    word = lambda gpa: bios.memory.read_int(gpa, 2)  # noqa: E731
    assert (word(ram.COM_PORTS), word(ram.COM_PORTS + 2)) == (0x3F8, 0)
    assert (word(ram.EBDA_SEGMENT), word(ram.BASE_MEMORY), word(ram.EQUIPMENT)) == (0x9FC0, 639, 0x0223)
    assert bios.memory.read_int(ram.DISK_COUNT, 1) == 1
    assert bios.memory.read_int(0x9FC00, 1) == 1
    assert (word(ram.KEYBOARD_HEAD), word(ram.KEYBOARD_END)) == (0x1E, 0x3E)


def test_the_table_of_a_hard_disk_hangs_on_its_vector(bios) -> None:
    offset, segment = unpack_from("<HH", bios.memory.read(4 * 0x41, 4))
    table = bios.memory.read((segment << 4) + offset, 16)
    cylinders, heads = unpack_from("<HB", table)
    assert (cylinders, heads, table[14]) == (16, 16, 63)
    assert bios.memory.read(4 * 0x46, 4) == bytes(4)


def test_a_second_start_finds_everything_as_at_the_first(bios) -> None:
    before = bios.memory.read(0, 0xF0000)
    bios.call(0x10, 0x0E41)
    bios.call(0x16, 0x0500, ecx=1)
    bios.call(0x13, 0x9900)
    bios.memory.write(0x7000, bytes(64))
    bios.bios.write(0xB00, 4, 0)
    assert bios.memory.read(0, 0xF0000) == before
