"""What one probe brought to light: works, differs or fails, and why in words."""

from __future__ import annotations

from ...records import Record

WORKS, DIFFERS, FAILS = "works", "differs", "fails"

NOT_EMULATED = "KVM emulates ring 0 here and lacks it"
NOT_OFFERED = "the guest's CPU does not offer it"


class Finding(Record):
    """One answer."""

    name: str
    """The probe's name; unique within its area."""
    area: str
    status: str
    """WORKS, DIFFERS (the guest ended, but not as on a CPU) or FAILS."""
    reason: str = ""
    """Why it does not work, as the end of a sentence; "" where it does. Findings with one cause share its words."""
    loss: str = ""
    """What a user goes without, as a sentence; "" where it works."""
    for_linux: bool = False
    """Whether stock Linux needs it to boot."""
    outcome: str = ""
    """How the guest's run ended: kind and words."""

    @property
    def sentence(self) -> str:
        """Name, status and reason, for a reader."""
        if self.status == WORKS:
            return f"{self.name} works"
        return f"{self.name} {self.status}: {self.reason}"
