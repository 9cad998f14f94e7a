"""What a kvm-unit-test says on its serial port, read: the lines that begin with a verdict, and why it skipped.

Lines such as "PASS: prefix: what was tested" are its report; everything else is talk. Verdicts inside a line count
when only a prefix of the test's own stands before them on no account: the harness anchors them, and so do we.
"""

from __future__ import annotations

import re

from .result import Line

_REPORT = re.compile(r"^(PASS|FAIL|XFAIL|XPASS|SKIP)(?:: ?(.*))?$")
_ABORTED = re.compile(r"assert failed|^Unhandled|unhandled (cpu )?exception", re.IGNORECASE)


def report(text: str) -> tuple[Line, ...]:
    """The lines of the report, in their order."""
    found = (_REPORT.match(line.rstrip()) for line in text.splitlines())
    return tuple(Line(verdict=match[1], name=match[2] or "") for match in found if match)


def reason(text: str) -> str:
    """The line that says why a test broke off or skipped itself; "" when there is none."""
    lines = [line.strip() for line in text.splitlines()]
    for line in lines:
        if _ABORTED.search(line):
            return line
    skipped = [line for line in lines if line.startswith("SKIP:")]
    return skipped[-1] if skipped else ""
