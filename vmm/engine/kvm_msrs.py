"""The MSRs of a vCPU as a whole: which of the host's list make up its state, read by one ioctl and put back by one.

Left out of KVM's list:
- what is time and not state: the TSC, which kvm_clocks.py puts where it belongs;
- what writing does something: with the address of its wall clock KVM writes the time of day into guest memory;
- Hyper-V's, which no guest here is offered.
"""

from __future__ import annotations

import errno

from kvm_bindings import arrays, ffi
from kvm_bindings.errors import KvmError

from ..cpu import msrs as names
from ..errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings._kvm import CData
    from kvm_bindings.system import System
    from kvm_bindings.vcpu import Vcpu as BoundVcpu

TSC = 0x10
_LEFT_OUT = (TSC, 0x11, 0x4B56_4D00)
_HYPERV = range(0x4000_0000, 0x4000_0200)
_KVMCLOCK = (0x12, 0x4B56_4D01)
_LAST = (0x6E0,)
"""IA32_TSC_DEADLINE: see kvm_vcpu_state.py."""
_ENTRY = ffi.sizeof("struct kvm_msr_entry")


class MsrList:
    """What this host's vCPUs have, found out once a process."""

    def __init__(self) -> None:
        self._indices: list[int] = []

    def take(self, system: System, fd: BoundVcpu, into: CData = None) -> CData:
        """A struct kvm_msrs with the values now."""
        for _ in range(2):
            if not self._indices:
                self._indices = self._learn(system, fd)
            if into is None or into.nmsrs != len(self._indices):
                into = arrays.empty_msrs(self._indices)
            if fd.ioctl_ptr("KVM_GET_MSRS", into) == into.nmsrs:
                return into
            self._indices, into = [], None  # this vCPU's CPUID has less than those before
        raise KvmError("KVM_GET_MSRS", "vcpu", errno.EINVAL)

    @staticmethod
    def _learn(system: System, fd: BoundVcpu) -> list[int]:
        wanted = [index for index in system.get_msr_index_list() if index not in _LEFT_OUT and index not in _HYPERV]
        values = fd.get_msrs(wanted)
        refused = fd.set_msrs(values)  # KVM lists some that nobody may write: what they say follows from the CPUID
        return sorted(values.keys() - set(refused), key=lambda index: (index in _LAST, wanted.index(index)))


HERE = MsrList()
"""This process's. Nothing in it is a machine's."""


def put(fd: BoundVcpu, msrs: CData) -> None:
    """Sets all of them. SnapshotError names those that KVM refuses and that have not the wanted value already."""
    if fd.ioctl_ptr("KVM_SET_MSRS", msrs) == msrs.nmsrs:
        return
    wanted = arrays.msr_values(msrs, msrs.nmsrs)
    refused = fd.set_msrs(wanted)
    here = fd.get_msrs(refused)
    wrong = [index for index in refused if here.get(index, 0) != wanted[index]]
    if wrong:
        listed = ", ".join(f"{names.describe(index)} = {wanted[index]:#x}" for index in wrong)
        raise SnapshotError(f"this host's KVM refuses {listed}")


def reads_kvmclock(msrs: CData) -> bool:
    """Whether one of the two MSRs with the address of KVM's clock enables it (Documentation/virt/kvm/x86/msr.rst)."""
    values = arrays.msr_values(msrs, msrs.nmsrs)
    return any(values.get(index, 0) & 1 for index in _KVMCLOCK)


def to_bytes(msrs: CData) -> bytes:
    """The entries: 4 bytes of index, 4 unused, 8 of value each."""
    return bytes(ffi.buffer(msrs.entries, _ENTRY * msrs.nmsrs))


def from_bytes(content: bytes) -> CData:
    """The same from there. ValueError for what is not whole entries."""
    if len(content) % _ENTRY or len(content) > 4096 * _ENTRY:
        raise ValueError("not MSRs")
    count = len(content) // _ENTRY
    msrs = ffi.new("struct kvm_msrs *", {"entries": count})
    msrs.nmsrs = count
    ffi.buffer(msrs.entries, len(content))[:] = content
    return msrs
