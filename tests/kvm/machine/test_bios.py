"""Machines that start from a drive: the same on either interrupt controller, with exits that name the call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vmm import Machine
from vmm.errors import ConfigError

HANDOFF = "/usr/lib/syslinux/mbr/diag/handoff/handoff.bin"
TICKS = """
    .code16
    .intel_syntax noprefix
    xor ax, ax
    mov ds, ax
    mov bx, [0x46c]
1:  sti
    hlt
    mov ax, [0x46c]
    sub ax, bx
    cmp ax, 3
    jb 1b
    mov ah, 0x00
    int 0x16
    mov ah, 0x0e
    int 0x10
    mov ah, 0x99
    int 0x13
    out 0xf4, al
"""
WRITE = """
    .code16
    .intel_syntax noprefix
    xor ax, ax
    mov es, ax
    mov bx, 0x7c00
    mov cx, 2
    mov dh, 0
    mov ax, 0x0301
    int 0x13
    mov al, ah
    out 0xf4, al
"""


@pytest.fixture
def sector(assemble):
    """sector(text, size) is a disk of that many bytes that starts with the code."""

    def make(text: str, size: int = 160 * 1024) -> bytes:
        return (assemble(text).ljust(510, b"\0") + b"\x55\xaa").ljust(size, b"\0")

    return make


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
def test_ticks_keys_and_calls_work_on_either_controller(sector, irqchip, patience) -> None:
    with Machine(image=sector(TICKS), irqchip=irqchip) as machine:
        machine.type_keys("Q")
        outcome = machine.run(deadline=5.0 * patience)
        assert (outcome.kind, outcome.value) == ("debug-exit", ord("Q")), outcome
        assert machine.output("bios") == b"Q"
        assert machine.screen.lines[0] == "Q"
        devices = {exit.device: exit.count for exit in machine.exits.exits if exit.device.startswith(("int", "bios"))}
        assert devices == {
            "bios set-up": 1, "int 09h": 4, "int 10h/0Eh": 1, "int 13h/99h (unknown)": 1, "int 16h/00h": 1,
            "int 19h": 1,
        }  # fmt: skip
        assert machine.exits["io.out.4[0x100e]"].count == 1


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
def test_a_loop_that_only_polls_is_interrupted_all_the_same(sector, irqchip, patience) -> None:
    text = """
        .code16
        .intel_syntax noprefix
        xor ax, ax
        mov ds, ax
        mov bx, [0x46c]
        add bx, 6
    1:  mov ah, 0x01
        int 0x16
        cmp bx, [0x46c]
        ja 1b
        out 0xf4, al
    """
    with Machine(image=sector(text), irqchip=irqchip) as machine:
        assert machine.run(deadline=5.0 * patience).kind == "debug-exit"


def test_hot_instructions_are_named_by_the_roms_symbols(sector) -> None:
    with Machine(image=sector(TICKS)) as machine:
        machine.type_keys("q")
        machine.run(deadline=20.0)
        (exit,) = (exit for exit in machine.exits.exits if exit.device == "int 10h/0Eh")
        assert machine.exits.symbols(exit.rips[0][0]).startswith("int10+")


def test_a_plain_file_is_written_and_an_overlay_and_a_read_only_one_are_not(sector, tmp_path: Path) -> None:
    path, content = tmp_path / "disk.img", sector(WRITE)
    for manner, value, is_written in ((",ro", 3, False), (",overlay", 0, False), ("", 0, True)):
        path.write_bytes(content)
        with Machine(fda=f"{path}{manner}") as machine:
            assert machine.run(deadline=20.0).value == value
        assert (path.read_bytes() != content) is is_written
    assert path.read_bytes()[512:1024] == content[:512]


def test_the_boot_order_decides(sector, patience) -> None:
    exits = [sector(f".code16\n mov $0x{value}, %al\n out %al, $0xf4", 512) for value in (11, 22)]
    for order, value in (("", 0x22), ("ac", 0x11), ("ca", 0x22)):
        with Machine(fda=exits[0], hda=exits[1], boot=order) as machine:
            assert machine.run(deadline=5.0 * patience).value == value


def test_a_machine_without_anything_to_boot_ends_in_words(patience) -> None:
    with Machine(hda=bytes(1 << 20)) as machine:
        outcome = machine.run(deadline=5.0 * patience)
        assert (outcome.kind, outcome.exit_code()) == ("unbootable", 119)
        assert outcome.words == "no bootable device (hard disk: its first sector has no boot signature 55 AA)"
        assert machine.screen.lines[1] == "No bootable device (hard disk: its first sector has no boot signature 55 AA)"


def test_a_guest_cannot_write_the_rom(sector, patience) -> None:
    text = ".code16\n push $0xf000\n pop %ds\n movb $0x90, 0xfff0\n mov 0xfff0, %al\n out %al, $0xf4"
    with Machine(image=sector(text)) as machine:
        assert machine.run(deadline=5.0 * patience).value == 0xEA


def test_keys_that_no_keyboard_has_are_refused(sector) -> None:
    with Machine(image=sector(TICKS)) as machine, pytest.raises(ConfigError, match="a US keyboard cannot type"):
        machine.type_keys("é")


def test_drives_that_cannot_be_leave_no_file_open(tmp_path: Path) -> None:
    good, odd = tmp_path / "good.img", tmp_path / "odd.img"
    good.write_bytes(bytes(160 * 1024))
    odd.write_bytes(bytes(1000))
    before = len(os.listdir("/proc/self/fd"))
    for fields in (
        {"fda": str(good), "hda": str(odd)},
        {"fda": str(good), "cdrom": str(tmp_path)},
        {"fda": bytes(1024)},
    ):
        with pytest.raises(ConfigError):
            Machine(**fields)
    with Machine(fda=str(good), hda=f"{good},overlay"):
        pass
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not os.path.exists(HANDOFF), reason="needs handoff.bin: apt install syslinux-common")
def test_the_register_report_of_syslinux_is_printed(patience) -> None:
    with open(HANDOFF, "rb") as file:
        floppy = (file.read().ljust(510, b"\0") + b"\x55\xaa").ljust(1440 * 1024, b"\0")
    with Machine(image=floppy) as machine:
        machine.type_keys("\n")
        outcome = machine.run(deadline=5.0 * patience)
        assert outcome.kind == "unbootable"  # it ends with INT 18h once a key was pressed
        lines = machine.screen.lines
        assert lines[0].startswith("DL: 00  DS: 0000  SI: ")
        assert lines[2].startswith("ES: 0000  DI: ")
        assert "Press any key" in machine.screen.text
