"""What a saved machine needs of a host's KVM, and what of that is missing here."""

from __future__ import annotations

from kvm_bindings import arrays, lib
from kvm_bindings.caps import CAPABILITIES
from kvm_bindings.errors import KvmError

from ..cpu import features
from ..errors import HostError
from . import kvm_cpuid, kvm_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kvm_bindings.system import System

    from .kvm_engine import KvmEngine
    from .kvm_state import KvmState


def needs(engine: KvmEngine, state: KvmState) -> dict[str, object]:
    """CPU features by name, capabilities by KVM's name with the least answer that will do, and the TSC's kilohertz."""
    # Not what KVM does not list: bits that are the VMM's to set (ht, hypervisor) or the guest's (osxsave)
    here = set(features.names_in(kvm_cpuid.HERE.supported(engine.system)))
    shown = features.names_in(arrays.cpuid2_entries(state.vcpus[0].cpuid))
    least = {"KVM_CAP_USER_MEMORY": 1, "KVM_CAP_SYNC_REGS": 7, "KVM_CAP_VCPU_EVENTS": 1, "KVM_CAP_ADJUST_CLOCK": 1}
    if len(state.vcpus) > 1:
        least["KVM_CAP_MAX_VCPUS"] = len(state.vcpus)
    if engine.irqchip is not None:
        least |= {"KVM_CAP_IRQCHIP": 1, "KVM_CAP_PIT2": 1, "KVM_CAP_PIT_STATE2": 1}
    if engine.local_apics is not None:
        least["KVM_CAP_SPLIT_IRQCHIP"] = 1
    first = state.vcpus[0]
    if first.xsave is not None:
        least |= {"KVM_CAP_XSAVE": 1, "KVM_CAP_XCRS": 1}
    if first.debugregs is not None:
        least["KVM_CAP_DEBUGREGS"] = 1
    if any(vcpu.sregs2 is not None for vcpu in state.vcpus):
        least["KVM_CAP_SREGS2"] = 1
    if any(vcpu.nested is not None for vcpu in state.vcpus):
        least["KVM_CAP_NESTED_STATE"] = 1
    return {
        "features": [name for name in shown if name in here],
        "capabilities": least,
        "tsc_khz": first.tsc_khz,
    }


def lacking(names: Sequence[str], capabilities: Mapping[str, int], tsc_khz: int = 0) -> list[str]:
    """What of such needs this host has not, each in words; `tsc_khz` 0 leaves that question out, for which KVM may need
    a VM (lacking_clock() asks a machine's own). HostError where there is no usable KVM at all."""
    system = kvm_door.HERE.open()
    try:
        return _lacking(system, names, capabilities, tsc_khz)
    except KvmError as error:
        raise HostError(f"KVM does not say what it can do: {error}") from error
    finally:
        kvm_door.HERE.close()


def _lacking(system: System, names: Sequence[str], capabilities: Mapping[str, int], tsc_khz: int) -> list[str]:
    here = set(features.names_in(kvm_cpuid.HERE.supported(system)))
    missing = [f"the CPU feature {name}" for name in names if name not in here]
    known = {cap.name: cap for cap in CAPABILITIES}
    for name, least in capabilities.items():
        cap = known.get(name)
        answer = system.check_extension(cap.number) if cap is not None else 0
        if answer < least and not (answer & least == least and name == "KVM_CAP_SYNC_REGS"):
            words = f" ({cap.meaning})" if cap is not None else ""
            missing.append(f"{name}{words}" + (f": {answer} here, {least} needed" if answer else ""))
    if tsc_khz and not system.check_extension(lib.KVM_CAP_TSC_CONTROL):
        with system.create_vm() as vm:
            missing += _lacking_clock(vm.get_tsc_khz(), tsc_khz)
    return missing


def lacking_clock(engine: KvmEngine, tsc_khz: int) -> list[str]:
    """As lacking(), of the TSC alone, where there is a machine to ask."""
    if not tsc_khz or not engine.tsc_khz or engine.system.check_extension(lib.KVM_CAP_TSC_CONTROL):
        return []
    return _lacking_clock(engine.tsc_khz, tsc_khz)


def _lacking_clock(own: int, tsc_khz: int) -> list[str]:
    if abs(own - tsc_khz) <= tsc_khz // 1000:  # no more than calibration makes of one clock
        return []
    return [f"a TSC of {tsc_khz} kHz: it counts {own} kHz here, and KVM cannot scale it"]
