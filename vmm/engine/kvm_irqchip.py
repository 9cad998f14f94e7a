"""The interrupt controllers inside the kernel: PIC pair, I/O APIC, a local APIC for each vCPU, and the PIT.

Created after the memory slots: a slot added later costs ten times as much.
Source: Documentation/virt/kvm/api.rst, KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2, KVM_IRQ_LINE.
"""

from __future__ import annotations

from kvm_bindings import lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings.vm import Vm


class KernelIrqchip:
    """Takes the level of a GSI to the kernel's controllers."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        vm.create_irqchip()
        vm.create_pit2(lib.KVM_PIT_SPEAKER_DUMMY)

    def set_input(self, gsi: int, level: bool) -> None:
        """KVM_IRQ_LINE."""
        self._vm.irq_line(gsi, int(level))
