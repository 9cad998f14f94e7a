from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.function_table import render
from vmm.observe.functions import by_function, folded
from vmm.observe.program import Program, program_of
from vmm.observe.statistics import ExitStatistics
from vmm.observe.symbols import Symbols, split_offset

ONE = """
void out(char letter) {
    __asm__ volatile("outb %0, $0xe9" : : "a"(letter));
}
int in(void) {
    int value;
    __asm__ volatile("in %%dx, %%al" : "=a"(value));
    return value;
}
"""
TWO = """
void _start(void) {
    __asm__ volatile("outb %al, %dx");
    __asm__ volatile("hlt");
}
"""


@pytest.fixture(scope="module", params=["-gdwarf-4", "-gdwarf-5"])
def elf(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    if not (shutil.which("gcc") and shutil.which("ld")):
        pytest.skip("needs gcc and GNU ld (apt install gcc binutils)")
    where = tmp_path_factory.mktemp("program")
    (where / "one.c").write_text(ONE)
    (where / "two.c").write_text(TWO)
    flags = [request.param, "-O1", "-ffreestanding", "-fno-pic", "-fcf-protection=none"]
    subprocess.run(["gcc", *flags, "-c", "one.c", "two.c"], cwd=where, check=True)
    link = ["ld", "-Ttext=0x100000", "-Map=guest.map", "one.o", "two.o", "-o", "guest.elf"]
    subprocess.run(link, cwd=where, check=True)
    return where / "guest.elf"


def addresses(elf: Path) -> dict[str, int]:
    listing = subprocess.run(["nm", str(elf)], check=True, capture_output=True, text=True).stdout
    return {name: int(address, 16) for address, kind, name in map(str.split, listing.splitlines()) if kind in "tT"}


def behind(elf: Path, name: str, code: bytes) -> int:
    """The address after the first `code` in a function of the file, which is linked from 0x100000."""
    start = addresses(elf)[name]
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", str(elf), str(elf.with_suffix(".bin"))], check=True)
    return 0x10_0000 + elf.with_suffix(".bin").read_bytes().index(code, start - 0x10_0000) + len(code)


def test_functions_have_the_lines_of_their_files(elf: Path) -> None:
    program, starts = Program.from_file(str(elf)), addresses(elf)
    out = program.place(starts["out"])
    assert (out.function, Path(out.file).name, out.line) == ("out", "one.c", 3)
    start = program.place(starts["_start"])
    assert (start.function, Path(start.file).name, start.line) == ("_start", "two.c", 3)
    assert program.place(0x5000).source == ""


def test_an_offset_moves_everything(elf: Path) -> None:
    program = Program.from_file(f"{elf}@0x20000000")
    assert program.place(0x2000_0000 + addresses(elf)["in"]).source.endswith("one.c:7")
    assert program.place(addresses(elf)["in"]).function == ""


def test_an_emulator_that_has_moved_on_is_led_back_to_the_instruction(elf: Path) -> None:
    program = Program.from_file(str(elf))
    after = behind(elf, "out", b"\xe6\xe9")
    assert program.place(program.instruction(after, "io", "out")).line == 3
    assert program.place(program.instruction(after - 2, "io", "out")).line == 3, "a CPU that has not"
    after = behind(elf, "_start", b"\xee")
    assert program.place(program.instruction(after, "io", "out")).source.endswith("two.c:3")
    assert program.place(program.instruction(after + 1, "hlt", "")).source.endswith("two.c:4")
    before = behind(elf, "in", b"\xec") - 1
    assert program.instruction(before, "io", "in") == before


def test_a_file_without_an_index_of_its_units_has_lines_too(elf: Path) -> None:
    bare = elf.with_suffix(".noindex")
    subprocess.run(["objcopy", "-R", ".debug_aranges", str(elf), str(bare)], check=True)
    assert Program.from_file(str(bare)).place(addresses(elf)["_start"]).source.endswith("two.c:3")


def test_damaged_lines_are_no_lines(elf: Path) -> None:
    content = bytearray(elf.read_bytes())
    listing = subprocess.run(["readelf", "-SW", str(elf)], check=True, capture_output=True, text=True).stdout
    at = int(
        next(line for line in listing.splitlines() if ".debug_line " in line).split(".debug_line")[1].split()[2], 16
    )
    content[at : at + 16] = b"\xff" * 16
    broken = elf.with_suffix(".broken")
    broken.write_bytes(content)
    place = program_of(str(broken)).place(addresses(elf)["out"])
    assert (place.function, place.source) == ("out", "")


def test_the_linkers_map_names_what_the_elf_names(elf: Path) -> None:
    symbols = Symbols.from_file(str(elf.with_suffix(".map")))
    for name, address in addresses(elf).items():
        if name in ("out", "in", "_start"):
            assert symbols.describe(address) == name


def test_a_file_with_an_at_sign_in_its_name_is_that_file(tmp_path: Path) -> None:
    file = tmp_path / "vmlinux@0x10"
    assert split_offset(str(file)) == (str(tmp_path / "vmlinux"), 0x10)
    file.write_text("")
    assert split_offset(str(file)) == (str(file), 0)
    assert split_offset("a@b") == ("a@b", 0)


def exit_count(**fields: object) -> ExitCount:
    common = {"vcpu": 0, "elements": 0, "guest_ns": 100, "handler_ns": 1000, "handler_max_ns": 1, "size": 1}
    return ExitCount(**{**common, "histogram": (0,) * BUCKETS, **fields})  # type: ignore[arg-type]


SYMBOLS = Program(Symbols([(0x100, 0x10, "put"), (0x200, 0x10, "get")]))
EXITS = [
    exit_count(reason="io", direction="out", address=0x3F8, count=10, device="com1", rips=((0x104, 6), (0x204, 3))),
    exit_count(reason="mmio", direction="write", address=0xD000_0000, count=1, rips=((0x110, 1),)),
    exit_count(reason="hlt", count=2, size=0, rips=((0x20A, 2),)),
]


def test_every_exit_belongs_to_one_function_or_to_none() -> None:
    rows = {row.function: row for row in by_function(EXITS, SYMBOLS)}
    assert [row.count for row in rows.values()] == [7, 5, 1]
    assert rows["put"].count == 7, "an MMIO write is counted where it was, not where the CPU went on"
    assert rows["get"].devices == ("com1",)
    assert rows[""].count == 1, "one exit whose instruction nobody noted"
    assert rows["put"].handler_ns == 600 + 1000
    assert sum(row.handler_ns for row in rows.values()) == 3000
    assert sum(row.share for row in rows.values()) == pytest.approx(1)


def test_stacks_are_device_function_location() -> None:
    assert folded(EXITS, SYMBOLS) == {
        ("com1", "put", "io.out.1[0x3f8]"): 6,
        ("com1", "get", "io.out.1[0x3f8]"): 3,
        ("com1", "[unknown]", "io.out.1[0x3f8]"): 1,
        ("[no device]", "put", "mmio.write.1[0xd0000000]"): 1,
        ("hlt", "get", "hlt"): 2,
    }


def test_statistics_from_json_know_the_functions() -> None:
    names = {0x104: "put+0x4", 0x204: "get+0x4", 0x110: "put+0x10", 0x20A: "get+0xa"}
    told = ExitStatistics(EXITS, symbols=lambda rip: names.get(rip, "")).as_json()
    assert {row.function: row.count for row in ExitStatistics.from_json(told).by_function()} == {
        "put": 7, "get": 5, "": 1,
    }  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits_and_counts_what_it_leaves_out(width: int) -> None:
    lines = render(by_function(EXITS, SYMBOLS), width, rows=2).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].split()[0] == "put"
    assert lines[-1].strip() == "and 1 more function, 1 exits"


def test_a_table_without_names_says_how_to_get_them() -> None:
    assert "--symbols" in render(by_function(EXITS, Program(Symbols())))
    assert render([]) == "No exits"
