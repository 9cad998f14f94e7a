"""Has the kernel collect what a guest writes to one port, so that a write causes no exit of its own.

What was collected comes with the next exit of any vCPU, through the ring of make_quiet(), which the port has on every
vCPU. Source: Documentation/virt/kvm/api.rst, KVM_(UN)REGISTER_COALESCED_MMIO and KVM_CAP_COALESCED_PIO.
"""

from __future__ import annotations

from kvm_bindings import lib
from kvm_bindings.errors import KvmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvm_bindings.vm import Vm

    from .kvm_vcpu import KvmVcpu


class WriteCollector:
    """Bytes written to `port`. Made before a vCPU runs."""

    def __init__(self, vm: Vm, vcpus: Sequence[KvmVcpu], port: int) -> None:
        self._vm = vm
        self._port = port
        self._is_on = False
        self._is_able = vm.check_extension(lib.KVM_CAP_COALESCED_PIO) > 0
        if self._is_able:
            for vcpu in vcpus:
                vcpu.expect_collected(port)

    def collect(self, wanted: bool) -> None:
        """From the next write on. Any thread. Does nothing where the kernel cannot."""
        if wanted is self._is_on or not self._is_able:
            return
        try:
            if wanted:
                self._vm.register_coalesced_mmio(self._port, 1, pio=True)
            else:
                self._vm.unregister_coalesced_mmio(self._port, 1, pio=True)
        except KvmError:
            if not wanted:
                raise
            self._is_able = False  # no room on the VM's bus: every write is an exit again
        self._is_on = wanted and self._is_able
