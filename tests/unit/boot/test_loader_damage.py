"""Damaged images of every format: refused in words or loaded, and never a byte outside guest RAM, nor a traceback."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmm.boot import elf, flat, multiboot, multiboot2
from vmm.boot.linux import setup_code
from vmm.boot.loader import BootParams, choose
from vmm.errors import BootError
from vmm.units import KiB, MiB

LOADERS = (multiboot2, multiboot, setup_code, elf, flat)


class Ram:
    """Guest memory that fails the test when a loader reaches outside it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.written = 0

    def contains(self, gpa: int, size: int) -> bool:
        return gpa >= 0 and size >= 0 and gpa + size <= self.size

    def write(self, gpa: int, data: bytes | memoryview) -> None:
        assert self.contains(gpa, len(data)), f"{len(data)} bytes at {gpa:#x}"
        self.written += len(data)

    def fill(self, gpa: int, size: int, byte: int = 0) -> None:
        assert self.contains(gpa, size), f"{size} bytes at {gpa:#x}"
        self.written += size


def whole(images) -> list[bytes]:
    """A valid image of each kind."""
    code = b"\xf4" * 64
    kludge = (1 << 16, MiB, MiB, 0, MiB + 0x1000, MiB + 32)
    address = ((2, 0, struct.pack("<4I", MiB, MiB, 0, 0)), (3, 0, struct.pack("<I", MiB + 72)))
    request = (1, 0, struct.pack("<3I", 1, 3, 6))
    sections = bytearray(images.elf_around(images.header1(4) + code))
    struct.pack_into("<I", sections, 0x20, len(sections))
    struct.pack_into("<HHH", sections, 0x2E, 40, 2, 1)
    sections += bytes(40) + struct.pack("<10I", 1, 3, 0, 0, 0, 16, 0, 0, 1, 0)
    kernel = bytearray(0x600)
    for at, size, value in (
        (0x1F1, 1, 1),
        (0x1FE, 2, 0xAA55),
        (0x206, 2, 0x20F),
        (0x211, 1, 1),
        (0x22C, 4, 0x7FFFFFFF),
    ):
        kernel[at : at + size] = value.to_bytes(size, "little")
    kernel[0x202:0x206] = b"HdrS"
    return [
        bytes(kernel),
        code,
        images.elf_around(code),
        images.elf_around(code, bits=64),
        bytes(sections),
        images.elf_around(images.header1(3) + code, bits=64),
        images.header1(*kludge) + code,
        images.elf_around(images.header2(request, (5, 0, bytes(12))) + code),
        images.header2(*address) + code,
    ]


@st.composite
def damage(draw) -> tuple[int, list[tuple[int, int, int]], int | None]:
    """(which image, [(place, width, value)], length or None)."""
    edges = st.sampled_from([0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, MiB, MiB - 1, 4 * MiB, 4 * MiB - 1])
    value = st.one_of(edges, st.integers(0, 0xFFFF_FFFF))
    place = st.one_of(st.integers(0, 250), st.integers(0x1F0, 0x268))
    patches = st.lists(st.tuples(place, st.sampled_from([1, 2, 4]), value), max_size=6)
    return (
        draw(st.integers(0, 8)),
        draw(patches),
        draw(st.one_of(st.none(), st.integers(0, 300), st.integers(0, 0x600))),
    )


def mended(image: bytearray) -> bytes:
    """The image with the checksums of its headers right again, or damage would hardly get past them."""
    for magic, fields in ((0x1BADB002, 3), (0xE85250D6, 4)):
        at = bytes(image).find(magic.to_bytes(4, "little"))
        if at >= 0 and at + 4 * fields <= len(image):
            total = sum(struct.unpack_from(f"<{fields - 1}I", image, at))
            struct.pack_into("<I", image, at + 4 * (fields - 1), -total & 0xFFFF_FFFF)
    return bytes(image)


@pytest.mark.parametrize("name", [None, *(loader.format for loader in LOADERS)])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(how=damage(), with_checksums=st.booleans(), module=st.integers(0, 4 * MiB))
def test_damage_is_refused_in_words_or_does_no_harm(images, name, how, with_checksums, module):
    which, patches, length = how
    image = bytearray(whole(images)[which])
    for place, width, value in patches:
        if place + width <= len(image):
            image[place : place + width] = value.to_bytes(4, "little")[:width]
    image = image if length is None else image[:length]
    content = mended(image) if with_checksums else bytes(image)
    memory = Ram(4 * MiB)
    params = BootParams(path="x", modules=((bytes(module), "m"),), memory_map=((0, 639 * KiB, 1), (MiB, 3 * MiB, 1)))
    try:
        state = choose(LOADERS, content, name).load(content, memory, params)
    except BootError as error:
        faults = (memory.written, str(error).count("\n"))
        assert faults == (0, 0)
    else:
        assert all(memory.contains(gpa, size) for gpa, size, _ in state.loaded)
        assert any(gpa <= state.entry < gpa + size for gpa, size, _ in state.loaded)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=400), name=st.sampled_from([None, "elf", "multiboot", "multiboot2", "flat"]))
def test_any_bytes_at_all_are_refused_in_words_or_loaded(content, name):
    memory = Ram(4 * MiB)
    try:
        choose(LOADERS, content, name).load(content, memory, BootParams())
    except BootError:
        assert memory.written == 0
