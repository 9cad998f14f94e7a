"""The table of a list."""

from __future__ import annotations

from vmm.control.kut import summary
from vmm.control.kut.batch import Pair
from vmm.control.kut.result import Line, Result

LINES = (Line(verdict="PASS", name="a"), Line(verdict="FAIL", name="b"), Line(verdict="SKIP", name="c"))
RUNS = [
    Result(name="good", verdict="pass", lines=LINES[:1], seconds=1.25, exits=300, hot="io.out.1[0x3f8] 48%"),
    Result(name="bad", verdict="fail", lines=LINES, seconds=0.5, exits=12, words="it broke"),
    Result(name="away", verdict="skip", words="i386 only"),
]


def test_a_table_has_a_line_for_each_test_and_a_sum():
    text = summary.render([Pair(ours=run) for run in RUNS], 120)
    lines = text.splitlines()
    assert lines[0].split() == ["verdict", "test", "pass", "fail", "skip", "seconds", "exits", "most", "at"]
    assert lines[1].split() == ["pass", "good", "1", "1.2", "300", "io.out.1[0x3f8]", "48%"]
    assert lines[2].split() == ["fail", "bad", "1", "1", "1", "0.5", "12", "it", "broke"]
    assert lines[3].split() == ["skip", "away", "i386", "only"]
    assert lines[5] == "3 tests: 1 pass, 1 fail, 1 skip"


def test_no_line_is_wider_than_asked():
    for width in (40, 60, 80):
        text = summary.render([Pair(ours=run, theirs=run) for run in RUNS], width)
        assert max(map(len, text.splitlines()[:4])) <= width


def test_differences_and_what_qemu_did_not_finish_stand_below():
    other = Result(name="bad", verdict="pass", lines=LINES[:1])
    gone = Result(name="away", verdict="timeout")
    pairs = [Pair(ours=RUNS[0], theirs=RUNS[0]), Pair(ours=RUNS[1], theirs=other), Pair(ours=RUNS[2], theirs=gone)]
    text = summary.render(pairs, 120)
    assert "QEMU finished 2 of 3; 1 of these differ" in text
    assert "  bad\n    verdict: fail (it broke) here, pass under QEMU\n    +FAIL: b\n" in text
    assert "not compared: away: QEMU timeout, here skip" in text
