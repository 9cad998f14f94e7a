"""ELF files: built by hand here, built by the real linker, and damaged at random."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.boot import elf
from vmm.boot.loader import BootParams
from vmm.errors import BootError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

R, W, X = 4, 2, 1
LOAD, INTERP = 1, 3


def elf_file(
    *segments: tuple[int, int, bytes, int],
    bits: int = 64,
    entry: int = 0x100000,
    kind: int = 2,
    machine: int | None = None,
    first_type: int = LOAD,
) -> bytes:
    """An ELF file of segments (vaddr, paddr, content, size in memory)."""
    machine = machine if machine is not None else (62 if bits == 64 else 3)
    ehsize, phsize = (64, 56) if bits == 64 else (52, 32)
    layout = "<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH"
    header = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    header += struct.pack(layout, kind, machine, 1, entry, ehsize, 0, 0, ehsize, phsize, len(segments), 0, 0, 0)
    offset = ehsize + phsize * len(segments)
    table, body = b"", b""
    for index, (vaddr, paddr, content, size) in enumerate(segments):
        of_type = first_type if index == 0 else LOAD
        if bits == 64:
            table += struct.pack("<IIQQQQQQ", of_type, R | X, offset, vaddr, paddr, len(content), size, 1)
        else:
            table += struct.pack("<IIIIIIII", of_type, offset, vaddr, paddr, len(content), size, R | X, 1)
        offset += len(content)
        body += content
    return header + table + body


@pytest.mark.parametrize(("bits", "mode"), [(32, "protected"), (64, "long")])
def test_segments_are_copied_and_the_rest_is_zeroed(memory, bits, mode):
    memory.fill(0x100000, 0x2000, 0xEE)
    image = elf_file((0x100000, 0x100000, b"code", 4), (0x101000, 0x101000, b"data", 64), bits=bits)
    state = elf.load(image, memory, BootParams(path="guest.elf"))
    assert (state.mode, state.entry, state.end, state.symbols) == (mode, 0x100000, 0x101040, "guest.elf")
    assert memory.read(0x100000, 5) == b"code\xee"
    assert memory.read(0x101000, 65) == b"data" + bytes(60) + b"\xee"
    assert state.loaded == (
        (0x100000, 4, "ELF segment 0 (RX)"),
        (0x101000, 64, "ELF segment 1 (RX, 60 bytes zeroed)"),
    )


def test_an_image_linked_high_is_loaded_low_and_its_entry_translated(memory):
    high = 0xFFFF_FFFF_8010_0000
    state = elf.load(elf_file((high, 0x100000, b"\x90\x90\xf4", 3), entry=high + 2), memory, BootParams())
    assert state.entry == 0x100002
    assert high + 2 + state.symbol_offset == state.entry


def test_an_entry_that_is_physical_already_stays(memory):
    high = 0xFFFF_FFFF_8010_0000
    state = elf.load(elf_file((high, 0x100000, b"\x90\xf4", 2), entry=0x100001), memory, BootParams())
    assert state.entry == 0x100001


def test_mode_and_entry_can_be_overridden(memory):
    image = elf_file((0x8000, 0x8000, b"\x90\xf4", 2), entry=0x8000, bits=32)
    state = elf.load(image, memory, BootParams(mode="real", entry=0x8001))
    assert (state.mode, state.entry) == ("real", 0x8001)


def damaged(offset: int, size: int, value: int) -> bytes:
    image = bytearray(elf_file((0x100000, 0x100000, b"code", 4)))
    image[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(image)


ONE = (0x100000, 0x100000, b"code", 4)


@pytest.mark.parametrize(
    ("image", "words", "offset"),
    [
        (b"\x7fELF", "cut off in its header", 4),
        (elf_file(ONE)[:40], "the file ends inside its header, after 40 bytes", 40),
        (elf_file(ONE)[:90], "program headers end at 0x78, the file at 0x5a", 64),
        (elf_file(ONE)[:-1], "segment 0 ends at 0x7c, the file at 0x7b: truncated", 64),
        (elf_file(ONE, machine=183), "found an ELF64 executable for AArch64; this machine is x86", 18),
        (elf_file(ONE, kind=3), "shared object or position-independent.*link it with -static -no-pie", 16),
        (elf_file(ONE, kind=1), "relocatable object", 16),
        (elf_file((0, 0, b"/lib/ld.so", 10), ONE, first_type=INTERP), "dynamically linked", 64),
        (elf_file(ONE, ONE), "segments 0 and 1 overlap", 120),
        (elf_file((0x100000, 0x7FFFFF, b"code", 4)), "segment 0 needs .*not all guest RAM", 64),
        (elf_file((0x100000, 0x100000, b"code", 3)), "4 bytes in the file, 0x3 in memory", 64),
        (elf_file(ONE, entry=0x100004), "entry 0x100004 lies in no segment", 24),
        (elf_file((0x100000, 0x100000, b"", 0)), "no segment to load", None),
        (damaged(56, 2, 0xFFFF), "65535 program headers", 56),
        (damaged(56, 2, 0), "0 program headers", 56),
        (damaged(54, 2, 32), "program headers of 32 bytes; ELF64 has 56", 54),
        (damaged(32, 8, 0xFFFF_FFFF_FFFF_FFFF), "program headers end at", 0xFFFF_FFFF_FFFF_FFFF),
        (damaged(5, 1, 2), "found an ELF64 .*type 0x200", 4),
        (b"not an ELF file", "found a text file", 0),
    ],
)
def test_a_bad_file_is_refused_with_the_byte_at_fault_before_memory_is_touched(memory, image, words, offset):
    with pytest.raises(BootError, match=words) as refusal:
        elf.load(image, memory, BootParams())
    assert refusal.value.offset == offset
    assert "\n" not in str(refusal.value)
    assert memory.read(0x100000, 4) == bytes(4)


def test_a_load_address_for_an_elf_file_is_refused(memory):
    with pytest.raises(BootError, match="an ELF file brings its own"):
        elf.load(elf_file(ONE), memory, BootParams(load=0x1000))


@pytest.fixture(scope="module")
def any_memory():
    memory = GuestMemory()
    memory.add(0, 2 * MiB)
    yield memory
    memory.close()


@settings(max_examples=100, deadline=None)
@given(
    bits=st.sampled_from([32, 64]),
    cut=st.integers(0, 200),
    changes=st.lists(st.tuples(st.integers(0, 180), st.integers(0, 255)), max_size=6),
)
def test_no_damage_makes_anything_but_a_boot_error(any_memory, bits, cut, changes):
    image = bytearray(elf_file(ONE, (0x104000, 0x104000, b"data", 0x40), bits=bits))
    for offset, byte in changes:
        if offset < len(image):
            image[offset] = byte
    try:
        state = elf.load(bytes(image[: len(image) - cut // 2]), any_memory, BootParams())
    except BootError:
        pass
    else:
        assert all(any_memory.contains(gpa, size) for gpa, size, _ in state.loaded)
        assert all(low[0] + low[1] <= high[0] for low, high in pairwise(state.loaded))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_behind_the_magic_make_nothing_but_a_boot_error(any_memory, tail):
    with pytest.raises(BootError):
        elf.load(b"\x7fELF\x02\x01" + tail, any_memory, BootParams())


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("ld")), reason="needs as and ld: apt install binutils")
@pytest.mark.parametrize("bits", [32, 64])
def test_what_the_linker_writes_is_read_as_pyelftools_reads_it(tmp_path, memory, bits):
    elffile = pytest.importorskip("elftools.elf.elffile")
    source = ".globl _start\n_start: hlt\n.data\n.long 0x12345678\n.bss\n.skip 4096\n"
    (tmp_path / "guest.s").write_text(source)
    subprocess.run(["as", f"--{bits}", "-o", "guest.o", "guest.s"], cwd=tmp_path, check=True)
    emulation = "elf_x86_64" if bits == 64 else "elf_i386"
    link = ["ld", "-m", emulation, "-Ttext=0x100000", "--no-warn-rwx-segments", "-o", "guest.elf", "guest.o"]
    subprocess.run(link, cwd=tmp_path, check=True)
    image = (tmp_path / "guest.elf").read_bytes()
    state = elf.load(image, memory, BootParams())

    reference = elffile.ELFFile(io.BytesIO(image))
    segments = sorted(
        (segment["p_paddr"], segment["p_memsz"], segment.data())
        for segment in reference.iter_segments("PT_LOAD")
        if segment["p_memsz"]
    )
    assert [(gpa, size) for gpa, size, _ in state.loaded] == [(gpa, size) for gpa, size, _ in segments]
    assert state.entry == reference["e_entry"]
    for gpa, size, content in segments:
        assert memory.read(gpa, size) == content.ljust(size, b"\0")
