"""An interrupt that KVM was given and has not begun to deliver, where the local APICs alone are the kernel's.

KVM keeps it in a place of its own that no state shows (arch/x86/kvm/x86.c, pending_external_vector). An entry with a
signal pending takes it in among the events, which the state has, and runs no instruction.
"""

from __future__ import annotations

from _thread import get_ident

from kvm_bindings import lib
from kvm_bindings.errors import KvmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings.vcpu import Vcpu as BoundVcpu

    from .kvm_vcpu import KvmVcpu


def settle(vcpu: KvmVcpu) -> None:
    """Makes such an interrupt one of the vCPU's events. The vCPU has no access under way."""
    if not vcpu.has_queued:
        return
    vcpu.has_queued = False
    from signal import SIG_BLOCK, SIG_SETMASK, pthread_kill, pthread_sigmask, sigtimedwait

    number = int(lib.step_signal())
    before = pthread_sigmask(SIG_BLOCK, [number])
    vcpu.fd.set_signal_mask(())
    try:
        pthread_kill(get_ident(), number)
        while _is_entered(vcpu.fd):
            hook = vcpu.hooks.get(vcpu.fd.run.exit_reason)
            if hook is not None:  # the end of an interrupt, told now
                hook(vcpu.fd.run)
        sigtimedwait([number], 0)
    finally:
        vcpu.fd.set_signal_mask(None)
        pthread_sigmask(SIG_SETMASK, before)


def _is_entered(fd: BoundVcpu) -> bool:
    """Enters; whether it came back with an exit."""
    try:
        fd.run_once()
    except KvmError as error:
        if error.errno_name == "EINTR":
            return False
        raise
    return True
