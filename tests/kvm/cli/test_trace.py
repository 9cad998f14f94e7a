"""`vmm run --trace`: a file that opens, and one clear line where it cannot be."""

from __future__ import annotations

import json

import pytest


def test_the_file_has_the_slices_that_the_filter_takes(vmm, code, image):
    ran = vmm(
        "run", "--trace", "t.json", "--trace-filter", "port=0x3f8", image(code.say(b"hi"), code.exit(4)), check=False
    )
    assert (ran.code, ran.out, ran.err) == (4, b"hi", "")
    assert [path.name for path in vmm.cwd.iterdir()] == ["t.json"]
    told = json.loads((vmm.cwd / "t.json").read_text())["traceEvents"]
    assert [event["name"] for event in told if event["ph"] == "X"] == ["guest", "com1 out 0x3f8"] * 2
    assert [event["name"] for event in told if event["ph"] == "i"] == ["hi"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--trace", "no/where.json"), "--trace: there is no folder"),
        (("--trace", "t.json", "--trace-filter", "colour=red"), "--trace-filter: 'colour=red' is not KEY=VALUE"),
        (("--trace-filter", "device=com1"), "--trace-filter: says nothing without --trace FILE"),
        (("--trace", "t.json", "--trace-trigger", ""), "--trace-trigger: an empty word"),
        (("--trace-at", "device=com1"), "--trace-at: says nothing without --trace FILE"),
        (("--trace", "t.json", "--trace-at", "device=con1"), "--trace-at: no device 'con1', did you mean com1?"),
    ],
)
def test_a_wrong_option_is_said_in_one_line_before_the_run(vmm, code, image, words, fault):
    ran = vmm("run", *words, image(code.say(b"hi"), code.halt), check=False)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (125, b"", 1)
    assert fault in ran.err
    assert not list(vmm.cwd.iterdir())
