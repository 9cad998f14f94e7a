from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.errors import ConfigError
from vmm.observe.symbols import REACH, Symbols

GUEST = """
    .code32
    .text
    .globl _start
PORT = 0x3f8
_start:
    nop
again:
    jmp again
    .type putc, @function
putc:
    nop
    nop
    ret
    .size putc, . - putc
    nop
    .data
message: .byte 1
"""


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("as") and shutil.which("ld")):
        pytest.skip("needs GNU as and ld (package binutils)")
    where = tmp_path_factory.mktemp("guest")
    (where / "guest.S").write_text(GUEST)
    subprocess.run(["as", "--32", "guest.S", "-o", "guest.o"], cwd=where, check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x100000", "guest.o", "-o", "guest.elf"], cwd=where, check=True)
    return where / "guest.elf"


def test_labels_and_functions_of_an_elf_name_its_addresses(elf: Path) -> None:
    symbols = Symbols.from_file(str(elf))
    assert symbols.describe(0x10_0000) == "_start"
    assert symbols.describe(0x10_0002) == "again+0x1"
    assert symbols.resolve(0x10_0005) == ("putc", 2)
    assert symbols.describe(0x10_0006) == "", "a function ends where its size says"
    assert symbols.describe(0x3F8) == "", "a constant is no place"


def test_a_stripped_elf_has_no_names(elf: Path) -> None:
    subprocess.run(["strip", str(elf), "-o", str(elf.with_suffix(".bare"))], check=True)
    assert len(Symbols.from_file(str(elf.with_suffix(".bare")))) == 0


def test_nm_prints_a_map_that_says_the_same_as_the_elf(elf: Path) -> None:
    listing = subprocess.run(["nm", "-S", str(elf)], check=True, capture_output=True, text=True).stdout
    from_elf, from_map = Symbols.from_file(str(elf)), Symbols.from_map(listing)
    for address in range(0x10_0000, 0x10_0007):
        assert from_map.describe(address) == from_elf.describe(address)


def test_every_usual_form_of_a_map_is_read() -> None:
    symbols = Symbols.from_map(
        "ffffffff81000000 T _text\n"
        "ffffffff81000010 0000000000000008 t sized\n"
        "\n"
        "                 U wanted\n"
        "0000000000000000 A absolute\n"
        "ffffffff81000020 t in_module\t[e1000]\n"
        "ffffffff81000030 T f(int, char)\n"
        "ffffffff82000000 D data\n"
    )
    assert symbols.describe(0xFFFF_FFFF_8100_0003) == "_text+0x3"
    assert symbols.describe(0xFFFF_FFFF_8100_0018) == ""
    assert symbols.describe(0xFFFF_FFFF_8100_0020) == "in_module"
    assert symbols.describe(0xFFFF_FFFF_8100_0031) == "f(int, char)+0x1"
    assert symbols.describe(0x10) == symbols.describe(0xFFFF_FFFF_8200_0000) == ""


def test_the_innermost_symbol_names_and_the_outer_one_goes_on_after_it() -> None:
    symbols = Symbols([(0x100, 0x40, "outer"), (0x110, 0x10, "inner"), (0x130, 0, "label"), (0x200, 0, "last")])
    assert symbols.describe(0x11F) == "inner+0xf"
    assert symbols.describe(0x120) == "outer+0x20"
    assert symbols.describe(0x13F) == "label+0xf"
    assert symbols.describe(0x140) == ""
    assert symbols.describe(0x200 + REACH) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF", "no symbols can be read: not a sound ELF file"),
        (b"hello world\n", "line 1 is not ADDRESS TYPE NAME as nm prints it: 'hello world'"),
        (b"1000 T f\n1004 T\n", "line 2 is not"),
        (bytes(range(256)), "line 1 is not"),
    ],
)
def test_a_file_that_is_neither_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "guest.sym"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        Symbols.from_file(str(file))
    assert str(refusal.value).startswith(f"{file}: ")
    assert words in str(refusal.value)


def test_a_missing_file_is_refused_with_the_systems_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no symbols can be read: No such file or directory"):
        Symbols.from_file(str(tmp_path / "absent"))


@settings(max_examples=80, deadline=None)
@given(at=st.integers(min_value=0, max_value=2000), byte=st.binary(min_size=1, max_size=8))
def test_a_damaged_elf_is_read_or_refused(elf: Path, at: int, byte: bytes) -> None:
    image = bytearray(elf.read_bytes())
    where = at if at < 60 else max(len(image) - at, 0)  # the header, or the tables at the end
    image[where : where + len(byte)] = byte
    with suppress(ConfigError):
        Symbols.from_elf(bytes(image)).describe(0x10_0003)


@settings(max_examples=80, deadline=None)
@given(
    entries=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8, unique_by=lambda entry: entry[0]),
    address=st.integers(0, 100),
)
def test_an_address_has_a_name_exactly_if_a_symbol_holds_it(entries: list[tuple[int, int]], address: int) -> None:
    symbols = Symbols((start, size, str(start)) for start, size in entries)
    holding = [start for start, size in entries if start <= address < start + size]
    found = symbols.resolve(address)
    assert found == (None if not holding else (found[0], address - int(found[0])) if found else "a name")
    assert found is None or int(found[0]) in holding
