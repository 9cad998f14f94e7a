"""expect.toml: what it may say, and how faults in it are told."""

from __future__ import annotations

import pytest

from vmm.control.guest_spec import parse_spec
from vmm.errors import ConfigError
from vmm.units import MILLISECOND, MiB

MINIMAL = '[machine]\nmode = "long"\nformat = "elf"\n[outcome]\nkind = "halted"\n'

FULL = r"""
input = "hello\n"
deadline = "300ms"

[machine]
mode = "real"
format = "flat"
load = 0x7c00
memory = "4M"
vcpus = 2
irqchip = "none"
cpu = "host,-popcnt"
strict = true
test_devices = true

[outcome]
kind = "debug-exit"
value = 42
words = "wrote"

[serial]
com1 = "text\n"
com2_matches = '\d+'

[debug_console]
text = "."

[screen]
contains = ["C:\\>", "one\ntwo"]
line_0 = "top  "
line_24 = ""
cursor = [3, 4]

[registers]
rax = 0x2a

[memory]
"0x8000" = "de ad"

[exits]
"io.out.1[0x3f8]" = 13
"hlt" = ">= 10"
"io" = "1..5"
"mmio" = "<= 3"

[on.hardware]
why = "hardware"
[on.hardware.registers]
rax = 1

[on.svm]
why = "AMD"
[on.svm.exits]
"""


def parse(text: str):
    return parse_spec(text, "sample", "A sample.", "/guests/sample")


def breaches(text: str) -> str:
    with pytest.raises(ConfigError) as refusal:
        parse(text)
    return str(refusal.value)


def test_the_least_a_guest_must_say_is_mode_format_and_outcome():
    spec = parse(MINIMAL)
    assert (spec.machine.memory, spec.deadline, spec.input) == (2 * MiB, 5000 * MILLISECOND, "")
    assert spec.expected.outcome_kind == "halted"
    text = breaches("")
    for path in ("machine.mode", "machine.format", "outcome.kind"):
        assert path in text


def test_everything_stated_is_read():
    spec = parse(FULL)
    machine = spec.machine
    assert (machine.mode, machine.format, machine.load, machine.memory) == ("real", "flat", 0x7C00, 4 * MiB)
    assert (machine.vcpus, machine.irqchip, machine.cpu) == (2, "none", "host,-popcnt")
    assert machine.strict
    assert machine.test_devices
    assert (spec.input, spec.deadline) == ("hello\n", 300 * MILLISECOND)
    expected = spec.expected
    assert (expected.outcome_kind, expected.outcome_value, expected.outcome_words) == ("debug-exit", 42, "wrote")
    assert expected.serial == (("com1", b"text\n"),)
    assert expected.serial_patterns == (("com2", r"\d+"),)
    assert expected.debug_console == b"."
    assert expected.screen_contains == ("C:\\>", "one\ntwo")
    assert (expected.screen_lines, expected.screen_cursor) == (((0, "top"), (24, "")), (3, 4))
    assert expected.registers == (("rax", 42),)
    assert expected.memory == ((0x8000, b"\xde\xad"),)
    assert expected.exits == (("io.out.1[0x3f8]", 13, 13), ("hlt", 10, None), ("io", 1, 5), ("mmio", 0, 3))


def test_a_section_for_a_kind_of_host_replaces_the_general_one():
    spec = parse(FULL)
    assert spec.expectation("pvm") is spec.expected
    assert spec.expectation("vmx").registers == (("rax", 1),)
    assert spec.expectation("vmx").exits == spec.expected.exits
    svm = spec.expectation("svm")
    assert (svm.registers, svm.exits, svm.why) == ((("rax", 1),), (), "AMD")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mode = ", "Invalid value"),
        (MINIMAL + "[serail]\n", "serail: is not known here, did you mean serial?"),
        (
            MINIMAL.replace("[machine]", "[machine]\nmemry = 1"),
            "machine.memry: is not known here, did you mean memory?",
        ),
        (MINIMAL.replace("long", "lung"), "machine.mode: 'lung' is not one of .* did you mean long?"),
        (MINIMAL.replace("[machine]", '[machine]\nmemory = "1.5K"'), "machine.memory: whole pages"),
        (MINIMAL.replace("[machine]", '[machine]\nmemory = "much"'), "'much' is not a size"),
        (MINIMAL.replace("[machine]", "[machine]\nvcpus = true"), "machine.vcpus: must be int, not True"),
        (MINIMAL.replace("[machine]", "[machine]\nload = 4096"), "machine.load: is for flat images"),
        ('deadline = "soon"\n' + MINIMAL, "'soon' is not a duration"),
        (MINIMAL.replace("halted", "halt"), "outcome.kind: 'halt' is no outcome, did you mean halted?"),
        (MINIMAL + "[registers]\neax = 1\n", "registers.eax: is not known here"),
        (MINIMAL + "[screen]\nline_x = 'x'\n", "screen.line_x: is not known here"),
        (MINIMAL + "[screen]\nline_1 = 7\n", "screen.line_1: must be str, not 7"),
        (MINIMAL + "[screen]\ncontains = ['a', '']\n", "screen.contains: must be a list of texts"),
        (MINIMAL + "[screen]\ncursor = [1]\n", r"screen.cursor: must be \[row, column\]"),
        (MINIMAL + '[memory]\n"0x10" = "zz"\n', "memory.0x10: must be an address and bytes"),
        (MINIMAL + '[exits]\n"oi" = 1\n', "'oi' is no exit reason"),
        (MINIMAL + '[exits]\n"io" = "many"\n', "must be a number"),
        (MINIMAL + "[serial]\ncom1_matches = '('\n", "is no regular expression"),
        (MINIMAL + '[on.pvm.outcome]\nkind = "shutdown"\n', "on.pvm.why: is needed"),
        (MINIMAL + "on = 3\n", "outcome.on: is not known here"),
        ("on = 3\n" + MINIMAL, "on: must be a table"),
        (MINIMAL + '[on.kvm]\nwhy = "x"\n', "on.kvm: is not known here"),
    ],
)
def test_a_fault_is_told_with_its_path(text, words):
    import re

    assert re.search(words, breaches(text))


MULTIBOOT = '[machine]\nmode = "protected"\nformat = "multiboot"\n{}\n[outcome]\nkind = "halted"\n'


def test_a_guest_may_have_a_command_line_and_modules_of_its_folder(tmp_path):
    (tmp_path / "m.txt").write_text("x")
    text = MULTIBOOT.format('command_line = "a b"\nmodules = ["m.txt with words"]\npc_testdev = true')
    spec = parse_spec(text, "boots", "", str(tmp_path))
    assert spec.machine.command_line == "a b"
    assert spec.machine.modules == (f"{tmp_path}/m.txt with words",)
    assert (spec.machine.pc_testdev, spec.build) == (True, "elf")
    assert parse_spec('build = "flat"\n' + text, "boots", "", str(tmp_path)).build == "flat"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MULTIBOOT.format('modules = ["none.txt x"]'), "machine.modules: there is no none.txt beside expect.toml"),
        (MULTIBOOT.format('modules = "m.txt"'), "machine.modules: must be a list"),
        ('build = "coff"\n' + MULTIBOOT.format(""), "build: 'coff' does not go with format multiboot"),
        ('build = "flat"\n' + MINIMAL, "build: 'flat' does not go with format elf"),
    ],
)
def test_a_fault_in_modules_and_build_is_told(text, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        parse_spec(text, "boots", "", str(tmp_path))
