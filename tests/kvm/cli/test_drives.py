"""`vmm run` of disks: what boots, what is printed, and disks that cannot be, one line each."""

from __future__ import annotations

import os

import pytest

PRINT = bytes.fromhex("be167c 31c0 8ed8 b40e ac 84c0 7404 cd10 ebf7 b033 e6f4".replace(" ", ""))
"""Prints what stands at 0x7c16 up to a 0, and writes 0x33 to the debug-exit port."""
ECHO = bytes.fromhex("31c0 cd16 b40e cd10 3c0d 75f4 faf4".replace(" ", ""))
"""Takes keys with INT 16h and prints them, up to Enter; then it halts."""


def disk(code: bytes, size: int = 160 * 1024) -> bytes:
    return (code.ljust(510, b"\0") + b"\x55\xaa").ljust(size, b"\0")


HELLO = disk(PRINT + b"Hello\r\n\0")


def test_a_disk_image_boots_and_its_words_are_our_output(vmm, image) -> None:
    path = image(HELLO)
    for words in (
        (path,),
        ("--fda", path),
        ("-hda", path),
        (f"{path},ro",),
        ("-fda", f"{path},overlay", "-boot", "order=a"),
    ):
        ran = vmm("run", *words)
        assert (ran.code, ran.out) == (0x33, b"Hello\r\n"), (words, ran)


def test_exits_are_shown_under_the_names_of_calls(vmm, image) -> None:
    ran = vmm("run", image(HELLO), "--stats")
    assert "int 10h/0Eh" in ran.err
    assert "int10+" in ran.err


def test_text_from_a_pipe_is_typed(vmm, image) -> None:
    ran = vmm("run", image(disk(ECHO)), input=b"Some KEYS, and more than fit into the buffer!\r\xff")
    assert (ran.code, ran.out) == (0, b"Some KEYS, and more than fit into the buffer!\r")


def test_keys_of_a_terminal_are_typed(vmm, image) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(vmm.argv[0], [*vmm.argv[1:], "run", image(disk(ECHO))], env=vmm.env, timeout=20, echo=False)
    child.delaybeforesend = 0.5
    child.send("typed, é and Enter\r")
    child.expect_exact("typed,  and Enter\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_nothing_to_boot(vmm, image) -> None:
    ran = vmm("run", "--hda", image(bytes(1 << 20)))
    fault = "o bootable device (hard disk: its first sector has no boot signature 55 AA)"
    assert (ran.code, ran.out) == (119, f"\r\nN{fault}\r\n".encode())
    assert f"vmm: n{fault}" in ran.err


@pytest.mark.parametrize(
    ("words", "size", "said"),
    [
        (("--fda",), 1440 * 1024 + 512, "fda: no floppy has 1475072 B; they have 160 KiB"),
        (("--fda",), 513, "1 more than whole sectors of 512 bytes"),
        (("--hda",), 1000, "488 more than whole sectors"),
        (("--hda",), 0, "is empty"),
        (("--boot", "ab", "--hda"), 512, "boot: letters of a (floppy), c (hard disk), d (CD-ROM), each once, not 'ab'"),
        (("-m", "512K", "--hda"), 512, "memory: a machine with a BIOS has 1 MiB at least"),
        (("--irqchip", "none", "--hda"), 512, "irqchip: the BIOS needs interrupts: user, kernel or split"),
        (("--mode", "long", "--hda"), 512, "mode: is for images"),
        (("--irqchip", "user", "--smp", "2", "--hda"), 512, "vcpus: the BIOS starts one"),
    ],
)  # fmt: skip
def test_disks_that_cannot_be_are_refused_in_one_line(vmm, image, words, size, said) -> None:
    assert said in vmm.refused("run", *words, image(bytes(size)))


def test_a_disk_that_is_not_there_or_not_ours_is_refused_in_one_line(vmm, image, unprivileged) -> None:
    assert "hda: cannot open none.img: No such file or directory" in vmm.refused("run", "--hda", "none.img")
    assert "a directory, not a disk image" in vmm.refused("run", "--cdrom", str(vmm.cwd))
    path = image(HELLO)
    os.chmod(path, 0o444)
    line = vmm.refused("run", path, prefix=unprivileged)
    assert f"{path},ro reads it only" in line
    assert vmm("run", f"{path},ro", prefix=unprivileged).code == 0x33


def test_an_image_in_a_drive_that_is_taken_is_refused(vmm, image) -> None:
    path = image(HELLO)
    assert "fda has a disk already" in vmm.refused("run", path, "--fda", path)
