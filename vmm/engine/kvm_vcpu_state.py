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
from kvm_bindings.call_list import CallList
from kvm_bindings.errors import KvmError

from ..errors import SnapshotError
from . import kvm_msrs, kvm_queue
from .protocol import APICS, DEBUG_REGISTERS, EXTENDED, MSRS, REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings._kvm import CData
    from kvm_bindings.call_list import Call
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
        "calls", "cpuid", "debugregs", "fpu", "is_from_kvm", "lapic", "mp_state", "msrs", "nested",
        "reads_kvmclock", "sregs2", "sync", "tsc", "tsc_khz", "xcrs", "xsave",
    )  # fmt: skip

    def __init__(self, kind: VcpuKind) -> None:
        self.sync = ffi.new("struct kvm_sync_regs *")
        """General registers, special registers, events."""
        self.sregs2: CData | None = None
        """With the PDPTEs; set while the guest pages with PAE outside long mode, when they count."""
        self.mp_state = 0
        self.is_from_kvm = False
        """KVM gave the registers: it will not refuse them."""
        self.calls: dict[int, CallList] = {}
        """What puts back which parts, once it was asked for."""
        self.fpu = None if kind.xsave_size else ffi.new("struct kvm_fpu *")
        self.xsave = new_xsave(kind.xsave_size) if kind.xsave_size else None
        self.xcrs = ffi.new("struct kvm_xcrs *") if kind.xsave_size else None
        self.debugregs = ffi.new("struct kvm_debugregs *") if kind.has_debugregs else None
        self.lapic = ffi.new("struct kvm_lapic_state *") if kind.has_apic else None
        self.msrs: CData = None
        """A struct kvm_msrs, in the order of putting back."""
        self.reads_kvmclock = True
        """Whether the guest has told KVM where it wants to read kvmclock; True until that is known."""
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
    state.calls.clear()
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
        state.is_from_kvm = True
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
        state.reads_kvmclock = kvm_msrs.reads_kvmclock(state.msrs)
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
    """Gives a vCPU that does not run the `parts` of a state. SnapshotError for what this host's KVM refuses.

    Registers that KVM gave go in with the next entry, for nothing, where no other part has to follow them.
    """
    vcpu.finish_owed()
    waits = bool(parts & REGISTERS) and can_wait(state, parts)
    if waits:
        parts &= ~REGISTERS
    calls = calls_of(state, parts)
    done = 0
    try:
        while (done := calls.make(vcpu.fd, done)) < calls.count:
            kvm_msrs.put(vcpu.fd, state.msrs)  # the only ones that answer with more than yes or no
            done += 1
    except KvmError as error:
        raise SnapshotError(f"this host's KVM refuses a part of the state of vCPU {vcpu.index}: {error}") from error
    if waits:
        put_with_next_entry(vcpu.fd.run, state)
    elif parts & REGISTERS:
        run = vcpu.fd.run
        run.kvm_dirty_regs = 0  # start_at() may have left some there
        run.cr8 = state.sync.sregs.cr8  # which an entry takes from here, where no local APIC has it
        run.ready_for_interrupt_injection = 0  # that was said of other registers


def can_wait(state: KvmVcpuState, parts: int) -> bool:
    """Whether the registers among `parts` can go in with the next entry."""
    if state.sregs2 is not None or state.nested is not None or state.mp_state not in _STARTED:
        return False
    return parts == REGISTERS or (state.is_from_kvm and not (parts & APICS and state.lapic is not None))


def calls_of(state: KvmVcpuState, parts: int) -> CallList:
    """The ioctls that put `parts` back, in their order."""
    made = state.calls.get(parts)
    if made is None:
        made = state.calls[parts] = _calls(state, parts)
    return made


def _calls(state: KvmVcpuState, parts: int) -> CallList:
    calls: list[Call] = []
    has_apic = bool(parts & APICS) and state.lapic is not None
    if has_apic:
        calls.append(("KVM_SET_MP_STATE", ffi.new("struct kvm_mp_state *", (state.mp_state,)), 0))
    if parts & REGISTERS:
        if state.sregs2 is None:
            calls.append(("KVM_SET_SREGS", ffi.addressof(state.sync.sregs), 0))
        else:
            calls.append(("KVM_SET_SREGS2", state.sregs2, 0))
        if state.nested is not None:
            calls.append(("KVM_SET_NESTED_STATE", state.nested, 0))
        calls.append(("KVM_SET_REGS", ffi.addressof(state.sync.regs), 0))
    if parts & EXTENDED and state.xsave is None:
        calls.append(("KVM_SET_FPU", state.fpu, 0))
    elif parts & EXTENDED:
        calls += [("KVM_SET_XSAVE", state.xsave, 0), ("KVM_SET_XCRS", state.xcrs, 0)]
    if parts & DEBUG_REGISTERS and state.debugregs is not None:
        calls.append(("KVM_SET_DEBUGREGS", state.debugregs, 0))
    if has_apic:
        calls.append(("KVM_SET_LAPIC", state.lapic, 0))
    if parts & MSRS:
        calls.append(("KVM_SET_MSRS", state.msrs, state.msrs.nmsrs))
    if parts & REGISTERS:
        calls.append(("KVM_SET_VCPU_EVENTS", ffi.addressof(state.sync.events), 0))
    return CallList(calls)


def put_with_next_entry(run: CData, state: KvmVcpuState) -> None:
    """General and special registers and events of a started vCPU, for the price of a copy: the next KVM_RUN takes them
    out of the shared page, in the right order."""
    lib.kvm_put_at_entry(run, state.sync, SYNCED)
