"""Every MSR access of a guest, handed out by KVM's MSR filter, counted, and answered as KVM would have done.

KVM is asked for each (KVM_GET_MSRS, KVM_SET_MSRS), and where it refuses the guest takes its #GP. It lets its host do a
little more than a guest, which is told apart here (cpu/msr_rules.py). Not seen: MSRs of the x2APIC, which KVM
does not filter, and writes of the TSC and its deadline, which mean something else when a host does them.
Source: Documentation/virt/kvm/api.rst, KVM_X86_SET_MSR_FILTER.
"""

from __future__ import annotations

from kvm_bindings import lib

from ..cpu import msrs
from ..cpu.features import names_in
from ..cpu.msr_rules import GuestRules
from ..errors import HostError
from ..observe.msr_accesses import OTHERS, READ, WRITE, MsrAccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings._kvm import CData

    from .kvm_engine import KvmEngine
    from .kvm_vcpu import KvmVcpu

ROOM = 1024
"""MSRs and directions counted by themselves, for each vCPU; a guest may try all four thousand million."""
MCG_CAP = msrs.number("IA32_MCG_CAP")
KVM_ONLY = ("IA32_TIME_STAMP_COUNTER", "IA32_TSC_ADJUST", "IA32_TSC_DEADLINE")
"""Writes that stay KVM's: a host's write of the TSC sets it, where a guest's moves it against the other vCPUs."""


class MsrWatch:
    """The accesses of one vCPU."""

    def __init__(self, vcpu: KvmVcpu) -> None:
        self._vcpu = vcpu
        mcg_cap = vcpu.fd.get_msrs([MCG_CAP]).get(MCG_CAP, 0)
        self._rules = GuestRules(names_in(vcpu.fd.get_cpuid2()), mcg_cap)
        self._counts: dict[tuple[int | None, str], list[int]] = {}
        vcpu.hooks[lib.KVM_EXIT_X86_RDMSR] = self._read
        vcpu.hooks[lib.KVM_EXIT_X86_WRMSR] = self._write

    def _count(self, index: int, direction: str, value: int, refused: bool) -> None:
        counts = self._counts.get((index, direction))
        if counts is None:
            key = (index if len(self._counts) < ROOM else None, direction)
            counts = self._counts.setdefault(key, [0, 0, 0])
        counts[0] += 1
        counts[1] += refused
        counts[2] = value

    def _read(self, run: CData) -> None:
        msr = run.msr
        values = {} if self._rules.refuses_read(msr.index) else self._vcpu.fd.get_msrs([msr.index])
        msr.error = not values
        msr.data = value = values.get(msr.index, 0)
        self._count(msr.index, READ, value, not values)

    def _write(self, run: CData) -> None:
        msr = run.msr
        index, value = msr.index, msr.data
        refused = self._rules.refuses_write(index, value)
        if not refused and not self._rules.ignores_write(index):
            refused = bool(self._vcpu.fd.set_msrs({index: value}))
        msr.error = refused
        self._count(index, WRITE, value, refused)

    def accesses(self) -> list[MsrAccess]:
        """What was counted so far. Any thread."""
        return [
            MsrAccess(
                vcpu=self._vcpu.index,
                msr=index,
                name=OTHERS if index is None else msrs.name(index),
                direction=direction,
                count=count,
                refused=refused,
                value=value,
            )
            for (index, direction), (count, refused, value) in list(self._counts.items())
        ]


def watch(engine: KvmEngine) -> list[MsrWatch]:
    """From now on each MSR access is an exit. Before a vCPU runs. HostError where this kernel has no such filter."""
    for name in ("KVM_CAP_X86_USER_SPACE_MSR", "KVM_CAP_X86_MSR_FILTER"):
        if not engine.vm.check_extension(getattr(lib, name)):
            raise HostError(f"this kernel cannot hand out MSR accesses: no {name}", "use Linux 5.10 or later")
    engine.vm.enable_cap(lib.KVM_CAP_X86_USER_SPACE_MSR, args=(lib.KVM_MSR_EXIT_REASON_FILTER,))
    allowed = [(lib.KVM_MSR_FILTER_WRITE, msrs.number(name), b"\1") for name in KVM_ONLY]
    engine.vm.set_msr_filter(allowed, default_deny=True)
    return [MsrWatch(vcpu) for vcpu in engine.vcpus]
