"""bzImage by its 64-bit and 32-bit entries: where everything stands, what the CPU starts with, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.boot.linux import bzimage
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import GiB, MiB

PAGE = 0x90000


def field(memory, at: int, size: int = 4) -> int:
    return memory.read_int(PAGE + at, size)


def test_the_64_bit_entry_is_at_0x200_of_the_kernel_where_it_prefers_to_be(memory, kernels, params):
    image = kernels.bzimage()
    state = bzimage.load(image, memory, params)
    registers = dict(state.registers)
    assert (state.mode, state.entry) == ("long", 16 * MiB + 0x200)
    assert memory.read(16 * MiB, 0x800) == image[3 * 512 :]
    assert registers["rsi"] == PAGE
    assert (registers["cs"].selector, registers["ds"].selector, registers["ss"].selector) == (0x10, 0x18, 0x18)
    assert registers["cs"].l == 1


def test_the_gdt_in_memory_has_what_the_segments_say(memory, kernels, params):
    from vmm.cpu.segments import decode

    for protocol in ("linux64", "linux32"):
        registers = dict(bzimage.load(kernels.bzimage(), memory, params.replace(protocol=protocol)).registers)
        base, limit = registers["gdt"]
        assert limit == 0x1F
        for name in ("cs", "ds"):
            selector = registers[name].selector
            assert decode(memory.read(base + selector, 8), selector) == registers[name]


def test_the_32_bit_entry_is_the_kernels_first_byte_without_paging(memory, kernels, params):
    state = bzimage.load(kernels.bzimage(xloadflags=0), memory, params.replace(protocol="linux32"))
    registers = dict(state.registers)
    assert (state.mode, state.entry) == ("protected", 16 * MiB)
    assert (registers["rsi"], registers["cr0"], registers["cr4"]) == (PAGE, 0x11, 0)
    assert (registers["cs"].selector, registers["cs"].db) == (0x10, 1)


def test_the_zero_page_has_header_memory_map_and_rsdp(memory, kernels, params):
    image = kernels.bzimage()
    bzimage.load(image, memory, params)
    assert memory.read(PAGE + 0x202, 14) == image[0x202:0x210]
    assert field(memory, 0x210, 1) == 0xFF
    assert field(memory, 0x070, 8) == 0xF0000
    assert field(memory, 0x1E8, 1) == len(kernels.map)
    entries = [
        tuple(field(memory, 0x2D0 + 20 * at + place, size) for place, size in ((0, 8), (8, 8), (16, 4)))
        for at in range(4)
    ]
    assert tuple(entries) == kernels.map
    assert memory.read(field(memory, 0x228), 6) == b"quiet\0"
    assert (field(memory, 0x218), field(memory, 0x21C)) == (0, 0)


def test_initrds_stand_one_behind_the_other_at_the_end_of_low_memory(memory, kernels, params):
    bzimage.load(kernels.bzimage(), memory, params.replace(modules=((b"first", "a"), (b"second", "b"))))
    at, size = field(memory, 0x218), field(memory, 0x21C)
    assert (at, size) == (64 * MiB - 4096, 16)
    assert memory.read(at, size) == b"first\0\0\0second\0\0"


def test_an_initrd_stays_below_the_address_that_the_kernel_names(memory, kernels, params):
    params = params.replace(modules=((b"x" * 100, ""),))
    bzimage.load(kernels.bzimage(initrd_addr_max=32 * MiB - 1), memory, params)
    assert field(memory, 0x218) + field(memory, 0x21C) <= 32 * MiB


def test_memory_above_4_gib_is_told_and_holds_no_initrd(kernels):
    from vmm.machine import layout

    memory = GuestMemory()
    for start, size in layout.ram(5 * GiB):
        memory.add(start, size)
    params = BootParams(memory_map=layout.memory_map(5 * GiB), modules=((b"x" * 100, ""),))
    bzimage.load(kernels.bzimage(initrd_addr_max=0xFFFF_FFFF), memory, params)
    assert field(memory, 0x218) == 3 * GiB - 4096
    last = 0x2D0 + 20 * (field(memory, 0x1E8, 1) - 1)
    assert (field(memory, last, 8), field(memory, last + 8, 8), field(memory, last + 16)) == (4 * GiB, 2 * GiB, 1)
    memory.close()


def test_a_kernel_that_cannot_move_goes_to_1_mib(memory, kernels, params):
    assert bzimage.load(kernels.bzimage(relocatable=0), memory, params).entry == MiB + 0x200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"boot_flag": 0}, "boot_flag: 0x0, not 0xaa55"),
        ({"version": 0x0201}, "version: boot protocol 2.01"),
        ({"version": 0x020B}, "version: boot protocol 2.11, and the 64-bit entry came with 2.12"),
        ({"xloadflags": 2}, "xloadflags: the kernel has no 64-bit entry; the protocol linux32 may do"),
        ({"loadflags": 0}, "loadflags: a zImage"),
        ({"setup_sects": 200}, "setup_sects: setup code ends at 0x19200, the file at"),
        ({"syssize": 0x1000}, "syssize: the kernel ends at"),
        ({"init_size": 64 * MiB}, "init_size: the kernel starts in [0x1000000, 0x5000000), and there is 64 MiB of RAM"),
        ({"cmdline_size": 4}, "cmdline_size: the kernel takes 4 characters of command line, not 5"),
        ({"initrd_addr_max": 20 * MiB}, "initrd_addr_max: an initrd of 4096 bytes has no room in"),
    ],
    ids=str,
)
def test_a_refusal_names_the_field_and_writes_nothing(memory, kernels, params, fields, words):
    with pytest.raises(BootError) as caught:
        bzimage.load(kernels.bzimage(**fields), memory, params.replace(modules=((b"x" * 4096, ""),)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert memory.read(PAGE, 0x3000) == bytes(0x3000)
    assert memory.read(16 * MiB, 16) == bytes(16)


def test_an_initrd_larger_than_memory_is_refused(memory, kernels, params):
    with pytest.raises(BootError, match="initrd_addr_max: an initrd of 67108864 bytes has no room"):
        bzimage.load(kernels.bzimage(), memory, params.replace(modules=((bytes(64 * MiB), ""),)))


@pytest.mark.parametrize("name", ["mode", "load", "entry"])
def test_what_the_protocol_says_the_user_cannot(memory, kernels, params, name):
    value = "long" if name == "mode" else 0x1000
    with pytest.raises(BootError, match=f"{name} is given, but the boot protocol says it"):
        bzimage.load(kernels.bzimage(), memory, params.replace(**{name: value}))


@given(cut=st.integers(0, 0xDF0))
def test_a_file_cut_off_anywhere_is_refused_in_one_line(kernels, cut):
    memory = GuestMemory()
    memory.add(0, 64 * MiB)
    with pytest.raises(BootError) as caught:
        bzimage.load(kernels.bzimage()[:cut], memory, BootParams(memory_map=kernels.map))
    assert str(caught.value).count("\n") == 0
    memory.close()


def signed(kernels) -> bytes:
    """A bzImage with the PE header that a signature hangs on, 256 bytes behind the kernel."""
    image = bytearray(kernels.bzimage())
    image[:2], image[0x3C:0x40], image[0x40:0x44] = b"MZ", (0x40).to_bytes(4, "little"), b"PE\0\0"
    image[0x58:0x5A] = b"\x0b\x02"
    image[0x40 + 168 : 0x40 + 176] = len(image).to_bytes(4, "little") + (256).to_bytes(4, "little")
    return bytes(image) + bytes(256)


def test_a_kernel_that_lost_its_signature_is_truncated(memory, kernels, params):
    image = signed(kernels)
    bzimage.load(image, memory, params)
    with pytest.raises(BootError, match=r"its PE certificate table ends at 0xf00, the file at 0xeff: truncated\?"):
        bzimage.load(image[:-1], memory, params)
