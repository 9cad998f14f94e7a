"""vmlinux by its 64-bit entry and by PVH."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.boot.linux import notes, setup_header, vmlinux
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

PAGE = 0x90000


def field(memory, at: int, size: int = 4) -> int:
    return memory.read_int(PAGE + at, size)


def test_by_the_64_bit_entry_it_gets_a_zero_page(memory, kernels, params):
    state = vmlinux.load(kernels.vmlinux(), memory, params)
    registers = dict(state.registers)
    assert (state.mode, state.entry, registers["rsi"]) == ("long", 16 * MiB, PAGE)
    assert memory.read(16 * MiB, 0x100) == b"\xf4" * 0x100
    assert memory.read(PAGE + 0x202, 4) == b"HdrS"
    assert (field(memory, 0x1FE, 2), field(memory, 0x210, 1)) == (0xAA55, 0xFF)
    assert memory.read(field(memory, 0x228), 6) == b"quiet\0"
    assert state.symbol_offset == 16 * MiB - 0xFFFF_FFFF_8100_0000


def test_out_of_a_bzimage_it_keeps_that_ones_header(memory, kernels, params):
    header = setup_header.read(kernels.bzimage(initrd_addr_max=32 * MiB - 1))
    vmlinux.load(kernels.vmlinux(), memory, params.replace(modules=((b"rd", ""),)), header)
    assert field(memory, 0x22C) == 32 * MiB - 1
    assert field(memory, 0x218) == 32 * MiB - 4096


def test_by_pvh_it_gets_a_start_info_with_map_module_and_rsdp(memory, kernels, params):
    state = vmlinux.load(kernels.vmlinux(), memory, params.replace(protocol="pvh", modules=((b"initrd", ""),)))
    registers = dict(state.registers)
    assert (state.mode, state.entry, registers["rbx"]) == ("protected", 16 * MiB + 0x20, PAGE)
    assert (registers["cr0"], registers["cr4"]) == (0x11, 0)
    assert (registers["tr"].base, registers["tr"].limit) == (0, 0x67)
    assert (field(memory, 0), field(memory, 4), field(memory, 12)) == (0x336EC578, 1, 1)
    module = field(memory, 16, 8)
    assert memory.read(memory.read_int(module, 8), memory.read_int(module + 8, 8)) == b"initrd\0\0"
    assert memory.read(field(memory, 24, 8), 6) == b"quiet\0"
    assert field(memory, 32, 8) == 0xF0000
    table, count = field(memory, 40, 8), field(memory, 48)
    entries = [
        tuple(memory.read_int(table + 24 * at + place, size) for place, size in ((0, 8), (8, 8), (16, 4)))
        for at in range(count)
    ]
    assert tuple(entries) == kernels.map


def test_a_kernel_of_32_bits_starts_by_pvh_alone(memory, kernels, params):
    image = kernels.vmlinux(bits=32)
    assert vmlinux.load(image, memory, params.replace(protocol="pvh")).entry == 16 * MiB + 0x20
    with pytest.raises(BootError, match="has no 64-bit entry; the protocol pvh may do"):
        vmlinux.load(image, memory, params)


@pytest.mark.parametrize(
    ("image", "changes", "words"),
    [
        ({"pvh": None}, {"protocol": "pvh"}, "no ELF note XEN_ELFNOTE_PHYS32_ENTRY: a kernel without CONFIG_PVH"),
        ({"pvh": 0x123}, {"protocol": "pvh"}, "entry 0x123 lies outside what is loaded"),
        ({"bss": 64 * MiB}, {}, "segment 0 needs"),
        ({}, {"command_line": "x" * 2048}, "cmdline_size: the kernel takes 2047 characters of command line, not 2048"),
        ({}, {"modules": ((bytes(50 * MiB), ""),)}, "initrd_addr_max: an initrd of 52428800 bytes has no room"),
    ],
)
def test_refusals(memory, kernels, params, image, changes, words):
    with pytest.raises(BootError) as caught:
        vmlinux.load(kernels.vmlinux(**image), memory, params.replace(**changes))
    assert words in str(caught.value)
    assert memory.read(PAGE, 0x3000) == bytes(0x3000)


@given(cut=st.data())
def test_a_file_cut_off_anywhere_is_refused_in_one_line(kernels, cut):
    image = kernels.vmlinux()
    memory = GuestMemory()
    memory.add(0, 64 * MiB)
    with pytest.raises(BootError) as caught:
        vmlinux.load(image[: cut.draw(st.integers(0, len(image) - 1))], memory, BootParams(memory_map=kernels.map))
    assert "\n" not in str(caught.value)
    memory.close()


def test_notes_tell_a_kernel_from_other_programs(kernels):
    assert vmlinux.recognises(kernels.vmlinux(pvh=None))
    assert vmlinux.recognises(kernels.vmlinux(owner=b"GNU\0"))  # by its note for PVH
    assert not vmlinux.recognises(kernels.vmlinux(owner=b"GNU\0", pvh=None))
    assert not vmlinux.recognises(b"\xf4")


@given(damage=st.binary(min_size=1, max_size=40), at=st.integers(0, 0x300))
def test_notes_of_a_damaged_file_never_raise(kernels, damage, at):
    image = bytearray(kernels.vmlinux())
    image[at : at + len(damage)] = damage
    list(notes.notes(bytes(image)))
    notes.pvh_entry(bytes(image))
