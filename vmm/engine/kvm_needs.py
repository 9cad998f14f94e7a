"""What a saved machine needs of a host's KVM, and what of that is missing here."""

from __future__ import annotations

from kvm_bindings import arrays, lib
from kvm_bindings.caps import CAPABILITIES
from kvm_bindings.errors import KvmError
from kvm_bindings.system import System

from ..cpu import features
from ..errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .kvm_engine import KvmEngine
    from .kvm_state import KvmState


def needs(engine: KvmEngine, state: KvmState) -> dict[str, object]:
    """CPU features by name, capabilities by KVM's name with the least answer that will do, and the TSC's kilohertz."""
    # Not what KVM does not list: bits that are the VMM's to set (ht, hypervisor) or the guest's (osxsave)
    here = set(features.names_in(engine.system.get_supported_cpuid()))
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


def lacking(names: Sequence[str], capabilities: Mapping[str, int], tsc_khz: int) -> list[str]:
    """What of such needs this host has not, each in words. HostError where there is no usable KVM at all."""
    try:
        system = System()
    except OSError as error:
        from .kvm_trouble import opening

        raise opening(error) from error
    with system:
        try:
            return _lacking(system, names, capabilities, tsc_khz)
        except KvmError as error:
            raise HostError(f"KVM does not say what it can do: {error}") from error


def _lacking(system: System, names: Sequence[str], capabilities: Mapping[str, int], tsc_khz: int) -> list[str]:
    here = set(features.names_in(system.get_supported_cpuid()))
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
            own = vm.get_tsc_khz()
        if abs(own - tsc_khz) > tsc_khz // 1000:  # more than calibration makes of one clock
            missing.append(f"a TSC of {tsc_khz} kHz: it counts {own} kHz here, and KVM cannot scale it")
    return missing
