"""Results as a JUnit XML file: a test suite for each kvm-unit-test, a test case for each line of its report.

Source: the schema that CI systems read (testsuites, testsuite, testcase, failure, skipped, error, system-out).
"""

from __future__ import annotations

from . import result
from .result import VERDICTS, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element


def render(results: Sequence[Result]) -> str:
    """The document."""
    from xml.etree.ElementTree import Element, indent, tostring

    root = Element("testsuites", name="kvm-unit-tests")
    for run in results:
        root.append(_suite(run))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(run: Result) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    cases = [_case(run.name, line.verdict, line.name) for line in run.lines]
    whole = Element("testcase", classname=run.name, name="verdict", time=f"{run.seconds:.3f}")
    words = run.words or VERDICTS[run.verdict][1]
    if run.verdict == result.SKIP:
        SubElement(whole, "skipped", message=_text(words))
    elif run.verdict == result.FAIL:
        SubElement(whole, "failure", message=_text(words))
    elif run.verdict != result.PASS:
        SubElement(whole, "error", message=_text(f"{run.verdict}: {words}"))
    cases.append(whole)
    suite = Element("testsuite", name=run.name, tests=str(len(cases)), time=f"{run.seconds:.3f}")
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(kind) is not None for case in cases)))
    suite.extend(cases)
    if run.console:
        SubElement(suite, "system-out").text = _text(run.console)
    return suite


def _case(suite: str, verdict: str, name: str) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    case = Element("testcase", classname=suite, name=_text(name))
    if verdict in ("FAIL", "XPASS"):
        SubElement(case, "failure", message=verdict)
    elif verdict in ("SKIP", "XFAIL"):
        SubElement(case, "skipped", message=verdict)
    return case


def _text(text: str) -> str:
    """Without the characters that XML 1.0 has no way to write."""
    return "".join(char if char >= " " or char in "\n\t" else "?" for char in text if char not in "\ufffe\uffff")
