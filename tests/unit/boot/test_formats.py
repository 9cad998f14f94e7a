"""Foreign files get their name in the refusal."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.boot import elf, flat
from vmm.boot.formats import FLAT, detect
from vmm.boot.loader import choose
from vmm.errors import BootError


def at(offset: int, content: bytes, size: int = 0x9000) -> bytes:
    image = bytearray(size)
    image[offset : offset + len(content)] = content
    return bytes(image)


def bzimage() -> bytes:
    image = bytearray(at(0, b"MZ", 0x1000))
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x202:0x208] = b"HdrS\x0f\x02"
    return bytes(image)


def pe(subsystem: int) -> bytes:
    image = bytearray(at(0, b"MZ", 0x400))
    image[0x3C:0x40] = (0x80).to_bytes(4, "little")
    image[0x80:0x84] = b"PE\0\0"
    image[0x80 + 0x5C] = subsystem
    return bytes(image)


def elf_head(bits: int, order: str, kind: int, machine: int) -> bytes:
    head = b"\x7fELF" + bytes([bits // 32, 1 if order == "little" else 2, 1]) + bytes(9)
    return head + kind.to_bytes(2, order) + machine.to_bytes(2, order) + bytes(44)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "an empty file"),
        (gzip.compress(b"kernel", mtime=0), "a gzip file"),
        (lzma.compress(b"kernel"), "an xz file"),
        (bzimage(), "a Linux bzImage (boot protocol 2.15)"),
        (pe(3), "a PE executable"),
        (pe(10), "a PE executable (UEFI)"),
        (at(0, b"MZ", 0x400), "a DOS executable (MZ)"),
        (at(0x8001, b"CD001"), "an ISO 9660 image"),
        (b"QFI\xfb" + bytes(100), "a qcow2 disk image"),
        (at(510, b"\x55\xaa", 1 << 20), "a disk image with a boot sector"),
        (b"\xcf\xfa\xed\xfe" + bytes(28), "a Mach-O file"),
        (b"int main(void)\n", "a text file"),
        (b"#!/bin/sh\n", "a script"),
        (elf_head(64, "little", 2, 183), "an ELF64 executable for AArch64"),
        (elf_head(32, "big", 2, 20), "an ELF32 executable for PowerPC"),
        (elf_head(64, "little", 1, 62), "an ELF64 relocatable object for x86-64"),
        (elf_head(64, "little", 3, 62), "an ELF64 shared object or position-independent executable for x86-64"),
        (elf_head(64, "little", 4, 62), "an ELF64 core dump for x86-64"),
        (b"\x7fELF\x02", "the start of an ELF file, cut off in its header"),
        (b"\xfa\xf4", FLAT),
        (b"\xf4", FLAT),
        (at(510, b"\x55\xaa", 512), FLAT),
    ],
)
def test_a_file_is_called_by_its_name(image, words):
    assert detect(image) == words
    assert detect(memoryview(image)) == words


@settings(max_examples=100)
@given(st.sampled_from([b"", b"MZ", b"\x7fELF", bzimage()[:0x206]]), st.binary(max_size=700))
def test_any_bytes_at_all_get_some_name(head, tail):
    assert detect(head + tail)


def test_the_refusal_says_what_was_found():
    with pytest.raises(BootError, match=r"found a Linux bzImage .*does not boot here; known formats: elf and flat"):
        choose((elf, flat), bzimage())
    with pytest.raises(BootError, match="found an empty file"):
        choose((elf, flat), b"", "flat")
    with pytest.raises(BootError, match="no such format"):
        choose((elf, flat), b"\xf4", "flt")


def test_a_format_asked_for_by_name_is_taken_at_its_word():
    assert choose((elf, flat), b"plain text", "flat") is flat
    assert choose((elf, flat), Path("/proc/self/exe").read_bytes()[:64]) is elf
    assert choose((elf, flat), b"\xf4") is flat
