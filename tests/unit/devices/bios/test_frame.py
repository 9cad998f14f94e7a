"""The register frame: where each register stands in it, what parts of registers are, and frames that are not in RAM."""

from __future__ import annotations

import pytest

from vmm.devices.bios.frame import SIZE, Frame, linear
from vmm.devices.bios.ram import Ram
from vmm.memory.guest_memory import GuestMemory


@pytest.fixture
def ram() -> Ram:
    memory = GuestMemory()
    memory.add(0, 0x2000)
    memory.add(0x2000, 0x1000, "rom", read_only=True)
    return Ram(memory)


def test_registers_stand_where_the_rom_pushes_them(ram: Ram) -> None:
    raw = bytes.fromhex(
        "0100 0200 03000000 04000000 05000000 06000000 07000000 08000000 09000000 0a0b0c0d 0e00 0f00 4100"
    )
    ram.write(0x100, raw)
    frame = Frame.at(ram, 0x100)
    assert frame is not None
    assert (frame.es, frame.ds, frame.di, frame.si, frame.bp) == (1, 2, 3, 4, 5)
    assert (frame.ebx, frame.edx, frame.ecx, frame.eax) == (7, 8, 9, 0x0D0C0B0A)
    assert (frame.al, frame.ah, frame.ip, frame.cs, frame.carry, frame.zero) == (0x0A, 0x0B, 14, 15, 1, 1)
    frame.store(ram)
    assert ram.read(0x100, SIZE) == raw


def test_parts_are_cut_and_leave_the_rest_alone() -> None:
    frame = Frame(0, [0] * 13)
    frame.eax = 0x1_2345_6789
    frame.ah = 0x1FF
    assert frame.eax == 0x2345_FF89
    frame.ax = -1
    assert frame.eax == 0x2345_FFFF
    frame.fail(0x86)
    assert (frame.ah, frame.carry) == (0x86, 1)
    frame.succeed()
    assert (frame.ah, frame.carry) == (0, 0)
    frame.cs, frame.dl = 7, 0x80
    frame.clear()
    assert (frame.eax, frame.dl, frame.cs) == (0, 0, 7)


@pytest.mark.parametrize("gpa", [0x3000 - SIZE + 1, 0x2000 - 1, 0x1234_5678, 0xFFFF_FFFF])
def test_a_frame_that_is_not_all_in_one_memory_is_none(ram: Ram, gpa: int) -> None:
    assert Frame.at(ram, gpa) is None


def test_a_frame_in_rom_is_read_and_never_written(ram: Ram) -> None:
    frame = Frame.at(ram, 0x2000)
    assert frame is not None
    frame.eax = 1
    frame.store(ram)
    assert ram.read(0x2000, SIZE) == bytes(SIZE)


def test_offsets_go_on_past_a_segment_and_a_mebibyte() -> None:
    assert linear(0xFFFF, 0xFFFF) == 0x10FFEF
