"""The clocks that KVM keeps for a guest: each vCPU's TSC and the machine's kvmclock, all read and set at one moment.

A TSC is set by its offset to the host's (KVM_VCPU_TSC_OFFSET, Documentation/virt/kvm/devices/vcpu.rst), one reading of
the host's TSC for all vCPUs, so that they stay as far from each other as they were. Where there is no offset, or the
guest's TSC has another frequency, the MSR is written, and KVM takes writes within a second for one.

Nothing moves the TSC of a guest under PVM: its ring 3 reads the host's. KVM takes the offset there and does not use it.
"""

from __future__ import annotations

from _thread import allocate_lock

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

from .kvm_msrs import TSC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvm_bindings.vcpu import Vcpu as BoundVcpu
    from kvm_bindings.vm import Vm

    from .kvm_vcpu_state import KvmVcpuState

_WHOLE = (1 << 64) - 1


_OFFSET = ffi.new("__u64 *")
_BY_OFFSET = ffi.new(
    "struct kvm_device_attr *",
    (0, lib.KVM_VCPU_TSC_CTRL, lib.KVM_VCPU_TSC_OFFSET, int(ffi.cast("uintptr_t", _OFFSET))),
)
"""The request for a vCPU's offset, which is read from or written to _OFFSET; whoever uses it holds _LOCK."""
_LOCK = allocate_lock()
_OFFSETS: list[bool] = []
"""Whether this host's KVM has offsets, once it was asked."""


def _has_offset(vcpu: BoundVcpu) -> bool:
    if not _OFFSETS:
        try:
            _OFFSETS.append(vcpu.has_device_attr(lib.KVM_VCPU_TSC_CTRL, lib.KVM_VCPU_TSC_OFFSET))
        except KvmError:  # before Linux 5.16 a vCPU has no attributes at all
            _OFFSETS.append(False)
    return _OFFSETS[0]


class Clocks:
    """Reads and sets the clocks of one machine. `host_khz` is what the host's TSC counts, 0 if nobody knows."""

    def __init__(self, vm: Vm, vcpus: Sequence[BoundVcpu], host_khz: int) -> None:
        self._vm = vm
        self._vcpus = vcpus
        self._host_khz = host_khz
        self._khz: dict[int, int] = {}
        """What each vCPU's TSC counts, where that is not what it began with."""

    def take(self, states: Sequence[KvmVcpuState]) -> int:
        """Puts the TSCs into `states`; kvmclock in nanoseconds."""
        clock = self._vm.get_clock()
        ticks = clock.host_tsc if clock.flags & lib.KVM_CLOCK_HOST_TSC else lib.step_ticks()
        for vcpu, state in zip(self._vcpus, states, strict=True):
            if not state.tsc_khz:
                state.tsc_khz = self._frequency(vcpu)
            if self._by_offset(vcpu, state.tsc_khz):
                with _LOCK:
                    vcpu.ioctl_ptr("KVM_GET_DEVICE_ATTR", _BY_OFFSET)
                    state.tsc = (ticks + _OFFSET[0]) & _WHOLE
            else:
                state.tsc = vcpu.get_msrs([TSC])[TSC]
        return int(clock.clock)

    def put(self, states: Sequence[KvmVcpuState], kvmclock: int, elapsed_ns: int) -> None:
        """Sets all to what they were, `elapsed_ns` later."""
        ticks = lib.step_ticks()
        for vcpu, state in zip(self._vcpus, states, strict=True):
            wanted = (state.tsc + elapsed_ns * state.tsc_khz // 1_000_000) & _WHOLE
            if state.tsc_khz and state.tsc_khz != self._khz.get(vcpu.index, self._host_khz):
                vcpu.set_tsc_khz(state.tsc_khz)
                self._khz[vcpu.index] = state.tsc_khz
            if self._by_offset(vcpu, state.tsc_khz):
                with _LOCK:
                    _OFFSET[0] = (wanted - ticks) & _WHOLE
                    vcpu.ioctl_ptr("KVM_SET_DEVICE_ATTR", _BY_OFFSET)
            else:
                vcpu.set_msrs({TSC: wanted})
        self._vm.set_clock(ffi.new("struct kvm_clock_data *", {"clock": kvmclock + elapsed_ns}))

    def tell_pause(self, states: Sequence[KvmVcpuState]) -> None:
        """Tells guests that read kvmclock that they were stopped, or their watchdogs would blame a task."""
        for vcpu, state in zip(self._vcpus, states, strict=True):
            if not state.reads_kvmclock:
                continue
            try:
                vcpu.kvmclock_ctrl()
            except KvmError as error:
                if error.errno_name != "EINVAL":  # the word for a guest that does not read it
                    raise

    def _by_offset(self, vcpu: BoundVcpu, khz: int) -> bool:
        return khz in (0, self._host_khz) and _has_offset(vcpu)

    @staticmethod
    def _frequency(vcpu: BoundVcpu) -> int:
        try:
            return vcpu.get_tsc_khz()
        except KvmError:
            return 0
