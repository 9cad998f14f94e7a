"""bzImage: what goes where, which fields of the header are filled in, and which are wrong."""

from __future__ import annotations

import struct

import pytest

from vmm.boot.linux import setup_code, setup_header
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import KiB, MiB

DEFAULTS = {
    0x1F1: (1, 2), 0x1F4: (4, 0x40), 0x1FE: (2, 0xAA55), 0x202: (4, 0x53726448), 0x206: (2, 0x020F), 0x211: (1, 1),
    0x22C: (4, 0x7FFFFFFF), 0x238: (4, 255), 0x258: (8, 2 * MiB), 0x260: (4, MiB),
}  # fmt: skip


def kernel(changes: dict[int, int] | None = None, size: int = 0x400, setup: int = 3) -> bytes:
    """A bzImage of three setup sectors and `size` bytes of kernel, some fields of its header changed."""
    image = bytearray(setup * 512)
    for at, (width, value) in DEFAULTS.items():
        image[at : at + width] = (changes or {}).get(at, value).to_bytes(width, "little")
    return bytes(image) + b"K" * size


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 16 * MiB)
    yield memory
    memory.close()


def field(memory, at: int, size: int = 4) -> int:
    return memory.read_int(0x10000 + at, size)


def test_setup_kernel_and_command_line_stand_where_the_protocol_has_them(memory):
    image = kernel()
    state = setup_code.load(image, memory, BootParams(command_line="quiet console=ttyS0"))
    assert (state.mode, state.entry) == ("real", 0x7C00)
    assert memory.read(MiB, 0x400) == b"K" * 0x400
    assert memory.read(0x10000, 0x1F1) == image[:0x1F1]
    assert memory.read(0x10000 + 0x264, 3 * 512 - 0x264) == image[0x264 : 3 * 512]
    assert memory.read(field(memory, 0x228), 20) == b"quiet console=ttyS0\0"
    assert field(memory, 0x210, 1) == 0xFF
    assert field(memory, 0x211, 1) == 0x81
    assert field(memory, 0x224, 2) == 0xE000 - 0x200
    assert (field(memory, 0x218), field(memory, 0x21C)) == (0, 0)


def test_the_jump_sets_segments_and_stack_and_is_a_boot_sector(memory):
    setup_code.load(kernel(), memory, BootParams())
    code = memory.read(0x7C00, 512)
    assert code[510:] == b"\x55\xaa"
    assert code[:4] == b"\xfa\xb8\x00\x10"
    assert b"\xbc\x00\xe0" in code
    assert b"\xea\x00\x00\x20\x10" in code


def test_an_initrd_stands_as_high_as_memory_allows_and_no_higher(memory):
    modules = ((b"abcde", "one"), (b"fgh", "two"))
    setup_code.load(kernel(), memory, BootParams(modules=modules))
    at, size = field(memory, 0x218), field(memory, 0x21C)
    assert (at, size) == (16 * MiB - 4 * KiB, 12)
    assert memory.read(at, size) == b"abcde\0\0\0fgh\0"
    setup_code.load(kernel({0x22C: 5 * MiB - 1}), memory, BootParams(modules=modules))
    assert field(memory, 0x218) == 5 * MiB - 4 * KiB


def test_an_old_header_has_no_setup_sectors_but_four(memory):
    image = kernel({0x1F1: 0, 0x206: 0x0203}, setup=5)
    state = setup_code.load(image, memory, BootParams())
    assert (0x10000, 5 * 512, "setup code") in state.loaded


@pytest.mark.parametrize(
    ("image", "params", "words"),
    [
        (b"\xf4" * 600, {}, "at byte 0x202: found a flat binary, no setup header"),
        (kernel({0x1FE: 0}), {}, "at byte 0x1fe: boot_flag: 0x0"),
        (kernel({0x206: 0x0201}), {}, "at byte 0x206: version: boot protocol 2.01"),
        (kernel({0x211: 0}), {}, "at byte 0x211: loadflags: a zImage"),
        (kernel({0x1F1: 200}, size=MiB), {}, "at byte 0x1f1: setup_sects: 102912 bytes"),
        (kernel()[:1000], {}, "setup_sects: setup code ends at 0x600, the file at 0x3e8: truncated"),
        (kernel()[:-16], {}, "at byte 0x1f4: syssize: the kernel ends at 0xa00, the file at 0x9f0: truncated"),
        (kernel({0x260: 64 * MiB}), {}, "at byte 0x260: init_size: the kernel starts in memory up to 66 MiB"),
        (kernel(), {"command_line": "x" * 256}, "at byte 0x238: cmdline_size: the kernel takes 255 characters"),
        (kernel(), {"modules": ((bytes(14 * MiB), ""),)}, "at byte 0x22c: initrd_addr_max: an initrd of 14680064"),
        (kernel({0x22C: MiB}), {"modules": ((b"x", ""),)}, "initrd_addr_max"),
        (kernel(size=16 * MiB), {}, "the kernel of 16777216 bytes needs"),
        (kernel(), {"mode": "long"}, "mode is given"),
    ],
)  # fmt: skip
def test_a_header_that_is_wrong_is_refused_by_the_name_of_its_field(memory, image, params, words):
    with pytest.raises(BootError, match=words):
        setup_code.load(image, memory, BootParams(**params))
    assert memory.read(0, 3 * MiB) == bytes(3 * MiB)


def test_a_header_of_noise_is_refused_in_words(memory):
    for seed in range(500):
        noise = bytearray(kernel())
        for step in range(8):
            noise[0x1F0 + (seed * 31 + step * 17) % 0x78] = (seed * 7 + step * 101) % 256
        try:
            setup_code.load(bytes(noise), memory, BootParams())
        except BootError as error:
            assert "bzimage image refused" in str(error)  # noqa: PT017


def test_fields_are_little_endian_and_cut_to_their_version():
    header = setup_header.read(kernel({0x206: 0x0202}))
    assert (header.version, header.syssize, header.cmdline_size, header.kernel_end) == (0x0202, 0, 0, 0)
    assert struct.pack("<H", header.version) == b"\x02\x02"
