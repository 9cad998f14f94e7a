"""Reading what a kvm-unit-test says."""

from __future__ import annotations

from vmm.control.kut import output
from vmm.control.kut.result import Line

SAID = """enabling apic\r
PASS: apic: in xAPIC mode\r
FAIL: apic: self ipi\r
XFAIL: apic: known\r
SKIP: x2apic not supported\r
XPASS: apic: better than thought\r
INFO: PASS: not a report\r
 PASS: nor this\r
PASSED: nor that\r
SUMMARY: 5 tests, 1 unexpected failures
"""


def test_the_report_is_the_lines_that_begin_with_a_verdict():
    assert [(line.verdict, line.name) for line in output.report(SAID)] == [
        ("PASS", "apic: in xAPIC mode"),
        ("FAIL", "apic: self ipi"),
        ("XFAIL", "apic: known"),
        ("SKIP", "x2apic not supported"),
        ("XPASS", "apic: better than thought"),
    ]


def test_a_verdict_alone_is_a_line_too():
    assert output.report("PASS\n") == (Line(verdict="PASS", name=""),)


def test_the_reason_is_what_broke_the_test_off_or_the_last_skip():
    assert output.reason(SAID) == "SKIP: x2apic not supported"
    assert output.reason("SKIP: a\nx86/s3.c:37: assert failed: facs\n") == "x86/s3.c:37: assert failed: facs"
    assert output.reason("Unhandled exception 13 #GP at ip 400\n") == "Unhandled exception 13 #GP at ip 400"
    assert output.reason("PASS: a\n") == ""


def test_any_text_can_be_read():
    assert output.report("\0\ufffd\n\x1b[2J") == ()
