"""Whether stock Linux boots on this host's KVM: what its kind says, and only where that is silent the probes."""

from __future__ import annotations

from ...engine import kvm_host

DIRECT, LAB = "direct", "lab"
"""Where Linux guests can run: on this host's KVM, or only in the machine of scripts/lab."""
REMEDY = (
    "use a machine with hardware KVM, such as the one that the repository emulates: scripts/lab .venv/bin/vmm linux"
)


def place(stock_linux: bool) -> str:
    """DIRECT or LAB."""
    return DIRECT if stock_linux else LAB


def obstacle(kind: str | None = None) -> str:
    """Why stock Linux does not boot here, as a sentence without a full stop; "" when it does.

    HostError when KVM cannot be used at all. Takes some tenths of a second on a host that does not say what it is.
    """
    kind = kvm_host.kind() if kind is None else kind
    if kind in ("vmx", "svm"):
        return ""
    if kind == "pvm":
        return "stock Linux does not boot on this host's KVM, which emulates ring 0 (PVM)"
    from ...engine import kvm_facts, kvm_trouble
    from .examination import PROBES
    from .finding import WORKS
    from .trial import examine

    kvm_facts.gather(kvm_trouble.HERE)
    for probe in PROBES:
        if probe.for_linux and examine(probe).status != WORKS:
            return f"stock Linux does not boot on this host's KVM, which fails in {probe.name} ({probe.area})"
    return ""
