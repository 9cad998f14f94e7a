"""The kernel's own exit counters (the KVM stats fd) beside ours, and why the two differ.

Both are right about different things: the kernel counts what ended guest mode, the VMM what reached user space.
Source: Documentation/virt/kvm/api.rst, section KVM_GET_STATS_FD; names as x86 kernels give them.
"""

from __future__ import annotations

from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .exits import ExitCount

    Counter = int | list[int]

OURS = {
    "exits": "",
    "io_exits": "io",
    "mmio_exits": "mmio",
    "halt_exits": "hlt",
    "hypercalls": "hypercall",
    "request_irq_exits": "irq_window_open",
    "signal_exits": "intr",
}
"""The exit reason that each kernel counter is nearest to; "" for all exits together."""

ALONE = (
    "irq_window_exits", "nmi_window_exits", "irq_exits", "irq_injections", "nmi_injections", "insn_emulation",
    "insn_emulation_fail", "pf_taken", "pf_emulate", "invlpg", "tlb_flush", "host_state_reload",
)  # fmt: skip
"""Counters that help to understand a run and have no counterpart of ours."""

LEVELS = frozenset((
    "pages_4k", "pages_2m", "pages_1g", "nx_lpage_splits", "mmu_unsync", "max_mmu_page_hash_collisions",
    "max_mmu_rmap_size", "guest_mode", "blocking",
))  # fmt: skip
"""Not counts of events but levels and peaks: their value after the run says something, the difference does not."""

MORE_IN_KERNEL = {
    "exits": "handled in the kernel, never seen by us",
    "io_exits": "answered in the kernel (in-kernel irqchip or PIT, ioeventfd, coalesced)",
    "mmio_exits": "answered in the kernel",
    "halt_exits": "waited for in the kernel (in-kernel irqchip)",
    "hypercalls": "answered in the kernel",
}
LESS_IN_KERNEL = {
    "io_exits": "emulated by the kernel, which does not count those",
    "mmio_exits": "parts of an access that crossed a page or was wider than 8 bytes",
    "signal_exits": "kicks by immediate_exit, which the kernel does not count",
    "exits": "emulated by the kernel, which does not count all of those",
}


class KernelCounters(Record):
    """What the kernel counted during a run, by its own names."""

    vm: Mapping[str, Counter]
    vcpus: Mapping[int, Mapping[str, Counter]]
    host: str = ""
    """The engine below /dev/kvm if it is known: "PVM", "VMX" or "SVM"."""

    def of_vcpu(self, vcpu: int) -> KernelCounters:
        """One vCPU alone, without the counters of the VM."""
        return self.replace(vm={}, vcpus={vcpu: self.vcpus[vcpu]} if vcpu in self.vcpus else {})

    def sum(self) -> dict[str, Counter]:
        """The counters of all vCPUs added up, elements of histograms one by one."""
        result: dict[str, Counter] = {}
        for counters in self.vcpus.values():
            for name, value in counters.items():
                result[name] = _add(result[name], value, 1) if name in result else value
        return result

    def as_json(self) -> dict[str, Any]:
        """The "kernel" of docs/exits-json.md."""
        return {"host": self.host, "vm": dict(self.vm), "vcpus": {str(at): dict(of) for at, of in self.vcpus.items()}}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> KernelCounters:
        """Undoes as_json. KeyError, TypeError, ValueError or AttributeError if it cannot."""
        vcpus = {int(at): dict(of) for at, of in document["vcpus"].items()}
        return cls(vm=dict(document["vm"]), vcpus=vcpus, host=str(document["host"]))


class Comparison(Record):
    """One kernel counter beside ours."""

    name: str
    """The kernel's name."""
    kernel: int
    ours: int | None = None
    """What the VMM counted, or None where it has nothing like it."""
    remark: str = ""
    """Why the two differ, or ""."""


def difference(before: Mapping[str, Counter], after: Mapping[str, Counter]) -> dict[str, Counter]:
    """What was counted between two snapshots; levels and peaks stand as they are in `after`."""
    return {
        name: value if name in LEVELS or name not in before else _add(value, before[name], -1)
        for name, value in after.items()
    }


def compare(kernel: KernelCounters, exits: Iterable[ExitCount]) -> list[Comparison]:
    """The counters worth reading, where either side is not 0, with a remark where the two disagree."""
    ours: dict[str, int] = {}
    for exit in exits:
        for reason in ("", exit.reason):
            ours[reason] = ours.get(reason, 0) + exit.count
    theirs = {name: value for name, value in kernel.sum().items() if isinstance(value, int)}
    result = []
    for name, reason in OURS.items():
        if name in theirs:
            pair = (theirs[name], ours.get(reason, 0))
            result.append(Comparison(name=name, kernel=pair[0], ours=pair[1], remark=_remark(name, *pair, kernel.host)))
    result += [Comparison(name=name, kernel=theirs[name]) for name in ALONE if name in theirs]
    return [entry for entry in result if entry.kernel or entry.ours]


def _remark(name: str, kernel: int, ours: int, host: str) -> str:
    if kernel == ours:
        return ""
    if not kernel and name == "io_exits" and host in ("", "PVM"):
        return f"the kernel's {name} is 0 on this host: PVM does not count them"
    if not kernel:
        return f"the kernel's {name} is 0 on this host: it does not count them"
    off = abs(kernel - ours)
    cause = (MORE_IN_KERNEL if kernel > ours else LESS_IN_KERNEL).get(name)
    if not cause:
        return f"{name}: {off:,} {'more' if kernel > ours else 'fewer'} in the kernel's count than in ours"
    return f"{name}: {off:,} of {max(kernel, ours):,} {cause}"


def _add(left: Counter, right: Counter, sign: int) -> Counter:
    if isinstance(left, int) and isinstance(right, int):
        return left + sign * right
    one = [left] if isinstance(left, int) else left
    two = [right] if isinstance(right, int) else right
    return [
        (one[at] if at < len(one) else 0) + sign * (two[at] if at < len(two) else 0)
        for at in range(max(len(one), len(two)))
    ]
