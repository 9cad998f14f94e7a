"""Everything the doctor looks at, in the order in which it may go wrong: the door, the facts, the guests, the speed."""

from __future__ import annotations

import os

from ...engine import kvm_facts, kvm_hidden, kvm_host, kvm_trouble
from ...errors import HostError
from ...records import Record
from . import event_probes, instruction_probes, needs, ring3_probes, speed, start_probes, trial
from .finding import FAILS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.kvm_facts import KvmFacts
    from .finding import Finding
    from .speed import Speed

PROBES = (*start_probes.PROBES, *event_probes.PROBES, *instruction_probes.PROBES, *ring3_probes.PROBES)

MODES = ("real mode", "32-bit mode", "64-bit mode")
"""The probes of which at least one has to work for anything to work."""


class Examination(Record):
    """What was found on one host."""

    kind: str
    """ "vmx", "svm", "pvm", or "" when the host does not tell."""
    kernel: str
    """Release of the host's kernel."""
    cpu: str
    """The CPU's own name, or ""."""
    is_virtual: bool
    """Whether the host is itself a virtual machine."""
    trouble: str = ""
    """Why KVM cannot be used, "" when it can."""
    remedy: str = ""
    """What to do about the trouble."""
    facts: KvmFacts | None = None
    """What /dev/kvm says; None when it could not be asked."""
    missing: dict[str, str] = {}  # noqa: RUF012 - records are frozen
    """Absent capabilities that vmm uses, each with what is lost."""
    findings: tuple[Finding, ...] = ()
    """One for each probe, in the order of PROBES."""
    speed: Speed | None = None
    """None when no guest ran."""
    hidden: str = ""
    """Why the exits that KVM answers by itself cannot be seen, with the remedy; "" when they can."""

    @property
    def is_usable(self) -> bool:
        """Whether KVM runs guests here."""
        return not self.trouble


def examine(host: kvm_trouble.Host = kvm_trouble.HERE) -> Examination:
    """Looks at this host; about a second. `host` says where to look for /dev/kvm and the evidence around it."""
    seen = Examination(
        kind=kvm_host.kind(host.modules, host.cpuinfo),
        kernel=os.uname().release,
        cpu=kvm_host.cpu_name(host.cpuinfo),
        is_virtual=kvm_host.is_virtual(host.cpuinfo),
    )
    try:
        facts = kvm_facts.gather(host)
    except HostError as error:
        return seen.replace(trouble=error.trouble, remedy=error.remedy)
    missing = needs.missing(facts.capabilities)
    seen = seen.replace(facts=facts, missing=missing)
    for name, loss in missing.items():
        if loss.startswith(needs.CANNOT_RUN):
            return seen.replace(trouble=f"this kernel has no {name}", remedy="boot a newer kernel")
    seen = seen.replace(findings=tuple(trial.examine(probe) for probe in PROBES))
    modes = [finding for finding in seen.findings if finding.name in MODES]
    if all(finding.status == FAILS for finding in modes):
        return seen.replace(trouble=f"no guest runs: {modes[-1].reason}", remedy="update the host's kernel")
    return seen.replace(speed=speed.measure(), hidden=kvm_hidden.obstacle())
