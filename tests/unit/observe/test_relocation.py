from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.program import Program
from vmm.observe.relocation import find_offset
from vmm.observe.statistics import ExitStatistics

BASE = 0xFFFF_FFFF_8100_0000
MOVED = 0x1AE0_0000
CODE = {0x10: b"\xec", 0x2001: b"\xed", 0x3_0007: b"\x66\xed", 0x5013: b"\xee", 0x7_0001: b"\xe6\x80"}


def read(address: int, size: int) -> bytes:
    """Code that is nothing but NOPs and CODE, 8 MiB of it."""
    if not 0 <= address - BASE <= 0x80_0000 - size:
        return b""
    data = bytearray(b"\x90" * size)
    for at in range(size):
        for start, code in CODE.items():
            if 0 <= address + at - BASE - start < len(code):
                data[at] = code[address + at - BASE - start]
    return bytes(data)


def exits(moved: int, places: list[tuple[int, str]]) -> list[ExitCount]:
    return [
        ExitCount(vcpu=0, reason="io", direction=direction, address=0x70, size=1, count=1, elements=1, guest_ns=1,
                  handler_ns=1, handler_max_ns=1, histogram=(0,) * BUCKETS, rips=((BASE + moved + at, 1),))
        for at, direction in places
    ]  # fmt: skip


PLACES = [(0x10, "in"), (0x2001, "in"), (0x3_0007, "in"), (0x5014, "out"), (0x7_0001, "out")]


def test_the_places_of_port_accesses_tell_how_far_a_kernel_moved() -> None:
    assert find_offset(exits(MOVED, PLACES), read) == MOVED
    assert find_offset(exits(0, PLACES), read) == 0


def test_nothing_is_concluded_from_too_little_or_from_what_does_not_fit() -> None:
    assert find_offset(exits(MOVED, PLACES[:3]), read) == 0
    assert find_offset(exits(MOVED, [(at + 3, direction) for at, direction in PLACES]), read) == 0
    assert find_offset(exits(MOVED, PLACES), lambda address, size: b"\xec" * size) == 0
    assert find_offset([], read) == 0


def test_a_moved_kernels_functions_are_named(tmp_path: Path) -> None:
    if not (shutil.which("as") and shutil.which("ld")):
        pytest.skip("needs GNU as and ld (package binutils)")
    text = ".type f, @function\nf: .rept 5\n in %dx, %al\n nop\n .endr\n .byte 0x90, 0x90, 0x90\n ret\n.size f, . - f\n"
    (tmp_path / "k.S").write_text(".globl _start\n_start:\n" + text)
    subprocess.run(["as", "k.S", "-o", "k.o"], cwd=tmp_path, check=True)
    subprocess.run(["ld", f"-Ttext={BASE:#x}", "k.o", "-o", "vmlinux"], cwd=tmp_path, check=True)
    counts = exits(MOVED, [(2 * at, "in") for at in range(5)])
    path = str(tmp_path / "vmlinux")
    moved = ExitStatistics(counts, program=lambda: Program.from_file(path))
    assert [(row.function, row.count) for row in moved.by_function()] == [("f", 5)]
    told = ExitStatistics(counts, program=lambda: Program.from_file(f"{path}@{MOVED:#x}"))
    assert [(row.function, row.count) for row in told.by_function()] == [("f", 5)]
    wrong = ExitStatistics(counts, program=lambda: Program.from_file(f"{path}@0x400000"))
    assert [row.function for row in wrong.by_function()] == [""], "an offset that is given is believed"
