"""The state of one KVM vCPU, in the kernel's own structs: taken, put back, and in what order.

A state owns its memory: taking again into an old one allocates nothing, and no register becomes a Python object. How it
becomes bytes for a file is in kvm_state_bytes.py.

The order of taking (Documentation/virt/kvm/api.rst, arch/x86/kvm/x86.c):
1. One entry with immediate_exit completes a port or MMIO access under way, and leaves general and special registers and
   events in the page shared with the kernel (KVM_CAP_SYNC_REGS): three structs for one call.
2. MP state before the local APIC and events: asking for it has KVM take in an INIT or SIPI that waits.
The order of putting back:
1. MP state; special registers, which hold the APIC's base and mode that the local APIC is read by, and EFER and CR4
   that all else is checked against; nested state, which needs EFER.SVME.
2. General registers, which clear a pending exception; FPU, XCR0, debug registers.
3. The local APIC, then the MSRs: the TSC deadline is taken only while the APIC's timer is in that mode, and stands last
   among them, behind the TSC (kvm_clocks.py) that it is compared with.
4. Events last: nothing after them disturbs an interrupt or exception half delivered.
"""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

from ..errors import SnapshotError
from . import kvm_msrs, kvm_queue
from .protocol import APICS, DEBUG_REGISTERS, EXTENDED, MSRS, REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings._kvm import CData
    from kvm_bindings.system import System
    from kvm_bindings.vcpu import Vcpu as BoundVcpu

    from .kvm_vcpu import KvmVcpu

SYNCED = lib.KVM_SYNC_X86_REGS | lib.KVM_SYNC_X86_SREGS | lib.KVM_SYNC_X86_EVENTS
_SYNC_SIZE = ffi.sizeof("struct kvm_sync_regs")
_STARTED = (lib.KVM_MP_STATE_RUNNABLE, lib.KVM_MP_STATE_HALTED)
"""An unstarted vCPU's KVM_RUN does not look at the shared page: what stood there would come after its start."""
_CR0_PG, _CR4_PAE, _EFER_LMA = 1 << 31, 1 << 5, 1 << 10


class VcpuKind:
    """What one machine's vCPUs have in common: which of the optional structs there are, and how large."""

    def __init__(
        self, xsave_size: int, has_debugregs: bool, nested_size: int, has_apic: bool, has_sregs2: bool, splits: bool
    ) -> None:
        self.xsave_size = xsave_size
        """Bytes of KVM_GET_XSAVE2; 0 where KVM has no XSAVE and the FPU is all."""
        self.has_debugregs = has_debugregs
        self.nested_size = nested_size
        self.has_apic = has_apic
        self.has_sregs2 = has_sregs2
        self.splits = splits
        """Whether PIC and local APICs are on different sides."""


class KvmVcpuState:
    """Implements protocol.VcpuState. Struct pointers; None for what this kind of machine has not."""

    __slots__ = (
        "cpuid", "debugregs", "fpu", "lapic", "mp_state", "msrs", "nested", "sregs2", "sync", "tsc", "tsc_khz", "xcrs",
        "xsave",
    )  # fmt: skip

    def __init__(self, kind: VcpuKind) -> None:
        self.sync = ffi.new("struct kvm_sync_regs *")
        """General registers, special registers, events."""
        self.sregs2: CData | None = None
        """With the PDPTEs; set while the guest pages with PAE outside long mode, when they count."""
        self.mp_state = 0
        self.fpu = None if kind.xsave_size else ffi.new("struct kvm_fpu *")
        self.xsave = new_xsave(kind.xsave_size) if kind.xsave_size else None
        self.xcrs = ffi.new("struct kvm_xcrs *") if kind.xsave_size else None
        self.debugregs = ffi.new("struct kvm_debugregs *") if kind.has_debugregs else None
        self.lapic = ffi.new("struct kvm_lapic_state *") if kind.has_apic else None
        self.msrs: CData = None
        """A struct kvm_msrs, in the order of putting back."""
        self.nested: CData | None = None
        self.cpuid: CData = None
        """A struct kvm_cpuid2, shared by equal vCPUs: not to be changed."""
        self.tsc_khz = 0
        self.tsc = 0
        """The guest's TSC at the moment that the machine's clocks were read."""


def new_xsave(size: int) -> CData:
    """A struct kvm_xsave of at least `size` bytes."""
    beyond = max(size - ffi.sizeof("struct kvm_xsave"), 0)
    return ffi.new("struct kvm_xsave *", {"extra": (beyond + 3) // 4})


def take(system: System, vcpu: KvmVcpu, kind: VcpuKind, into: KvmVcpuState | None, parts: int) -> KvmVcpuState:
    """The state of a vCPU that does not run; what `parts` leaves out stays as it was in `into`."""
    state = into or KvmVcpuState(kind)
    fd, run = vcpu.fd, vcpu.fd.run
    if parts & APICS:
        state.mp_state = fd.get_mp_state()
    if parts & REGISTERS:
        if kind.splits:
            vcpu.finish_access()
            kvm_queue.settle(vcpu)
        run.kvm_valid_regs = SYNCED
        try:
            vcpu.finish_access()
        finally:
            run.kvm_valid_regs = lib.KVM_SYNC_X86_REGS
        ffi.memmove(state.sync, ffi.addressof(run.s), _SYNC_SIZE)
        state.sregs2 = fd.get_sregs2() if kind.has_sregs2 and _has_pdptes(state.sync.sregs) else None
    if parts & EXTENDED:
        _take_extended(fd, kind, state)
    if parts & DEBUG_REGISTERS and state.debugregs is not None:
        fd.get_debugregs(state.debugregs)
    if parts & APICS and state.lapic is not None:
        fd.get_lapic(state.lapic)
    if parts & MSRS:
        state.msrs = kvm_msrs.HERE.take(system, fd, state.msrs)
        state.nested = _nested(fd, kind.nested_size) if kind.nested_size else None
    return state


def _take_extended(fd: BoundVcpu, kind: VcpuKind, state: KvmVcpuState) -> None:
    if state.xsave is None:
        fd.get_fpu(state.fpu)
        return
    if kind.xsave_size > ffi.sizeof("struct kvm_xsave"):
        fd.get_xsave2(kind.xsave_size, state.xsave)
    else:
        fd.get_xsave(state.xsave)
    fd.get_xcrs(state.xcrs)


def _nested(fd: BoundVcpu, size: int) -> CData | None:
    state = fd.get_nested_state(size)
    return state if state.size > ffi.sizeof("struct kvm_nested_state") or state.flags else None


def _has_pdptes(sregs: CData) -> bool:
    return bool(sregs.cr0 & _CR0_PG and sregs.cr4 & _CR4_PAE and not sregs.efer & _EFER_LMA)


def put(vcpu: KvmVcpu, state: KvmVcpuState, parts: int) -> None:
    """Gives a vCPU that does not run the `parts` of a state. SnapshotError for what this host's KVM refuses."""
    vcpu.finish_owed()
    if parts == REGISTERS and state.sregs2 is None and state.mp_state in _STARTED:
        put_with_next_entry(vcpu.fd.run, state)
        return
    fd, step = vcpu.fd, "MP state"
    try:
        if parts & APICS and state.lapic is not None:
            fd.set_mp_state(state.mp_state)
        if parts & REGISTERS:
            step = "special registers"
            _put_special(fd, state)
            if state.nested is not None:
                step = "nested state"
                fd.set_nested_state(state.nested)
            step = "general registers"
            fd.set_regs(ffi.addressof(state.sync.regs))
        if parts & EXTENDED:
            step = "FPU"
            _put_extended(fd, state)
        if parts & DEBUG_REGISTERS and state.debugregs is not None:
            step = "debug registers"
            fd.set_debugregs(state.debugregs)
        if parts & APICS and state.lapic is not None:
            step = "local APIC"
            fd.set_lapic(state.lapic)
        if parts & MSRS:
            step = "MSRs"
            kvm_msrs.put(fd, state.msrs)
        if parts & REGISTERS:
            step = "events"
            fd.set_vcpu_events(ffi.addressof(state.sync.events))
    except KvmError as error:
        raise SnapshotError(f"this host's KVM refuses the {step} of vCPU {vcpu.index}: {error}") from error


def _put_special(fd: BoundVcpu, state: KvmVcpuState) -> None:
    run = fd.run
    if state.sregs2 is None:
        fd.set_sregs(ffi.addressof(state.sync.sregs))
    else:
        fd.set_sregs2(state.sregs2)
    run.kvm_dirty_regs = 0  # start_at() may have left some there
    run.cr8 = state.sync.sregs.cr8  # which an entry takes from here, where no local APIC has it
    run.ready_for_interrupt_injection = 0  # that was said of other registers


def _put_extended(fd: BoundVcpu, state: KvmVcpuState) -> None:
    if state.xsave is None:
        fd.set_fpu(state.fpu)
    else:
        fd.set_xsave(state.xsave)
        fd.set_xcrs(state.xcrs)


def put_with_next_entry(run: CData, state: KvmVcpuState) -> None:
    """General and special registers and events of a started vCPU, for the price of a copy: the next KVM_RUN takes them
    out of the shared page, in the right order."""
    ffi.memmove(ffi.addressof(run.s), state.sync, _SYNC_SIZE)
    run.kvm_dirty_regs = SYNCED
    run.cr8 = state.sync.sregs.cr8
    run.ready_for_interrupt_injection = 0
