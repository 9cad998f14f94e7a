"""Multiboot images made by hand, and a memory to load them into."""

from __future__ import annotations

import struct

import pytest

from vmm.boot.loader import BootParams
from vmm.units import KiB, MiB

MAP = ((0, 639 * KiB, 1), (639 * KiB, KiB, 2), (0xF0000, 64 * KiB, 2), (MiB, 3 * MiB, 1))


@pytest.fixture
def params() -> BootParams:
    return BootParams(path="kernel", command_line="quiet", memory_map=MAP)


def elf_around(content: bytes, bits: int = 32, entry: int = MiB, bss: int = 0x100) -> bytes:
    """An ELF file with one segment at 1 MiB that begins with `content`."""
    ehsize, phsize = (64, 56) if bits == 64 else (52, 32)
    layout = "<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH"
    header = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    header += struct.pack(layout, 2, 62 if bits == 64 else 3, 1, entry, ehsize, 0, 0, ehsize, phsize, 1, 0, 0, 0)
    start = -(-(ehsize + phsize) // 8) * 8
    size = len(content) + bss
    if bits == 64:
        program = struct.pack("<IIQQQQQQ", 1, 5, start, MiB, MiB, len(content), size, 8)
    else:
        program = struct.pack("<IIIIIIII", 1, start, MiB, MiB, len(content), size, 5, 8)
    return (header + program).ljust(start, b"\0") + content


def header1(flags: int = 0, *addresses: int, checksum: int | None = None) -> bytes:
    """A Multiboot 1 header."""
    right = -(0x1BADB002 + flags) & 0xFFFF_FFFF
    fields = (0x1BADB002, flags, right if checksum is None else checksum, *addresses)
    return struct.pack(f"<{len(fields)}I", *fields)


def header2(*tags: tuple[int, int, bytes], architecture: int = 0, checksum: int | None = None) -> bytes:
    """A Multiboot 2 header of tags (type, flags, content), with the last one added."""
    body = b""
    for kind, flags, content in (*tags, (0, 0, b"")):
        body += struct.pack("<HHI", kind, flags, 8 + len(content)) + content
        body += bytes(-len(body) % 8)
    length = 16 + len(body)
    right = -(0xE85250D6 + architecture + length) & 0xFFFF_FFFF
    return struct.pack("<IIII", 0xE85250D6, architecture, length, right if checksum is None else checksum) + body


class Images:
    """The makers above, for tests: modules of tests do not import each other."""

    elf_around = staticmethod(elf_around)
    header1 = staticmethod(header1)
    header2 = staticmethod(header2)


@pytest.fixture(scope="session")
def images() -> type[Images]:
    return Images
