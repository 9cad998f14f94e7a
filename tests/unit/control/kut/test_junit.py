"""JUnit XML: read back by an XML parser, as a CI system does."""

from __future__ import annotations

from xml.etree import ElementTree

from vmm.control.kut import junit
from vmm.control.kut.result import Line, Result


def suite(run: Result) -> ElementTree.Element:
    root = ElementTree.fromstring(junit.render([run]))
    assert root.tag == "testsuites"
    return root[0]


def test_each_line_is_a_case_and_the_verdict_is_one_more():
    lines = tuple(Line(verdict=v, name=f"the {v}") for v in ("PASS", "FAIL", "XFAIL", "XPASS", "SKIP"))
    found = suite(Result(name="t", verdict="fail", lines=lines, seconds=1.5, words="why", console="said <&>\x1b"))
    assert {name: found.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "t", "tests": "6", "failures": "3", "errors": "0", "skipped": "2",
    }  # fmt: skip
    kinds = [(case.get("name"), [child.tag for child in case]) for case in found.iter("testcase")]
    assert kinds == [
        ("the PASS", []), ("the FAIL", ["failure"]), ("the XFAIL", ["skipped"]), ("the XPASS", ["failure"]),
        ("the SKIP", ["skipped"]), ("verdict", ["failure"]),
    ]  # fmt: skip
    assert found.findtext("system-out") == "said <&>?"


def test_what_broke_the_run_is_an_error_and_a_skip_is_a_skip():
    found = suite(Result(name="t", verdict="internal-error", words="int3"))
    assert found.find(".//error").get("message") == "internal-error: int3"
    assert suite(Result(name="t", verdict="skip", words="i386 only")).get("skipped") == "1"
