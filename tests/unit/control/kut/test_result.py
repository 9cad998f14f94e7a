"""Results go through JSON and come back equal."""

from __future__ import annotations

import json

import pytest

from vmm.control.kut.result import VERDICTS, Line, Result


def test_a_result_comes_back_equal():
    run = Result(name="t", verdict="fail", lines=(Line(verdict="FAIL", name="a"),), seconds=0.5, exits=3, console="x")
    assert Result.from_json(json.loads(json.dumps(run.as_json()))) == run
    with pytest.raises(KeyError):
        Result.from_json({"name": "t"})


def test_exit_codes_are_those_of_the_harness():
    codes = {verdict: Result(name="t", verdict=verdict).exit_code for verdict in VERDICTS}
    assert (codes["pass"], codes["fail"], codes["skip"], codes["timeout"]) == (0, 1, 77, 124)
