"""What a test or a program asks of a host, and what of that is missing, in words with the remedy."""

from __future__ import annotations

import os

from ..errors import ConfigError, HostError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def missing(hw: bool | str = False, caps: Iterable[str] = (), linux: bool = False) -> str:
    """Why this host will not do, with what to do about it; "" when it will.

    A usable /dev/kvm always; `hw` asks for KVM with hardware support, any ("vmx", "svm" for one of them), `caps` for
    KVM's capabilities by name ("KVM_CAP_SPLIT_IRQCHIP", or without its first two words), `linux` for a KVM on which
    stock Linux boots. ConfigError for a capability that nobody knows.
    """
    from ..engine import kvm_trouble

    try:
        os.close(os.open(kvm_trouble.PATH, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return str(kvm_trouble.opening(error))
    if hw and (words := _hardware(hw)):
        return words
    if caps and (words := _capabilities(tuple(caps))):
        return words
    if linux:
        from .doctor.linux import REMEDY, obstacle

        try:
            trouble = obstacle()
        except HostError as error:
            return str(error)
        return f"{trouble}; {REMEDY}" if trouble else ""
    return ""


def _hardware(wanted: bool | str) -> str:
    from ..engine import kvm_host

    kind = kvm_host.kind()
    if kind in ("vmx", "svm") and wanted in (True, kind):
        return ""
    names = "hardware support" if wanted is True else str(wanted).upper()
    here = {"": "is of a kind that the host does not tell"}.get(kind, f"is {kind.upper()}")
    return f"needs KVM with {names}, and this host's {here}; run it on bare metal, or where nested virtualisation is on"


def _capabilities(caps: tuple[str, ...]) -> str:
    from ..engine import kvm_facts

    known = kvm_facts.gather().capabilities
    lacking = []
    for name in caps:
        full = name if name.startswith("KVM_CAP_") else f"KVM_CAP_{name.upper()}"
        if full not in known:
            raise ConfigError.of("caps", f"no KVM capability is called {name!r}{nearest(full, sorted(known))}")
        if not known[full]:
            lacking.append(full)
    return f"this host's KVM has no {', '.join(lacking)}; use a newer kernel" if lacking else ""
