"""What counts as a difference from QEMU."""

from __future__ import annotations

from vmm.control.kut.comparison import differences, is_comparable
from vmm.control.kut.result import Line, Result


def run(verdict: str = "pass", *lines: str, words: str = "") -> Result:
    split = (line.partition(": ") for line in lines)
    return Result(
        name="t", verdict=verdict, words=words, lines=tuple(Line(verdict=v, name=name) for v, _, name in split)
    )


def test_equal_runs_have_none_and_numbers_do_not_count():
    assert differences(run("pass", "PASS: a"), run("pass", "PASS: a")) == []
    assert differences(run("pass", "PASS: 17 us, 0x4f"), run("pass", "PASS: 23.5 us, 0xab12")) == []


def test_the_verdict_and_each_line_are_told():
    ours = run("fail", "PASS: a", "FAIL: b", "PASS: d", words="b is broken")
    theirs = run("pass", "PASS: a", "PASS: b", "PASS: c", "PASS: d")
    assert differences(ours, theirs) == [
        "verdict: fail (b is broken) here, pass under QEMU",
        "-PASS: b",
        "-PASS: c",
        "+FAIL: b",
    ]


def test_what_qemu_did_not_finish_is_not_compared():
    assert not is_comparable(run("timeout"))
    assert not is_comparable(run("refused"))
    assert is_comparable(run("internal-error"))
