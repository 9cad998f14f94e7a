"""Flat binaries: where they go by default, and what is refused."""

from __future__ import annotations

import pytest

from vmm.boot import flat
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 2 * MiB)
    yield memory
    memory.close()


def boot_sector(code: bytes) -> bytes:
    return code.ljust(510, b"\0") + b"\x55\xaa"


def test_a_boot_sector_goes_where_a_bios_puts_it(memory):
    state = flat.load(boot_sector(b"\xf4"), memory, BootParams())
    assert (state.mode, state.entry, state.end) == ("real", 0x7C00, 0x7E00)
    assert memory.read(0x7C00, 1) == b"\xf4"
    assert memory.read(0x7DFE, 2) == b"\x55\xaa"


def test_any_other_real_mode_image_goes_above_the_bios_data_area(memory):
    state = flat.load(b"\xfa\xf4", memory, BootParams())
    assert (state.mode, state.entry, state.loaded) == ("real", 0x1000, ((0x1000, 2, "flat image"),))


@pytest.mark.parametrize("mode", ["protected", "paged", "long"])
def test_other_modes_load_at_one_mebibyte(memory, mode):
    state = flat.load(boot_sector(b"\xf4"), memory, BootParams(mode=mode))
    assert (state.mode, state.entry) == (mode, MiB)


def test_load_address_and_entry_are_the_users_to_choose(memory):
    state = flat.load(bytes(32), memory, BootParams(mode="long", load=0x12345, entry=0x12350))
    assert state.entry == 0x12350
    assert state.loaded == ((0x12345, 32, "flat image"),)


def test_a_view_loads_as_bytes_do(memory):
    flat.load(memoryview(b"\x90\xf4"), memory, BootParams())
    assert memory.read(0x1000, 2) == b"\x90\xf4"


@pytest.mark.parametrize(
    ("image", "params", "words"),
    [
        (bytes(2 * MiB), BootParams(mode="long"), r"2097152 bytes needs \[0x100000, 0x300000\).*2 MiB"),
        (b"\xf4", BootParams(load=-1), "not all guest RAM"),
        (b"\xf4", BootParams(load=1 << 63), "not all guest RAM"),
        (b"\xf4", BootParams(entry=0x2000), r"entry 0x2000 lies outside what is loaded: \[0x1000, 0x1001\)"),
        (b"\xf4", BootParams(load=0x100000), "out of reach in real mode"),
        (b"\xf4", BootParams(mode="reel"), "unknown CPU mode 'reel'; known: real, protected, paged, long"),
    ],
)
def test_what_cannot_start_is_refused_in_one_line_and_leaves_memory_alone(memory, image, params, words):
    before = memory.read(0, 2 * MiB)
    with pytest.raises(BootError, match=words) as refusal:
        flat.load(image, memory, params)
    assert "\n" not in str(refusal.value)
    assert memory.read(0, 2 * MiB) == before


def test_bytes_of_no_known_format_are_taken_for_a_flat_binary():
    assert flat.recognises(b"\xfa\xf4")
    assert flat.recognises(boot_sector(b"\xeb\xfe"))
    assert not flat.recognises(b"\x7fELF" + bytes(60))
    assert not flat.recognises(b"#!/bin/sh\n")
