"""An examination as text: at most LINES lines of WIDTH columns, the verdict first."""

from __future__ import annotations

from textwrap import wrap

from ...units import format_duration
from . import verdict
from .finding import DIFFERS, FAILS, WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .examination import Examination

LINES, WIDTH = 40, 80
_INDENT = 10
_ENGINES = {
    "vmx": "VMX (kvm_intel)",
    "svm": "SVM (kvm_amd)",
    "pvm": "PVM (kvm_pvm): KVM without VMX or SVM, ring 0 is emulated",
    "": "of a kind that the host does not tell",
}


def brief(seen: Examination) -> str:
    """The verdict, and the remedy when there is trouble, in one line."""
    return " ".join(filter(None, [verdict.verdict(seen), seen.remedy and f"Remedy: {seen.remedy}"])) + "\n"


def render(seen: Examination) -> str:
    """The whole report."""
    lines = wrap(verdict.verdict(seen), WIDTH)
    if seen.remedy:
        lines += _row("remedy", [seen.remedy])
    lines += ["", *_row("host", [_host(seen)])]
    if seen.facts is not None:
        facts = seen.facts
        lines += _row(
            "/dev/kvm",
            [f"API {facts.api_version}, at most {facts.vcpus_most} vCPUs ({facts.vcpus_advised} advised), "
             f"{facts.memory_slots} memory slots, {len([cap for cap in facts.capabilities.values() if cap])} of "
             f"{len(facts.capabilities)} known capabilities"],
        )  # fmt: skip
    lines += _row("lacks", [f"{name.removeprefix('KVM_CAP_')}: {loss}" for name, loss in seen.missing.items()])
    for status in (WORKS, DIFFERS, FAILS):
        lines += _row(status, _grouped(seen, status))
    lines += _row("linux", [verdict.linux_place(seen)])
    if seen.speed is not None:
        lines += _row("--hidden", [seen.hidden.partition(": ")[2] or "works: vmm run --hidden IMAGE"])
    lines += _row("speed", _speed(seen))
    lines += _row("slow", verdict.slow(seen))
    return "\n".join(_with_advice(lines, verdict.advice(seen))) + "\n"


def _host(seen: Examination) -> str:
    engine = _ENGINES[seen.kind] if seen.kind or seen.facts else "no KVM module loaded"
    place = "inside a virtual machine" if seen.is_virtual else "on the machine itself"
    return ", ".join(filter(None, [engine, f"Linux {seen.kernel}", place, seen.cpu]))


def _grouped(seen: Examination, status: str) -> list[str]:
    """Names with the same area, or where something is amiss with the same reason, in one paragraph."""
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in seen.findings:
        if finding.status == status:
            groups.setdefault((finding.area, finding.reason), []).append(finding.name)
    if status == WORKS:
        return [f"{area}: {', '.join(names)}" for (area, _), names in groups.items()]
    return [f"{', '.join(names)}: {reason}" for (_, reason), names in groups.items()]


def _speed(seen: Examination) -> list[str]:
    speed = seen.speed
    if speed is None:
        return []
    parts = (
        (speed.port_exit_ring0, "a port exit", " out of ring 0"),
        (speed.port_exit_ring3, "", " out of ring 3"),
        (speed.first_exit, "a machine's first exit after", ""),
        (speed.close, "closing it", ""),
    )
    return [", ".join(f"{before} {format_duration(time)}{after}".strip() for time, before, after in parts if time)]


def _row(title: str, paragraphs: list[str]) -> list[str]:
    """Wrapped paragraphs beside a title. A long command breaks where a shell lets it: behind && and |."""
    lines: list[str] = []
    for paragraph in paragraphs:
        for step in paragraph.replace(" && ", " &&\n").replace(" | ", " |\n").split("\n"):
            lines += wrap(step, WIDTH - _INDENT, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [f"{title if not at else '':<{_INDENT}}{line}" for at, line in enumerate(lines)]


def _with_advice(lines: list[str], advice: list[str]) -> list[str]:
    """As much of the advice as LINES leave room for."""
    for count in range(len(advice), -1, -1):
        rest = len(advice) - count
        more = [f"{rest} more: vmm doctor --json"] if rest else []
        written = [*lines, *_row("means", [*advice[:count], *more])]
        if len(written) <= LINES:
            return written
    return [*lines[: LINES - 1], f"{'':<{_INDENT}}all of it: vmm doctor --json"]
