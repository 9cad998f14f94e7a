"""`vmm profile`: which function of the guest caused how many exits."""

from __future__ import annotations

import json
import re
import subprocess
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.requires_kvm

GUEST = """
    .intel_syntax noprefix
    .text
    .globl _start
_start:
    mov edx, 0x3f8
    call say
    call say
    call poll
    xor eax, eax
    out 0xf4, al
    .type say, @function
say:
    mov al, 'a'
    out dx, al
    mov al, 'b'
    out dx, al
    mov al, 10
    out dx, al
    ret
    .size say, . - say
    .type poll, @function
poll:
    mov ecx, 5
again:
    in al, 0x71
    dec ecx
    jnz again
    ret
    .size poll, . - poll
"""


@pytest.fixture
def guest(tmp_path):
    (tmp_path / "guest.S").write_text(GUEST)
    for command in (
        ["as", "-g", "--64", "guest.S", "-o", "guest.o"],
        ["ld", "-Ttext=0x100000", "-Map=guest.map", "guest.o", "-o", "guest.elf"],
        ["objcopy", "-O", "binary", "-j", ".text", "guest.elf", "guest.bin"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    return tmp_path


def counts(err):
    """{function: (line, exits)} as the table has them."""
    rows = re.findall(r"^  (\S+) +(?:(\S+:\d+) +)?(\d+) +[\d.]+%", err, re.MULTILINE)
    return {name: (line, int(count)) for name, line, count in rows}


def line_of(text):
    return f"guest.S:{GUEST.splitlines().index(text) + 1}"


def test_every_function_has_its_exits_to_the_last_one(vmm, guest):
    ran = vmm("profile", str(guest / "guest.elf"))
    assert (ran.code, ran.out) == (0, b"ab\nab\n")
    found = counts(ran.err)
    assert found["_start"] == (line_of("    out 0xf4, al"), 1)
    assert {name: count for name, (_, count) in found.items()} == {"say": 6, "again": 5, "_start": 1}
    assert found["again"][0] == line_of("    in al, 0x71")
    assert max(map(len, ran.err.splitlines())) <= 80
    assert ran.err.splitlines()[-3].split()[0] == "say", "most exits first"


def test_a_flat_image_has_the_names_of_the_linkers_map(vmm, guest):
    words = ("profile", str(guest / "guest.bin"), "--mode", "long", "--load", "0x100000")
    named = vmm(*words, "--symbols", str(guest / "guest.map"))
    assert counts(named.err) == {"_start": ("", 12)}, "its only global symbol: ld's map has no others"
    bare = vmm(*words)
    assert counts(bare.err) == {"(unknown)": ("", 12)}
    assert "--symbols" in bare.err


def test_symbols_of_a_moved_image_are_found_by_the_offset(vmm, guest):
    words = ("profile", str(guest / "guest.bin"), "--mode", "long", "--load", "0x180000")
    ran = vmm(*words, "--symbols", f"{guest / 'guest.elf'}@0x80000")
    assert counts(ran.err)["say"][1] == 6


def test_pictures_tell_the_same_numbers(vmm, guest):
    files = {name: guest / f"exits.{name}" for name in ("flame", "collapsed", "speedscope")}
    vmm("profile", str(guest / "guest.elf"), *(f"--{name}={path}" for name, path in files.items()))
    lines = files["collapsed"].read_text().splitlines()
    assert "com1;say;io.out.1[0x3f8] 6" in lines
    assert "rtc;again;io.in.1[0x71] 5" in lines
    assert json.loads(files["speedscope"].read_text())["profiles"][0]["endValue"] == 12
    titles = {title.text for title in ElementTree.parse(files["flame"]).iter("{http://www.w3.org/2000/svg}title")}
    assert {"all exits: 12 exits, 100.0%", "say: 6 exits, 50.0%", "again: 5 exits, 41.7%"} <= titles


def test_a_guest_of_the_set_is_profiled_by_name(vmm):
    ran = vmm("profile", "--guest", "sieve", timeout=60)
    assert ran.out == b"9592 primes below 100000\n"
    assert sum(count for _, count in counts(ran.err).values()) == 26


def test_what_cannot_be_is_refused_before_the_guest_runs(vmm, guest):
    image = str(guest / "guest.elf")
    assert "--flame" in vmm.refused("profile", image, "--flame", "/nowhere/a.svg")
    assert "cannot read absent" in vmm.refused("profile", image, "--symbols", "absent@0x10")


def test_call_stacks_are_those_of_the_source(vmm, tmp_path):
    folded, picture = tmp_path / "folded", tmp_path / "flame.svg"
    ran = vmm("profile", "--guest", "call-stacks", "--stacks", "--collapsed", str(folded), "--flame", str(picture))
    assert ran.code == 0
    clock = ("io.out.1[0x70]", "io.in.1[0x71]")
    towers = ["tower", "tower;tower", "tower;tower;tower"]
    assert set(folded.read_text().splitlines()) == {
        "com1;_start;main;line;draw;io.out.1[0x3f8] 12",
        *(f"com1;_start;main;{towers};draw;io.out.1[0x3f8] 1" for towers in towers),
        *(f"rtc;_start;main;{towers};tick;{where} 1" for towers in towers for where in clock),
        "debug-exit;_start;io.out.1[0xf4] 1",
    }
    assert "all exits: 22 exits" in picture.read_text()


def test_call_stacks_need_a_file(vmm, guest):
    assert "--stacks: needs a file" in vmm.refused("profile", str(guest / "guest.elf"), "--stacks")
