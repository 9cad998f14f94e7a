"""The system fd, /dev/kvm: what this host's KVM can do, and the door to new VMs."""

from __future__ import annotations

import errno
import os

from . import arrays
from ._kvm import ffi
from .descriptor import Descriptor
from .errors import KvmError
from .vm import Vm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._kvm import CData


class System(Descriptor):
    """An open /dev/kvm. OSError from the opening itself is left as it is: absent and forbidden have their own errno."""

    kind = "system"
    _mmap_size = 0

    def __init__(self, path: str = "/dev/kvm") -> None:
        super().__init__(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def get_api_version(self) -> int:
        """KVM_GET_API_VERSION: 12 on every kernel since 2007; refuse to work with another."""
        return self.ioctl_int("KVM_GET_API_VERSION")

    def check_extension(self, cap: int) -> int:
        """KVM_CHECK_EXTENSION: 0 where the capability is missing; what else it says is the capability's own matter."""
        return self.ioctl_int("KVM_CHECK_EXTENSION", cap)

    def capabilities(self) -> dict[str, int]:
        """check_extension for every capability in caps.py, by kernel name."""
        from .caps import CAPABILITIES

        return {cap.name: self.check_extension(cap.number) for cap in CAPABILITIES}

    def get_vcpu_mmap_size(self) -> int:
        """KVM_GET_VCPU_MMAP_SIZE: bytes to map of a vCPU fd (kvm_run, PIO data, coalesced ring). Asked once."""
        if not self._mmap_size:
            self._mmap_size = self.ioctl_int("KVM_GET_VCPU_MMAP_SIZE")
        return self._mmap_size

    def create_vm(self, type: int = 0) -> Vm:
        """KVM_CREATE_VM. `type` is one of KVM_X86_*_VM; KVM_CAP_VM_TYPES tells which there are."""
        vm = Vm(self.ioctl_int("KVM_CREATE_VM", type))
        vm.vcpu_mmap_size = self.get_vcpu_mmap_size()
        return vm

    def get_supported_cpuid(self) -> list[arrays.CpuidEntry]:
        """KVM_GET_SUPPORTED_CPUID: what a guest may be shown here, as (function, index, flags, eax, ebx, ecx, edx)."""
        return arrays.cpuid2_entries(self.get_supported_cpuid2())

    def get_supported_cpuid2(self, room: int = 128) -> CData:
        """The same as a struct kvm_cpuid2 with room for at least that many entries."""
        return self._all_of("KVM_GET_SUPPORTED_CPUID", arrays.empty_cpuid2, room)

    def get_emulated_cpuid(self) -> list[arrays.CpuidEntry]:
        """KVM_GET_EMULATED_CPUID: features that KVM emulates for want of hardware; off unless asked for."""
        return arrays.cpuid2_entries(self._all_of("KVM_GET_EMULATED_CPUID", arrays.empty_cpuid2, 16))

    def get_msr_index_list(self) -> list[int]:
        """KVM_GET_MSR_INDEX_LIST: the MSRs that make up a vCPU's state."""
        return arrays.msr_indices(self._all_of("KVM_GET_MSR_INDEX_LIST", arrays.empty_msr_list, 256))

    def get_msr_feature_index_list(self) -> list[int]:
        """KVM_GET_MSR_FEATURE_INDEX_LIST: the MSRs that describe features of the host."""
        return arrays.msr_indices(self._all_of("KVM_GET_MSR_FEATURE_INDEX_LIST", arrays.empty_msr_list, 128))

    def get_msrs(self, indices: Sequence[int]) -> dict[int, int]:
        """KVM_GET_MSRS on the system fd: values of feature MSRs; those the kernel refuses are missing."""
        return arrays.read_msrs(self, indices)

    def get_mce_cap_supported(self) -> int:
        """KVM_X86_GET_MCE_CAP_SUPPORTED: the MCG_CAP that setup_mce may use."""
        return int(self.fill("KVM_X86_GET_MCE_CAP_SUPPORTED", ffi.new("__u64 *"))[0])

    def _all_of(self, name: str, empty: Callable[[int], CData], room: int) -> CData:
        """Asks with more and more room until the kernel's list fits."""
        while True:
            try:
                return self.fill(name, empty(room))
            except KvmError as error:
                if error.errno != errno.E2BIG or room > 1 << 16:
                    raise
                room *= 4
