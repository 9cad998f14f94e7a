"""How a run's end becomes a finding."""

from __future__ import annotations

import pytest

from vmm.control.doctor.finding import DIFFERS, FAILS, NOT_EMULATED, WORKS
from vmm.control.doctor.finding import NOT_OFFERED as REASON_NOT_OFFERED
from vmm.control.doctor.probe import BOOT, NOT_OFFERED, Probe
from vmm.control.doctor.trial import judge
from vmm.machine.outcome import Outcome

PROBE = Probe(
    name="x", area=BOOT, mode="long", assembly="", code="", answer=7, otherwise="it lies", loss="All.", deadline=0.5
)


def ended(kind: str, value: int = 0, **detail: object) -> Outcome:
    return Outcome(kind=kind, words="words of the run", value=value, detail=detail)


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (ended("debug-exit", 7), WORKS, ""),
        (ended("debug-exit", 8), DIFFERS, "it lies"),
        (ended("debug-exit", NOT_OFFERED), FAILS, REASON_NOT_OFFERED),
        (ended("internal-error", suberror=1), FAILS, NOT_EMULATED),
        (ended("internal-error", suberror=3), FAILS, "words of the run"),
        (ended("deadline"), FAILS, "it did not end within 0.5 s"),
        (ended("shutdown"), FAILS, "it ended in a triple fault"),
        (ended("halted"), FAILS, "words of the run"),
    ],
)
def test_every_end_has_a_status_and_a_reason(outcome: Outcome, status: str, reason: str) -> None:
    assert judge(PROBE, outcome) == (status, reason)
