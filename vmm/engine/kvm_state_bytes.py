"""A KvmState as plain fields for a file, and back: the kernel's structs byte for byte, which its ABI keeps."""

from __future__ import annotations

from kvm_bindings import ffi, lib

from ..cpu.register_names import FILE64
from ..cpu.registers import mode_in_words
from ..errors import SnapshotError
from ..state import State
from . import kvm_msrs
from .kvm_state import CHIPS, KvmState
from .kvm_vcpu_state import KvmVcpuState, VcpuKind, new_xsave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kvm_bindings._kvm import CData

SCHEMA, VERSION = "vmm.kvm", 1
_VCPU = "vmm.kvm.vcpu"
_FIELDS = ("vcpus", "chips", "pit", "kvmclock")
_STRUCTS = {
    "regs": "struct kvm_regs",
    "sregs": "struct kvm_sregs",
    "events": "struct kvm_vcpu_events",
    "sregs2": "struct kvm_sregs2",
    "fpu": "struct kvm_fpu",
    "xcrs": "struct kvm_xcrs",
    "debugregs": "struct kvm_debugregs",
    "lapic": "struct kvm_lapic_state",
}
_SYNCED = ("regs", "sregs", "events")
_ENTRY = ffi.sizeof("struct kvm_cpuid_entry2")
_MOST_CPUID, _MOST_XSAVE, _MOST_NESTED = 256, 1 << 16, 1 << 16


def to_state(state: KvmState) -> State:
    """All of it."""
    fields = {
        "vcpus": [_vcpu_to_state(vcpu) for vcpu in state.vcpus],
        "chips": [_bytes(chip) for chip in state.chips],
        "pit": _bytes(state.pit),
        "kvmclock": state.kvmclock,
    }
    return State(SCHEMA, VERSION, fields)


def _vcpu_to_state(vcpu: KvmVcpuState) -> State:
    fields: dict[str, Any] = {name: _bytes(ffi.addressof(vcpu.sync, name)) for name in _SYNCED}
    fields |= {name: _bytes(getattr(vcpu, name)) for name in _STRUCTS if name not in _SYNCED}
    xsave, nested, cpuid = vcpu.xsave, vcpu.nested, vcpu.cpuid
    fields["xsave"] = None if xsave is None else ffi.buffer(xsave, _xsave_size(xsave))[:]
    fields["nested"] = None if nested is None else ffi.buffer(nested, nested.size)[:]
    fields["cpuid"] = ffi.buffer(cpuid.entries, cpuid.nent * _ENTRY)[:]
    fields["msrs"] = kvm_msrs.to_bytes(vcpu.msrs)
    fields |= {name: getattr(vcpu, name) for name in ("mp_state", "tsc", "tsc_khz")}
    return State(_VCPU, 1, fields)


def _bytes(struct: CData | None) -> bytes | None:
    return None if struct is None else ffi.buffer(struct)[:]


def _xsave_size(xsave: CData) -> int:
    """ffi.sizeof knows the variable part of what ffi.new made."""
    return ffi.sizeof(xsave[0])


def from_state(saved: State, kind: VcpuKind) -> KvmState:
    """For a machine whose vCPUs are of `kind`. SnapshotError for what no machine here can have."""
    fields = saved.expect(SCHEMA, VERSION, _FIELDS)
    vcpus, chips, pit, kvmclock = (fields[name] for name in _FIELDS)
    if not isinstance(vcpus, list) or not all(isinstance(vcpu, State) for vcpu in vcpus):
        raise SnapshotError(f"{SCHEMA}: vcpus should be a list of states")
    if not isinstance(chips, list) or len(chips) not in (0, len(CHIPS)):
        raise SnapshotError(f"{SCHEMA}: chips should be a list of none or {len(CHIPS)}")
    state = KvmState([_vcpu_from_state(vcpu, kind) for vcpu in vcpus])
    state.chips = [_struct("struct kvm_irqchip", chip, "chips") for chip in chips]
    for number, chip in zip(CHIPS, state.chips, strict=False):
        if chip.chip_id != number:
            raise SnapshotError(f"{SCHEMA}: chip {number} is another")
    state.pit = None if pit is None else _struct("struct kvm_pit_state2", pit, "pit")
    if (state.pit is not None) is not bool(state.chips):
        raise SnapshotError(f"{SCHEMA}: a PIT and the other chips come together")
    state.kvmclock = _number(SCHEMA, "kvmclock", kvmclock, 1 << 63)
    return state


def _vcpu_from_state(saved: State, kind: VcpuKind) -> KvmVcpuState:
    numbers = {"mp_state": 1 << 32, "tsc": 1 << 64, "tsc_khz": 1 << 31}
    fields = saved.expect(_VCPU, 1, [*_STRUCTS, "xsave", "nested", "cpuid", "msrs", *numbers])
    here = {"fpu": not kind.xsave_size, "xsave": bool(kind.xsave_size), "xcrs": bool(kind.xsave_size)}
    here |= {"debugregs": kind.has_debugregs, "lapic": kind.has_apic}
    wrong = [name for name, wanted in here.items() if (fields[name] is not None) is not wanted]
    if wrong:
        raise SnapshotError(f"{_VCPU}: of a machine of another kind: {', '.join(wrong)} there or here alone")
    state = KvmVcpuState(kind)
    for name in _SYNCED:
        setattr(state.sync, name, _struct(_STRUCTS[name], fields[name], name)[0])
    for name in ("sregs2", "fpu", "xcrs", "debugregs", "lapic"):
        if fields[name] is not None:
            setattr(state, name, _struct(_STRUCTS[name], fields[name], name))
    if fields["xsave"] is not None:
        state.xsave = _xsave(fields["xsave"], kind.xsave_size)
    state.nested = None if fields["nested"] is None else _nested(fields["nested"])
    state.cpuid = _cpuid(fields["cpuid"])
    try:
        state.msrs = kvm_msrs.from_bytes(_content("msrs", fields["msrs"]))
    except ValueError as error:
        raise SnapshotError(f"{_VCPU}: msrs: {error}") from None
    for name, end in numbers.items():
        setattr(state, name, _number(_VCPU, name, fields[name], end))
    return state


def _content(name: str, content: object) -> bytes:
    if not isinstance(content, bytes):
        raise SnapshotError(f"{_VCPU}: {name} should be bytes")
    return content


def _number(schema: str, name: str, value: object, end: int) -> int:
    if type(value) is not int or not 0 <= value < end:
        raise SnapshotError(f"{schema}: {name} cannot be {value!r}")
    return value


def _struct(kind: str, content: object, name: str) -> CData:
    struct = ffi.new(f"{kind} *")
    if len(_content(name, content)) != ffi.sizeof(kind):
        raise SnapshotError(f"{_VCPU}: {name} has not the {ffi.sizeof(kind)} bytes of a {kind}")
    ffi.buffer(struct)[:] = content
    return struct


def _xsave(content: object, size_here: int) -> CData:
    """At least as large as KVM reads it here, whatever the file says."""
    data = _content("xsave", content)
    if not ffi.sizeof("struct kvm_xsave") <= len(data) <= _MOST_XSAVE or len(data) % 4:
        raise SnapshotError(f"{_VCPU}: xsave cannot have {len(data)} bytes")
    xsave = new_xsave(max(len(data), size_here))
    ffi.buffer(xsave, len(data))[:] = data
    return xsave


def _nested(content: object) -> CData:
    data = _content("nested", content)
    if not ffi.sizeof("struct kvm_nested_state") <= len(data) <= _MOST_NESTED:
        raise SnapshotError(f"{_VCPU}: nested cannot have {len(data)} bytes")
    memory = ffi.new("char[]", data)
    state = ffi.cast("struct kvm_nested_state *", memory)
    if state.size != len(data):
        raise SnapshotError(f"{_VCPU}: nested says {state.size} bytes and has {len(data)}")
    return ffi.gc(state, lambda _: memory)  # the destructor holds the memory that the struct lies in


def _cpuid(content: object) -> CData:
    data = _content("cpuid", content)
    count, over = divmod(len(data), _ENTRY)
    if over or count > _MOST_CPUID:
        raise SnapshotError(f"{_VCPU}: cpuid cannot have {len(data)} bytes")
    cpuid = ffi.new("struct kvm_cpuid2 *", {"entries": count})
    cpuid.nent = count
    ffi.buffer(cpuid.entries, len(data))[:] = data
    return cpuid


def registers_in(saved: State) -> list[dict[str, Any]]:
    """For a reader: of each vCPU the general registers, cr0 to cr4, "mode" in words, and what it "is" doing.
    SnapshotError as of from_state."""
    fields = saved.expect(SCHEMA, VERSION, _FIELDS)
    if not isinstance(fields["vcpus"], list) or not all(isinstance(vcpu, State) for vcpu in fields["vcpus"]):
        raise SnapshotError(f"{SCHEMA}: vcpus should be a list of states")
    return [_registers(vcpu.fields) for vcpu in fields["vcpus"]]


def _registers(fields: dict[str, Any]) -> dict[str, Any]:
    regs, sregs = (_struct(_STRUCTS[name], fields.get(name), name) for name in ("regs", "sregs"))
    control = {name: int(getattr(sregs, name)) for name in ("cr0", "cr2", "cr3", "cr4", "efer")}
    mode = mode_in_words(control["cr0"], control["cr4"], control["efer"], sregs.cs, sregs.ss.dpl, regs.rflags)
    return {
        "mode": mode,
        "is": _DOING.get(fields.get("mp_state", -1), "in a state not known here"),
        **{name: int(getattr(regs, name)) for name in FILE64},
        **control,
    }


_DOING = {
    lib.KVM_MP_STATE_RUNNABLE: "running",
    lib.KVM_MP_STATE_HALTED: "halted",
    lib.KVM_MP_STATE_UNINITIALIZED: "not started",
    lib.KVM_MP_STATE_INIT_RECEIVED: "waiting for its start-up message",
    lib.KVM_MP_STATE_SIPI_RECEIVED: "starting",
}
