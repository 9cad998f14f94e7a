"""What differs between a test's run here and under QEMU: the verdict, or the lines of the report."""

from __future__ import annotations

import re
from difflib import unified_diff

from . import result
from .result import Result

_VARYING = re.compile(r"\b0x[0-9a-fA-F]+\b|\b\d+(\.\d+)?\b")
"""Numbers inside a line: times and counts that no two runs share."""

UNFINISHED = (result.TIMEOUT, result.REFUSED)
"""QEMU's verdicts with which there is nothing to compare."""


def is_comparable(theirs: Result) -> bool:
    """Whether QEMU came to an end that ours can be held against."""
    return theirs.verdict not in UNFINISHED


def differences(ours: Result, theirs: Result) -> list[str]:
    """Every difference, a line each; none when the runs tell the same. Numbers in reports need not be the same."""
    found = []
    if ours.verdict != theirs.verdict:
        found.append(f"verdict: {_verdict(ours)} here, {_verdict(theirs)} under QEMU")
    here, there = ([f"{line.verdict}: {_VARYING.sub('#', line.name)}" for line in run.lines] for run in (ours, theirs))
    if here != there:
        changed = unified_diff(there, here, "QEMU", "vmm", lineterm="", n=0)
        found += [line for line in changed if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return found


def _verdict(run: Result) -> str:
    return f"{run.verdict} ({run.words})" if run.words else run.verdict
