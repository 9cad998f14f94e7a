"""Exit statistics as Prometheus text: counters with the labels vcpu, reason, location and device.

Metrics: vmm_exits_total, vmm_exit_elements_total, vmm_exits_quiet_total, vmm_exit_guest_seconds_total,
vmm_exit_handler_seconds_total; without labels vmm_run_seconds_total, vmm_guest_seconds_total,
vmm_handler_seconds_total, vmm_idle_seconds_total. Not modelled: histograms.
Source: Prometheus documentation, "Exposition formats", text format 0.0.4.
"""

from __future__ import annotations

from .location import location_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .exits import ExitCount
    from .statistics import ExitStatistics

_LABELLED: tuple[tuple[str, str, Callable[[ExitCount], int], bool], ...] = (
    ("vmm_exits_total", "Exits from the guest to the VMM.", lambda exit: exit.count, False),
    ("vmm_exit_elements_total", "Elements moved; more than exits for string I/O.", lambda exit: exit.elements, False),
    ("vmm_exits_quiet_total", "Exits answered without Python.", lambda exit: exit.quiet, False),
    ("vmm_exit_guest_seconds_total", "Time inside KVM_RUN before the exits.", lambda exit: exit.guest_ns, True),
    ("vmm_exit_handler_seconds_total", "Time from the exits to the next entry.", lambda exit: exit.handler_ns, True),
)
"""Metric, help, its value for one location, and whether that is a time in nanoseconds."""


def render(exits: ExitStatistics) -> str:
    """The whole page."""
    lines = []
    for name, words, value, is_time in _LABELLED:
        lines += _head(name, words)
        lines += [f"{name}{_labels(exit)} {_number(value(exit), is_time)}" for exit in exits.exits]
    for name, words, time in (
        ("vmm_run_seconds_total", "Time that the machine ran.", exits.wall_ns),
        ("vmm_guest_seconds_total", "Time inside KVM_RUN, of all vCPUs.", exits.guest_ns),
        ("vmm_handler_seconds_total", "Time in dispatch and devices, of all vCPUs.", exits.handler_ns),
        ("vmm_idle_seconds_total", "Time asleep in a HLT, of all vCPUs.", exits.idle_ns),
    ):
        lines += [*_head(name, words), f"{name} {_number(time, True)}"]
    return "\n".join(lines) + "\n"


def _head(name: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} counter"]


def _labels(exit: ExitCount) -> str:
    labels = {
        "vcpu": str(exit.vcpu),
        "reason": exit.reason,
        "location": location_text(exit.reason, exit.direction, exit.size, exit.address),
        "device": exit.device,
    }
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: int, is_time: bool) -> str:
    return f"{value // 10**9}.{value % 10**9:09d}" if is_time else str(value)
