"""What an examination means: the verdict, what is slow, and what a user should do; each as sentences."""

from __future__ import annotations

from ...units import MICROSECOND, MILLISECOND, format_duration
from . import linux
from .finding import FAILS, NOT_EMULATED, WORKS
from .probe import BOOT, EVENTS, RING0, RING3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .examination import Examination
    from .finding import Finding
    from .speed import Speed

SLOW_EXIT = 4 * MICROSECOND
SLOW_RING3 = 3
"""How many times a ring-0 exit one from ring 3 may take before it is worth a word."""
SLOW_RATE = 100_000_000
SLOW_START = 5 * MILLISECOND
SLOW_CLOSE = 5 * MILLISECOND

BETTER_HOST = "a host with VMX or SVM, or a virtual machine on one with nested virtualisation"


def verdict(seen: Examination) -> str:
    """One line: whether KVM works, on what, and for which guests."""
    if not seen.is_usable:
        return f"KVM does not work here: {seen.trouble}."
    on = f" ({seen.kind.upper()})" if seen.kind else ""
    return f"KVM works here{on}: tiny guests {tiny_guests(seen)}, stock Linux {'yes' if stock_linux(seen) else 'no'}."


def tiny_guests(seen: Examination) -> str:
    """ "yes" when all modes and ways to a device that matter work, else "in part"."""
    needed = [finding for finding in seen.findings if finding.area == BOOT and finding.for_linux]
    return "yes" if all(finding.status == WORKS for finding in needed) else "in part"


def stock_linux(seen: Examination) -> bool:
    """Whether everything works that stock Linux needs to boot."""
    return not _linux_lacks(seen)


def linux_place(seen: Examination) -> str:
    """Which of the two ways to a Linux guest this machine needs, with the command."""
    if linux.place(bool(seen.findings) and stock_linux(seen)) == linux.DIRECT:
        return "direct: vmm linux"
    return "lab: scripts/lab .venv/bin/vmm linux (a machine that QEMU emulates)"


def _linux_lacks(seen: Examination) -> list[Finding]:
    return [finding for finding in seen.findings if finding.for_linux and finding.status != WORKS]


def slow(seen: Examination) -> list[str]:
    """What takes long here, with what is usual."""
    if seen.speed is None:
        return []
    is_nested = seen.is_virtual and seen.kind in ("vmx", "svm")
    return [*_slow_exits(seen.speed, is_nested), *_slow_machines(seen.speed)]


def _slow_exits(speed: Speed, is_nested: bool) -> list[str]:
    found = []
    if speed.port_exit_ring0 > SLOW_EXIT:
        usual = "1 to 2 us are usual on bare metal" if is_nested else "VMX and SVM take 1 to 2 us"
        found.append(f"a port exit takes {format_duration(speed.port_exit_ring0)}; {usual}")
    if speed.port_exit_ring3 > SLOW_RING3 * speed.port_exit_ring0 > 0:
        times = round(speed.port_exit_ring3 / speed.port_exit_ring0)
        found.append(f"a port exit out of ring 3 takes {times} times one out of ring 0")
    if 0 < speed.instructions_ring0 < SLOW_RATE:
        cause = "is emulated" if speed.instructions_ring3 > SLOW_RATE else "is slow"
        found.append(f"ring-0 code {cause}: {speed.instructions_ring0 / 1e6:.1f} million instructions a second")
    if 0 < speed.instructions_ring3 < SLOW_RATE:
        found.append(f"ring-3 code is slow: {speed.instructions_ring3 / 1e6:.1f} million instructions a second")
    return found


def _slow_machines(speed: Speed) -> list[str]:
    found = []
    if speed.first_exit > SLOW_START:
        found.append(f"a machine takes {format_duration(speed.first_exit)} to its first exit; 1 ms is usual")
    if speed.close_irqchip > speed.close + SLOW_CLOSE:
        found.append(f"closing a machine with --irqchip kernel takes {format_duration(speed.close_irqchip)}")
    return found


def advice(seen: Examination) -> list[str]:
    """What follows for a user, the most important first; the losses of single findings last."""
    lacks = _linux_lacks(seen)
    said = []
    if lacks:
        kernel = [finding.name for finding in lacks if finding.area in (EVENTS, RING0)]
        user = [finding.name for finding in lacks if finding.area in (BOOT, RING3)]
        needed = _listed(([_listed(kernel) + " in ring 0"] if kernel else []) + user)
        said.append(f"Stock Linux will not boot on this host: it needs {needed}. Use {BETTER_HOST}.")
    unknown = [finding for finding in seen.findings if finding.area == RING0 and finding.reason == NOT_EMULATED]
    if unknown:
        said.append(
            "Compile what runs in ring 0 for plain x86-64 and general registers alone: "
            "-march=x86-64 -mgeneral-regs-only; or run it in ring 3."
        )
    others = [finding for finding in seen.findings if finding.status == FAILS and finding not in unknown]
    return said + [f"{finding.name}: {finding.loss}" for finding in others]


def _listed(names: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
