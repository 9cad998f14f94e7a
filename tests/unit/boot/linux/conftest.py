"""Linux kernels made by hand: a bzImage with a setup header, an ELF file with a kernel's notes, and a memory."""

from __future__ import annotations

import struct

import pytest

from vmm.boot.loader import BootParams
from vmm.memory.guest_memory import GuestMemory
from vmm.units import KiB, MiB

MAP = ((0, 639 * KiB, 1), (639 * KiB, KiB, 2), (0xF0000, 64 * KiB, 2), (MiB, 63 * MiB, 1))
HEADER = {
    "setup_sects": (0x1F1, 1, 2), "syssize": (0x1F4, 4, 0x80), "boot_flag": (0x1FE, 2, 0xAA55),
    "jump": (0x200, 2, 0x66EB),
    "header": (0x202, 4, 0x53726448), "version": (0x206, 2, 0x020F), "loadflags": (0x211, 1, 1),
    "initrd_addr_max": (0x22C, 4, 0x7FFFFFFF), "kernel_alignment": (0x230, 4, 2 * MiB), "relocatable": (0x234, 1, 1),
    "xloadflags": (0x236, 2, 1), "cmdline_size": (0x238, 4, 255), "payload_offset": (0x248, 4, 0x100),
    "payload_length": (0x24C, 4, 0), "pref_address": (0x258, 8, 16 * MiB), "init_size": (0x260, 4, 4 * MiB),
}  # fmt: skip


class Kernels:
    """Makers of kernels."""

    map = MAP

    @staticmethod
    def bzimage(payload: bytes = b"", **fields: int) -> bytes:
        """A bzImage of two setup sectors and a boot sector, its protected-mode part a page or what `payload` needs."""
        kernel = bytearray(b"\x90" * max(0x800, -(-(0x100 + len(payload)) // 16) * 16))
        kernel[0x100 : 0x100 + len(payload)] = payload
        setup = bytearray(3 * 512)
        values = {"payload_length": len(payload), "syssize": len(kernel) // 16} | fields
        for name, (at, size, value) in HEADER.items():
            setup[at : at + size] = values.get(name, value).to_bytes(size, "little")
        return bytes(setup + kernel)

    @staticmethod
    def vmlinux(
        pvh: int | None = 16 * MiB + 0x20, owner: bytes = b"Linux\0", bits: int = 64, bss: int = 0x100
    ) -> bytes:
        """An ELF file with one segment at 16 MiB, its notes, and two section headers at its end."""
        notes = _note(owner, 0x100, b"\1\0\0\0")
        if pvh is not None:
            notes += _note(b"Xen\0", 18, pvh.to_bytes(8, "little"))
        code = b"\xf4" * 0x100
        ehsize, phsize, shsize = (64, 56, 64) if bits == 64 else (52, 32, 40)
        start = 0x100
        sections = start + len(code) + len(notes)
        where = (len(code), len(code) + bss)
        note = (start + len(code), len(notes), len(notes))
        virtual = 0xFFFF_FFFF_8100_0000 if bits == 64 else 0xC100_0000
        if bits == 64:
            header = struct.pack(
                "<HHIQQQIHHHHHH", 2, 62, 1, 16 * MiB, ehsize, sections, 0, ehsize, phsize, 2, shsize, 2, 1
            )
            programs = struct.pack("<IIQQQQQQ", 1, 7, start, virtual, 16 * MiB, *where, 8)
            programs += struct.pack("<IIQQQQQQ", 4, 0, note[0], 0, 0, *note[1:], 4)
        else:
            header = struct.pack(
                "<HHIIIIIHHHHHH", 2, 3, 1, 16 * MiB, ehsize, sections, 0, ehsize, phsize, 2, shsize, 2, 1
            )
            programs = struct.pack("<IIIIIIII", 1, start, virtual, 16 * MiB, *where, 7, 8)
            programs += struct.pack("<IIIIIIII", 4, note[0], 0, 0, *note[1:], 0, 4)
        ident = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
        return (ident + header + programs).ljust(start, b"\0") + code + notes + bytes(2 * shsize)


def _note(owner: bytes, kind: int, content: bytes) -> bytes:
    return struct.pack("<III", len(owner), len(content), kind) + owner.ljust(-(-len(owner) // 4) * 4, b"\0") + content


@pytest.fixture(scope="session")
def kernels() -> type[Kernels]:
    return Kernels


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 64 * MiB)
    yield memory
    memory.close()


@pytest.fixture
def params() -> BootParams:
    return BootParams(path="kernel", command_line="quiet", memory_map=MAP, rsdp=0xF0000)
