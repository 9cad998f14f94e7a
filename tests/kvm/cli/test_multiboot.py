"""Multiboot kernels, as a user starts them."""

from __future__ import annotations

import pytest

from vmm.control import guest_set


@pytest.fixture(scope="module")
def kernel() -> str:
    return guest_set.build("multiboot")


def test_a_kernel_is_recognised_and_given_its_words_and_modules(vmm, kernel, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"this is {name}\n")
    words = [
        "-append",
        "hello world",
        "--module",
        f"{tmp_path}/three x=1 y",
        "-initrd",
        f"{tmp_path}/one,{tmp_path}/two b",
    ]
    ran = vmm("run", kernel, "-m", "64M", *words)
    assert ran.code == 0, ran
    assert ran.out.decode().splitlines() == [
        "vmm loaded a kernel 'hello world'",
        "639 and 64512 KiB of memory",
        "module '': this is one",
        "module 'b': this is two",
        "module 'x=1 y': this is three",
    ]


def test_with_a_mode_it_is_an_elf_file_like_any_other(vmm, kernel):
    ran = vmm("run", kernel, "--mode", "protected")
    assert b"wrong: the magic number in EAX" in ran.out or ran.code != 0


def test_what_is_wrong_is_told_in_one_line(vmm, kernel, tmp_path):
    big = tmp_path / "big"
    with open(big, "wb") as file:
        file.truncate(3 << 20)
    assert "module 1 (" in vmm.refused("run", kernel, "-m", "4M", "--module", f"{big} words")
    assert "cannot read '/none'" in vmm.refused("run", kernel, "--module", "/none")
    assert "is larger than the 2 MiB of memory" in vmm.refused("run", kernel, "-m", "2M", "--module", str(big))
    assert "elf images take none" in vmm.refused("run", guest_set.build("hello-protected"), "-append", "words")
    assert "a boot sector takes none" in vmm.refused("run", guest_set.build("hello-real"), "-append", "words")
    assert "no such format here" in vmm.refused("run", kernel, "--format", "multiboot3")
    with open(kernel, "rb") as file:
        damaged = bytearray(file.read())
    at = damaged.find(b"\x02\xb0\xad\x1b")
    damaged[at + 8] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    line = vmm.refused("run", str(tmp_path / "damaged"), "--format", "multiboot")
    assert f"at byte {at + 8:#x}: the header's checksum is" in line
