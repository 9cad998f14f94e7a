"""Multiboot 2: the tags that a guest is given, and what is refused."""

from __future__ import annotations

import struct

import pytest

from vmm.boot import multiboot2
from vmm.errors import BootError
from vmm.units import KiB, MiB


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def tags(memory, state) -> dict[int, list[bytes]]:
    """The content of the tags by their types; the list must end as it says."""
    at = dict(state.registers)["rbx"]
    assert at % 8 == 0
    (size, reserved) = struct.unpack("<II", memory.read(at, 8))
    assert reserved == 0
    block, place, found = memory.read(at, size), 8, {}
    while True:
        kind, length = struct.unpack_from("<II", block, place)
        if kind == 0:
            assert (length, place + 8) == (8, size)
            return found
        found.setdefault(kind, []).append(block[place + 8 : place + length])
        place += -(-length // 8) * 8


@pytest.mark.parametrize("bits", [32, 64])
def test_an_elf_kernel_is_given_the_tags_of_a_pc(images, memory, params, bits):
    image = images.elf_around(images.header2(), bits=bits)
    state = multiboot2.load(image, memory, params.replace(modules=((b"abc", "m.bin x"),)))
    assert dict(state.registers)["rax"] == 0x36D76289
    found = tags(memory, state)
    assert found[1] == [b"kernel quiet\0"]
    assert found[2] == [b"vmm\0"]
    start, end = struct.unpack_from("<II", found[3][0])
    assert (memory.read(start, end - start), found[3][0][8:]) == (b"abc", b"m.bin x\0")
    assert start % 4096 == 0
    assert found[4] == [words(639, 3 * KiB)]
    assert found[6] == [words(24, 0) + b"".join(struct.pack("<QQII", *entry, 0) for entry in params.memory_map)]
    assert set(found) == {1, 2, 3, 4, 6}


@pytest.mark.parametrize("tag", [(4, 0, words(3)), (4, 1, words(0)), (5, 0, words(1024, 768, 32))])
def test_who_asks_for_a_screen_gets_a_text_screen(images, memory, params, tag):
    found = tags(memory, multiboot2.load(images.elf_around(images.header2(tag)), memory, params))
    address, pitch, columns, lines, depth, kind = struct.unpack_from("<QIIIBB", found[8][0])
    assert (address, pitch, columns, lines, depth, kind) == (0xB8000, 160, 80, 25, 16, 2)


def test_an_entry_tag_goes_before_the_elf_files_own(images, memory, params):
    image = images.elf_around(images.header2((3, 0, words(MiB + 8))))
    assert multiboot2.load(image, memory, params).entry == MiB + 8


def test_an_address_tag_stands_for_a_file_format(images, memory, params):
    tag = (2, 0, words(MiB + 8, MiB, MiB + 80, MiB + 96))
    image = b"12345678" + images.header2(tag, (3, 0, words(MiB + 72))) + b"\xf4" * 16
    memory.fill(MiB, 128, 0xAA)
    state = multiboot2.load(image, memory, params)
    assert state.entry == MiB + 72
    assert memory.read(MiB, 97) == image[:80] + bytes(16) + b"\xaa"


def test_a_load_address_of_all_ones_is_the_start_of_the_file(images, memory, params):
    tag = (2, 0, words(MiB + 8, 0xFFFF_FFFF, 0, 0))
    image = b"12345678" + images.header2(tag, (3, 0, words(MiB + 72))) + b"\xf4" * 16
    multiboot2.load(image, memory, params)
    assert memory.read(MiB, len(image)) == image


@pytest.mark.parametrize("tag", [(1, 0, words(1, 2, 3, 4, 6, 8, 9)), (1, 1, words(77)), (99, 1, b""), (6, 0, b""),
                                 (7, 0, b""), (10, 0, words(0, 0, 0, 0))])  # fmt: skip
def test_what_is_optional_or_costs_nothing_is_met(images, memory, params, tag):
    multiboot2.load(images.elf_around(images.header2(tag)), memory, params)


def refused(images) -> list[tuple[bytes, str]]:
    elf, header = images.elf_around, images.header2
    long = header((1, 0, words(*range(8000))))
    return [
        (b"nothing", "no header with magic 0xe85250d6 in the first 32768 bytes"),
        (elf(header(checksum=5)), r"at byte 0x64: the header's checksum is 0x5, the rest needs 0x17adaf12"),
        (elf(header(architecture=4)), "at byte 0x5c: the header is for architecture 4"),
        (elf(header())[:110], "at byte 0x60: a header of 24 bytes does not end"),
        (bytes(1024) + long, "does not end within the first 32768"),
        (elf(header((1, 0, words(1, 5, 10)))), "at byte 0x68: .* not given: tags 5 10"),
        (elf(header((99, 0, b""))), "at byte 0x68: the header requires what no loader has: tag 99"),
        (elf(header((4, 0, words(1)))), "a console that is no text screen"),
        (elf(header((2, 0, words(1)))), "header tag 2 has a size of 12"),
        (header((2, 0, words(MiB, MiB, 0, 0))), "an address tag without an entry address tag"),
        (header((2, 0, words(MiB, MiB + 4, 0, 0)), (3, 0, words(MiB))), "does not fit a header"),
        (header((3, 0, words(MiB))), "not an ELF file"),
        (elf(header((3, 0, words(2 * MiB)))), "entry 0x200000 lies outside"),
    ]


@pytest.mark.parametrize("case", range(13))
def test_what_cannot_be_met_is_refused_and_nothing_is_written(images, memory, params, case):
    image, message = refused(images)[case]
    with pytest.raises(BootError, match=message):
        multiboot2.load(image, memory, params)
    assert memory.read(0, 4 * MiB) == bytes(4 * MiB)
