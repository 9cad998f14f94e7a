"""Multiboot 1: what a guest is told and where it finds it, and what is refused."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from vmm.boot import multiboot
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.units import KiB, MiB

MEMORY, COMMAND_LINE, MODULES, SECTIONS, MAP, NAME, SCREEN = 1 << 0, 1 << 2, 1 << 3, 1 << 5, 1 << 6, 1 << 9, 1 << 12


class Told:
    """The information that a loaded guest finds."""

    def __init__(self, memory, state) -> None:
        self.memory = memory
        self.registers = dict(state.registers)
        self.at = self.registers["rbx"]
        self.flags, self.lower, self.upper = self.words(self.at, 3)

    def words(self, gpa: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self.memory.read(gpa, 4 * count))

    def text(self, gpa: int) -> str:
        return self.memory.read(gpa, 256).split(b"\0")[0].decode()

    def modules(self) -> list[tuple[int, int, str]]:
        count, table = self.words(self.at + 20, 2)
        rows = (self.words(table + 16 * row, 3) for row in range(count))
        return [(start, end, self.text(words)) for start, end, words in rows]

    def map(self) -> list[tuple[int, int, int]]:
        size, at = self.words(self.at + 44, 2)
        found, end = [], at + size
        while at < end:
            length, start, span, kind = struct.unpack("<IQQI", self.memory.read(at, 24))
            found.append((start, span, kind))
            at += length + 4
        return found


@pytest.fixture
def load(memory, params):
    def load(image: bytes, **changes) -> Told:
        return Told(memory, multiboot.load(image, memory, params.replace(**changes)))

    return load


@pytest.mark.parametrize("bits", [32, 64])
def test_an_elf_kernel_is_told_of_memory_map_command_line_and_loader(images, load, params, bits):
    told = load(images.elf_around(images.header1(), bits=bits))
    assert told.registers == {"rax": 0x2BADB002, "rbx": told.at, "cr0": 0x11, "cr4": 0}
    assert told.flags == MEMORY | COMMAND_LINE | MODULES | MAP | NAME
    assert (told.lower, told.upper) == (639, 3 * KiB)
    assert told.map() == list(params.memory_map)
    assert told.text(told.words(told.at + 16, 1)[0]) == "kernel quiet"
    assert told.text(told.words(told.at + 64, 1)[0]) == "vmm"
    assert told.modules() == []


def test_the_path_alone_is_a_command_line_and_so_are_the_words_alone(images, load):
    image = images.elf_around(images.header1())
    for fields, line in (
        ({"command_line": ""}, "kernel"),
        ({"path": ""}, "quiet"),
        ({"path": "", "command_line": ""}, ""),
    ):
        told = load(image, **fields)
        assert told.text(told.words(told.at + 16, 1)[0]) == line


def test_modules_stand_on_pages_above_the_kernel_with_their_words(images, load, memory):
    modules = ((b"one", "one.bin first"), (b"", "empty"), (b"x" * 5000, "big"), (b"end", ""))
    told = load(images.elf_around(images.header1(), bss=5000), modules=modules)
    found = told.modules()
    assert [(end - start, words) for start, end, words in found] == [(len(c), w) for c, w in modules]
    assert [memory.read(start, end - start) for start, end, _ in found] == [content for content, _ in modules]
    assert all(start % 4096 == 0 for start, _, _ in found)
    assert found[0][0] == MiB + 8 * KiB
    assert all(lower[1] <= upper[0] for lower, upper in pairwise(found))


def test_who_asks_for_a_video_mode_gets_the_text_screen(images, load, memory):
    told = load(images.elf_around(images.header1(1 << 2)))
    assert told.flags & SCREEN
    address, pitch, width, height, depth, kind = struct.unpack("<QIIIBB", memory.read(told.at + 88, 22))
    assert (address, pitch, width, height, depth, kind) == (0xB8000, 160, 80, 25, 16, 2)


def test_the_information_goes_above_the_modules_where_the_image_takes_its_place(images, memory, params):
    image = images.header1(1 << 16, 0x8000, 0x8000, 0, 0x30000, 0x8000)
    state = multiboot.load(image.ljust(64, b"\0"), memory, params.replace(modules=((b"abc", "m"),)))
    assert dict(state.registers)["rbx"] == MiB + 4 * KiB
    assert state.end > MiB + 4 * KiB
    assert [words for _, _, words in state.loaded] == ["multiboot image", "module m", "multiboot information"]


def test_addresses_in_the_header_stand_for_a_file_format(images, memory, params):
    code = b"\xf4" * 32
    image = b"\0" * 16 + images.header1(1 << 16, MiB + 4, MiB, MiB + 60, MiB + 100, MiB + 36) + code
    memory.fill(MiB, 200, 0xAA)
    state = multiboot.load(image, memory, params)
    assert (state.entry, state.mode) == (MiB + 36, "protected")
    assert memory.read(MiB, 60) == image[12:72]
    assert memory.read(MiB + 60, 60) == bytes(40) + b"\xaa" * 20


def test_without_ends_all_of_the_file_is_loaded(images, memory, params):
    image = images.header1(1 << 16, MiB, MiB, 0, 0, MiB + 32) + b"\xf4" * 32
    multiboot.load(image, memory, params)
    assert memory.read(MiB, len(image)) == image


def test_a_magic_number_by_chance_does_not_hide_the_header(images):
    image = images.header1(checksum=7) + images.header1()
    assert multiboot.find(image) == 12
    assert multiboot.recognises(image)


@pytest.mark.parametrize("place", [2, 8190, 8192])
def test_a_header_counts_on_a_boundary_of_four_in_the_first_8_kib(images, place):
    assert multiboot.find(bytes(place) + images.header1()) is None
    assert multiboot.find(bytes(8180) + images.header1()) == 8180


def refused(images) -> list[tuple[bytes, dict, str]]:
    elf, header = images.elf_around, images.header1
    kludge = 1 << 16
    return [
        (b"nothing", {}, "no header with magic 0x1badb002 in the first 8192 bytes"),
        (elf(header(checksum=5)), {}, r"at byte 0x60: the header's checksum is 0x5, its flags need 0xe4524ffe"),
        (elf(header(1 << 3)), {}, r"at byte 0x5c: the header requires what no loader has: flags 0x8"),
        (header(), {}, "found a flat binary, not an ELF file"),
        (elf(header() + bytes(64))[:110], {}, "truncated"),
        (header(kludge, MiB), {}, "at byte 0xc: the header ends before its addresses"),
        (header(kludge, MiB, MiB + 4, 0, 0, MiB), {}, "load address 0x100004 does not fit a header at 0x100000"),
        (header(kludge, MiB + 4, MiB, 0, 0, MiB), {}, "does not fit a header at 0x100004, byte 0x0"),
        (header(kludge, MiB, MiB, MiB - 1, 0, MiB), {}, "out of order"),
        (header(kludge, MiB, MiB, MiB + 8, MiB + 4, MiB), {}, "out of order"),
        (header(kludge, MiB, MiB, MiB + 99, 0, MiB), {}, "bytes up to 0x63, the file has 0x20: truncated"),
        (header(kludge, 1 << 31, 1 << 31, 0, 0, 1 << 31), {}, "the image needs .* not all guest RAM"),
        (header(kludge, MiB, MiB, 0, 0, MiB + 32), {}, "entry 0x100020 lies outside"),
        (elf(header(), bss=4 * MiB), {}, "segment 0 needs .* not all guest RAM"),
        (elf(header()), {"modules": ((bytes(4 * MiB), "big.img root"),)}, r"module 1 \(big.img root\), 4194304 bytes"),
        (elf(header()), {"modules": ((b"", ""),) * 200_000}, "the boot information needs"),
        (elf(header()), {"mode": "long"}, "mode is given"),
        (elf(header()), {"load": MiB}, "load is given"),
        (elf(header()), {"entry": MiB}, "entry is given"),
    ]


@pytest.mark.parametrize("case", range(19))
def test_what_cannot_be_met_is_refused_and_nothing_is_written(images, memory, params, case):
    image, changes, words = refused(images)[case]
    with pytest.raises(BootError, match=words):
        multiboot.load(image, memory, params.replace(**changes))
    assert memory.read(0, 4 * MiB) == bytes(4 * MiB)


def test_a_module_reaches_the_last_byte_of_memory_and_no_further(images, memory, params):
    image = images.elf_around(images.header1(), bss=0)
    room = 4 * MiB - (MiB + 4 * KiB)
    multiboot.load(image, memory, params.replace(modules=((b"\1" * room, ""),)))
    assert memory.read(4 * MiB - 1, 1) == b"\1"
    with pytest.raises(BootError, match="module 1"):
        multiboot.load(image, memory, params.replace(modules=((b"\1" * (room + 1), ""),)))


def test_section_headers_bring_symbols_and_strings_along(images, load, memory):
    header = images.header1()
    image = bytearray(images.elf_around(header))
    names, symbols = b"\0.strtab\0", b"S" * 16
    at = len(image)
    image += names + symbols
    start = len(image)
    row = struct.Struct("<IIIIIIIIII")
    image += row.pack(*[0] * 10)
    image += row.pack(1, 3, 0, 0, at, len(names), 0, 0, 1, 0)
    image += row.pack(0, 2, 0, 0, at + len(names), 16, 1, 0, 4, 16)
    struct.pack_into("<I", image, 0x20, start)
    struct.pack_into("<HHH", image, 0x2E, row.size, 3, 1)
    told = load(bytes(image))
    assert told.flags & SECTIONS
    count, size, where, index = told.words(told.at + 28, 4)
    assert (count, size, index) == (3, 40, 1)
    rows = [row.unpack(memory.read(where + size * number, size)) for number in range(count)]
    assert memory.read(rows[1][3], len(names)) == names
    assert memory.read(rows[2][3], 16) == symbols


def test_damaged_section_headers_are_left_out_and_refuse_nothing(images, load):
    image = bytearray(images.elf_around(images.header1()))
    struct.pack_into("<I", image, 0x20, 0xFFFFFFF0)
    struct.pack_into("<HHH", image, 0x2E, 40, 3, 1)
    assert not load(bytes(image)).flags & SECTIONS


def test_the_default_parameters_load_too(images, memory):
    told = Told(memory, multiboot.load(images.elf_around(images.header1()), memory, BootParams()))
    assert (told.lower, told.upper, told.map()) == (0, 0, [])
