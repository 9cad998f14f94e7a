"""How the run of one kvm-unit-test ended: a verdict, the lines in which it reported, and what it cost."""

from __future__ import annotations

from ...records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PASS, FAIL, SKIP, RESET = "pass", "fail", "skip", "reset"
INTERNAL_ERROR, TIMEOUT, REFUSED = "internal-error", "timeout", "refused"

VERDICTS = {
    PASS: (0, "the test wrote 0 to the debug-exit port"),
    FAIL: (1, "it wrote another value"),
    SKIP: (77, "all that it has was skipped, or this machine lacks what it asks for"),
    RESET: (1, "the guest reset or triple-faulted"),
    INTERNAL_ERROR: (1, "KVM could not go on, such as an instruction that it cannot emulate"),
    TIMEOUT: (124, "it had not ended in time"),
    REFUSED: (125, "its machine could not be made"),
}
"""Exit code and meaning of each. kvm-unit-tests' own harness knows the same codes."""

STATUSES = {1: PASS, 77: SKIP}
"""What QEMU makes of the value that a test writes to the debug-exit port, (value << 1) | 1; any other is a FAIL."""


class Line(Record):
    """One line in which a test reports."""

    verdict: str
    """PASS, FAIL, XFAIL, XPASS or SKIP."""
    name: str
    """All that comes after the verdict."""


class Result(Record):
    """One run."""

    name: str
    verdict: str
    """One of VERDICTS."""
    words: str = ""
    """What there is to say about it; "" for a plain pass or fail."""
    lines: tuple[Line, ...] = ()
    seconds: float = 0.0
    exits: int = 0
    """How many exits the guest made; 0 where nobody counts (QEMU)."""
    hot: str = ""
    """The location with most exits, and their share."""
    console: str = ""
    """All that the guest said."""

    @property
    def exit_code(self) -> int:
        """0 to 255, as VERDICTS has it."""
        return VERDICTS[self.verdict][0]

    def count(self, *verdicts: str) -> int:
        """How many lines have one of the verdicts."""
        return sum(line.verdict in verdicts for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Plain data, from which from_json() makes an equal result."""
        return {**self.as_dict(), "lines": [line.as_dict() for line in self.lines]}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Result:
        """What as_json() gave. KeyError or TypeError for anything else."""
        fields = {name: document[name] for name in cls._fields}
        return cls(**{**fields, "lines": tuple(Line(**line) for line in fields["lines"])})
