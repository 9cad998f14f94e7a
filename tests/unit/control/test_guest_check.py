"""The comparison of a run with what was expected of it."""

from __future__ import annotations

from types import SimpleNamespace

from vmm.control.guest_check import check
from vmm.control.guest_spec import parse_spec
from vmm.errors import ConfigError
from vmm.observe.screen import Screen

SPEC = parse_spec(
    r"""
[machine]
mode = "long"
format = "elf"
[outcome]
kind = "debug-exit"
value = 42
words = "wrote"
[serial]
com1 = "Hello\n"
com2_matches = '\d+'
[debug_console]
text = "ok"
[screen]
contains = ["lo, w", "░"]
line_1 = "  second"
cursor = [1, 8]
[registers]
rax = 0x2a
[memory]
"0x8000" = "de ad"
[exits]
"io.out.1[0x3f8]" = 6
"hlt" = ">= 2"
"mmio" = "<= 1"
[on.pvm]
why = "an emulator"
[on.pvm.outcome]
kind = "internal-error"
""",
    "sample",
    "A sample.",
    "/guests/sample",
)


def screen(*lines, cursor=(1, 8)):
    codes = "".join(line.ljust(80) for line in lines).ljust(2000).encode("cp437")
    return Screen(cells=bytes(byte for code in codes for byte in (code, 7)), cursor=cursor)


def no_screen():
    raise ConfigError.of("screen", "there is none")


def result(**changes):
    memory = changes.pop("memory", {0x8000: b"\xde\xad"})
    counts = {"io.out.1[0x3f8]": 6, "hlt": 2, "mmio": 0} | changes.pop("counts", {})
    fields = {
        "host_kind": "svm",
        "outcome_kind": "debug-exit",
        "outcome_value": 42,
        "outcome_words": "the guest wrote 42",
        "serial": {"com1": b"Hello\n", "com2": b"12"},
        "debug_console": b"ok",
        "screen": lambda: screen("Hello, world ░", "  second"),
        "registers": {"rax": 42},
        "read_memory": lambda gpa, size: memory[gpa][:size],
        "count": counts.__getitem__,
    }
    return SimpleNamespace(**fields | changes)


def test_a_run_as_expected_has_no_failures():
    assert check(SPEC, result()) == []


def test_each_difference_is_told_in_words():
    for changes, words in [
        ({"outcome_kind": "shutdown", "outcome_value": 0}, "outcome: expected debug-exit 0x2a, came shutdown 0x0"),
        ({"outcome_value": 41}, "outcome: expected debug-exit 0x2a, came debug-exit 0x29"),
        ({"outcome_words": "nothing"}, "outcome: expected words with 'wrote', came 'nothing'"),
        ({"serial": {"com2": b"1"}}, r"com1: expected 'Hello\n', came ''"),
        ({"serial": {"com1": b"Hello\n", "com2": b"1x"}}, r"com2: expected a match of '\\d+', came '1x'"),
        ({"debug_console": b"\xff"}, "debug console: expected 'ok', came '\xff'"),
        ({"screen": lambda: screen("Hello, world", "  second")}, "screen: expected '░' somewhere, came 'Hello, world"),
        ({"screen": lambda: screen("Hello, world ░", " second")}, "screen line 1: expected '  second', came ' second'"),
        ({"screen": lambda: screen("Hello, world ░", "  second", cursor=None)}, "cursor: expected (1, 8), came None"),
        ({"screen": no_screen}, "screen: there is none"),
        ({"registers": {"rax": 1}}, "rax: expected 0x2a, came 0x1"),
        ({"memory": {0x8000: b"\x00\x01"}}, "memory at 0x8000: expected de ad, came 00 01"),
        ({"counts": {"io.out.1[0x3f8]": 5}}, "exits at io.out.1[0x3f8]: expected 6, came 5"),
        ({"counts": {"hlt": 1}}, "exits at hlt: expected at least 2, came 1"),
        ({"counts": {"mmio": 2}}, "exits at mmio: expected 0 to 1, came 2"),
    ]:
        failures = check(SPEC, result(**changes))
        assert len(failures) == 1
        assert failures[0].startswith(words)


def test_another_kind_of_host_has_its_own_expectation_and_the_reason_is_told():
    on_pvm = {"host_kind": "pvm", "outcome_kind": "internal-error", "outcome_value": 0, "outcome_words": ""}
    assert check(SPEC, result(**on_pvm)) == []
    failures = check(SPEC, result(host_kind="pvm"))
    assert failures == [
        "outcome: expected internal-error, came debug-exit 0x2a: the guest wrote 42",
        "(the expectation is the one for pvm: an emulator)",
    ]


def test_long_text_is_cut():
    failures = check(SPEC, result(serial={"com1": b"x" * 10_000, "com2": b"1"}))
    assert len(failures[0]) < 300
