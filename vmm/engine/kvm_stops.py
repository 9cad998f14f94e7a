"""What each KVM exit that no bus answers means for the run: a Stop in words, or nothing and the guest goes on."""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.exit_reasons import INTERNAL_ERRORS, SYSTEM_EVENTS, sentence, short_name

from . import protocol
from .protocol import Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kvm_bindings._kvm import CData

EMULATION_BYTES = 15
"""The longest x86 instruction."""


def stop_for(run: CData, reason: int) -> Stop | None:
    """The answer to the exit in `run`; every reason has one, those of other architectures and future ones too."""
    answer = _ANSWERS.get(reason)
    if answer is not None:
        return answer(run)
    return Stop(
        protocol.FAILED,
        f"the guest made an exit that nothing here handles: {short_name(reason)} ({reason}): {sentence(reason)}",
        {"exit_reason": reason},
    )


def _halted(run: CData) -> Stop:
    return Stop(protocol.HALTED, "the guest halted", {"interrupts": bool(run.if_flag)})


def _shutdown(_run: CData) -> Stop:
    return Stop(protocol.SHUTDOWN, "triple fault: an exception, a fault while delivering it, and a third one")


def _entry_failure(run: CData) -> Stop:
    code = int(run.fail_entry.hardware_entry_failure_reason)
    return Stop(
        protocol.ENTRY_FAILURE,
        f"the CPU refused to enter the guest (hardware reason {code:#x}): its state is not valid for this mode",
        {"hardware_reason": code, "cpu": int(run.fail_entry.cpu)},
    )


def _internal_error(run: CData) -> Stop:
    suberror = int(run.internal.suberror)
    detail: dict[str, object] = {"suberror": suberror}
    words = INTERNAL_ERRORS.get(suberror, f"an internal error of KVM, suberror {suberror}")
    if suberror == lib.KVM_INTERNAL_ERROR_EMULATION:
        failure = run.emulation_failure
        if failure.ndata >= 1 and failure.flags & lib.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES:
            size = min(int(failure.insn_size), EMULATION_BYTES)
            detail["instruction"] = bytes(ffi.buffer(failure.insn_bytes, size))
    else:
        detail["data"] = [int(run.internal.data[at]) for at in range(min(run.internal.ndata, 16))]
    return Stop(protocol.INTERNAL_ERROR, words, detail)


def _system_event(run: CData) -> Stop:
    kind = int(run.system_event.type)
    words = SYSTEM_EVENTS.get(kind, f"system event {kind}")
    reset = kind == lib.KVM_SYSTEM_EVENT_RESET
    return Stop(protocol.RESET if reset else protocol.SHUTDOWN, words, {"event": kind})


def _debug(run: CData) -> Stop:
    arch = run.debug.arch
    detail = {"exception": int(arch.exception), "pc": int(arch.pc), "dr6": int(arch.dr6), "dr7": int(arch.dr7)}
    return Stop(protocol.DEBUG, f"debug exception {arch.exception} at {arch.pc:#x}", detail)


def _read_msr(run: CData) -> None:
    """No MSR filter is set here unless a hook was given, so this is KVM asking about one that it does not know."""
    run.msr.error = 1  # the guest takes #GP, as on a CPU without it


def _go_on(_run: CData) -> None:
    pass


_ANSWERS: dict[int, Callable[[CData], Stop | None]] = {
    lib.KVM_EXIT_HLT: _halted,
    lib.KVM_EXIT_SHUTDOWN: _shutdown,
    lib.KVM_EXIT_FAIL_ENTRY: _entry_failure,
    lib.KVM_EXIT_INTERNAL_ERROR: _internal_error,
    lib.KVM_EXIT_SYSTEM_EVENT: _system_event,
    lib.KVM_EXIT_DEBUG: _debug,
    lib.KVM_EXIT_X86_RDMSR: _read_msr,
    lib.KVM_EXIT_X86_WRMSR: _read_msr,
    lib.KVM_EXIT_INTR: _go_on,
    lib.KVM_EXIT_IRQ_WINDOW_OPEN: _go_on,
    lib.KVM_EXIT_SET_TPR: _go_on,
    lib.KVM_EXIT_TPR_ACCESS: _go_on,
    lib.KVM_EXIT_IOAPIC_EOI: _go_on,
}
