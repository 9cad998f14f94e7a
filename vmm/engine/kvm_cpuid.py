"""The CPUID tables that vCPUs are given, each made once a process: what a host supports does not change, and to ask
KVM takes 0.3 ms, a fifth of a machine's life from its making to its first exit.
"""

from __future__ import annotations

from kvm_bindings import arrays, lib
from kvm_bindings.errors import KvmError

from ..cpu import cpuid
from ..errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings._kvm import CData
    from kvm_bindings.system import System
    from kvm_bindings.vcpu import Vcpu

    from ..cpu.cpuid import CpuModel

MOST = 256
"""Tables kept; a process that makes more kinds of machines starts again."""


class CpuidTables:
    """The tables made so far, and the host's answer that they are made from."""

    def __init__(self) -> None:
        self._supported: list[arrays.CpuidEntry] = []
        self._has_deadline = False
        self._made: dict[tuple[CpuModel, int, int, bool, int], CData] = {}

    def supported(self, system: System) -> list[arrays.CpuidEntry]:
        """What KVM can show guests on this host; not to be changed."""
        if not self._supported:
            self._supported = system.get_supported_cpuid()
            self._has_deadline = bool(system.check_extension(lib.KVM_CAP_TSC_DEADLINE_TIMER))
        return self._supported

    def table(
        self, system: System, model: CpuModel, index: int, count: int, local_apic: bool, tsc_khz: int = 0
    ) -> CData:
        """A struct kvm_cpuid2 for vCPU `index` of `count`, whose TSC has that frequency (0: not known); not to be
        changed. ConfigError as of cpuid.select()."""
        key = (model, index, count, local_apic, tsc_khz)
        made = self._made.get(key)
        if made is None:
            supported = self.supported(system)
            if local_apic and self._has_deadline:
                supported = cpuid.with_deadline_timer(supported)
            entries = cpuid.select(model, supported)
            if tsc_khz and "vmware_cpuid_freq" not in model.removed:
                entries = cpuid.with_frequencies(entries, tsc_khz)
            if not local_apic:
                entries = cpuid.without_local_apic(entries)
            made = arrays.new_cpuid2(cpuid.place(model, entries, index, count, apic_id=index))
            if len(self._made) >= MOST:
                self._made.clear()
            self._made[key] = made
        return made


def give_other(fd: Vcpu, wanted: CData, present: CData) -> None:
    """Changes a vCPU's table, before it runs, unless it is the same in other words. SnapshotError if KVM refuses."""
    if sorted(arrays.cpuid2_entries(wanted)) == sorted(arrays.cpuid2_entries(present)):
        return
    try:
        fd.set_cpuid2(wanted)
    except KvmError as error:
        raise SnapshotError(f"this host's KVM refuses the CPUID of the saved machine: {error}") from error


HERE = CpuidTables()
"""This process's. Nothing in it is a machine's: two machines share it unawares."""
