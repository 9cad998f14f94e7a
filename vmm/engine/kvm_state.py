"""The state of one machine in KVM: of its vCPUs, of the interrupt controllers and the PIT in the kernel, of its clocks.

The controllers are put back before the vCPUs: an I/O APIC that is set sends what waits in it to the local APICs, whose
own state comes after and says the last word. The routes of interrupts are not asked for, since KVM tells nobody: those
of a new machine are right, and the I/O APIC in Python (split) sets its own when it is loaded.
Known to be lost: how far the PIT in the kernel had counted (KVM starts each period anew).
Memory is not part of it.
"""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

from ..errors import HostError, SnapshotError
from . import kvm_vcpu_state
from .kvm_clocks import Clocks
from .protocol import ALL_PARTS, APICS, CLOCKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from kvm_bindings._kvm import CData

    from .kvm_engine import KvmEngine
    from .kvm_vcpu_state import KvmVcpuState, VcpuKind

CHIPS = (lib.KVM_IRQCHIP_PIC_MASTER, lib.KVM_IRQCHIP_PIC_SLAVE, lib.KVM_IRQCHIP_IOAPIC)


class KvmState:
    """Implements protocol.EngineState."""

    __slots__ = ("chips", "kvmclock", "pit", "vcpus")

    def __init__(self, vcpus: Sequence[KvmVcpuState]) -> None:
        self.vcpus = vcpus
        self.chips: list[CData] = []
        """A struct kvm_irqchip for each of CHIPS, where they are the kernel's."""
        self.pit: CData | None = None
        self.kvmclock = 0
        """Nanoseconds."""


class StateTaker:
    """Takes and puts back the state of one engine."""

    def __init__(self, engine: KvmEngine) -> None:
        self._engine = engine
        self._clocks = Clocks(engine.vm, [vcpu.fd for vcpu in engine.vcpus], engine.tsc_khz)
        self._kind = _kind(engine)

    @property
    def kind(self) -> VcpuKind:
        """What the vCPUs have in common."""
        return self._kind

    def take(self, into: KvmState | None = None, parts: int = ALL_PARTS) -> KvmState:
        """See protocol.Engine.save."""
        engine = self._engine
        try:
            old = into.vcpus if into else [None] * len(engine.vcpus)
            vcpus = [
                kvm_vcpu_state.take(engine.system, vcpu, self._kind, state, parts)
                for vcpu, state in zip(engine.vcpus, old, strict=True)
            ]
            state = into or KvmState(vcpus)
            for vcpu, taken in zip(engine.vcpus, vcpus, strict=True):
                taken.cpuid = vcpu.cpuid
            if parts & APICS and engine.irqchip is not None:
                state.chips = [engine.vm.get_irqchip(chip) for chip in CHIPS]
                state.pit = engine.vm.get_pit2()
            if parts & CLOCKS:
                state.kvmclock = self._clocks.take(vcpus)
        except KvmError as error:
            raise HostError(f"KVM does not give the state of the machine: {error}") from error
        return state

    def put(self, state: KvmState, parts: int = ALL_PARTS, elapsed_ns: int = 0) -> None:
        """See protocol.Engine.load."""
        engine = self._engine
        if len(state.vcpus) != len(engine.vcpus):
            raise SnapshotError(f"the state is of {len(state.vcpus)} vCPUs, the machine has {len(engine.vcpus)}")
        if parts & APICS and bool(state.chips) is not (engine.irqchip is not None):
            raise SnapshotError("the state is of a machine with its interrupt controllers elsewhere")
        for vcpu, taken in zip(engine.vcpus, state.vcpus, strict=True):
            vcpu.give_cpuid(taken.cpuid)
        try:
            if parts & APICS:
                for chip in state.chips:
                    engine.vm.set_irqchip(chip)
                if state.pit is not None:
                    engine.vm.set_pit2(state.pit)
            if parts & CLOCKS:
                self._clocks.put(state.vcpus, state.kvmclock, elapsed_ns)
        except KvmError as error:
            raise SnapshotError(f"this host's KVM refuses a part of the state: {error}") from error
        for vcpu, taken in zip(engine.vcpus, state.vcpus, strict=True):
            kvm_vcpu_state.put(vcpu, taken, parts)
        if parts & CLOCKS:
            self._clocks.tell_pause(state.vcpus)


def _kind(engine: KvmEngine) -> VcpuKind:
    splits = engine.local_apics is not None
    which = (engine.irqchip is not None, splits)
    kind = _KINDS.get(which)
    if kind is None:
        vm = engine.vm
        xsave = vm.check_extension(lib.KVM_CAP_XSAVE2)
        if not xsave and vm.check_extension(lib.KVM_CAP_XSAVE):
            xsave = ffi.sizeof("struct kvm_xsave")
        kind = _KINDS[which] = kvm_vcpu_state.VcpuKind(
            xsave_size=xsave,
            has_debugregs=bool(vm.check_extension(lib.KVM_CAP_DEBUGREGS)),
            nested_size=vm.check_extension(lib.KVM_CAP_NESTED_STATE),
            has_apic=any(which),
            has_sregs2=bool(vm.check_extension(lib.KVM_CAP_SREGS2)),
            splits=splits,
        )
    return kind


_KINDS: dict[tuple[bool, bool], VcpuKind] = {}
"""This host's, by whether all controllers are the kernel's, and whether the local APICs alone are."""
