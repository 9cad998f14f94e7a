"""What the thread of one vCPU does: run, look after what came up, sleep in HLT, and end when the machine ends.

The thread of vCPU 0 is also the machine's event loop: alarms and posted jobs are done there, between two exits, so
that the devices of a one-vCPU machine need no lock. With several vCPUs the machine's lock guards every handler.
"""

from __future__ import annotations

from _thread import get_ident

from ..engine import protocol
from ..units import MILLISECOND
from . import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.protocol import Stop, Vcpu
    from .run import Run

IDLE_CHECK = 100 * MILLISECOND
"""How often a vCPU whose HLT the kernel keeps to itself is asked whether it sleeps for good."""

KINDS = {
    protocol.SHUTDOWN: outcome.SHUTDOWN,
    protocol.RESET: outcome.RESET,
    protocol.ENTRY_FAILURE: outcome.ENTRY_FAILURE,
    protocol.INTERNAL_ERROR: outcome.INTERNAL_ERROR,
    protocol.DEBUG: outcome.FAILED,
    protocol.FAILED: outcome.FAILED,
}


class VcpuThread:
    """The work of one vCPU's thread."""

    def __init__(self, run: Run, vcpu: Vcpu) -> None:
        self.run = run
        self.vcpu = vcpu
        self.is_first = vcpu.index == 0
        self.kernel_halts = run.kernel_halts
        self._next_look = 0

    def drive(self) -> None:
        """Runs the vCPU until the machine leaves the running state. Called on the vCPU's own thread, attached."""
        run, vcpu = self.run, self.vcpu
        run.drivers[get_ident()] = vcpu
        self._look_after()
        if vcpu.index in run.halted:
            self._halted(run.halted[vcpu.index])
        while run.is_running:
            stop = vcpu.run()
            if stop.reason == protocol.INTERRUPTED:
                if run.is_running:  # else it was that which interrupted
                    self._look_after()
            elif stop.reason == protocol.HALTED:
                self._halted(bool(stop.detail["interrupts"]))
            else:
                self._ended(stop)
        vcpu.set_alarm(0)
        del run.drivers[get_ident()]

    def _ended(self, stop: Stop) -> None:
        self.run.end(
            outcome.Outcome(kind=KINDS[stop.reason], words=stop.words, vcpu=self.vcpu.index, detail=dict(stop.detail))
        )

    def _look_after(self) -> None:
        """After an interruption and before each sleep: jobs and alarms that are due, the deadline, the next alarm."""
        moment = self.run.do_due() if self.is_first else 0
        if self.kernel_halts:
            look = self._look_for_sleep()
            moment = min(moment, look) if moment else look
        self.vcpu.set_alarm(moment)

    def _look_for_sleep(self) -> int:
        """With HLT in the kernel nobody tells us of a guest that sleeps with interrupts off: ask now and then."""
        now = self.run.host_clock()
        if now >= self._next_look:
            first = not self._next_look
            self._next_look = now + (IDLE_CHECK // 5 if first else IDLE_CHECK)
            if not first:
                vcpu = self.vcpu
                asleep = vcpu.is_unstarted() or (
                    vcpu.is_halted() and not vcpu.registers()["rflags"] & 0x200 and not vcpu.gets_timer_nmis()
                )
                self.run.sleeps_for_good(self.vcpu.index, asleep)
        return self._next_look

    def _halted(self, interrupts: bool) -> None:
        """HLT that came to us: no controller in the kernel. Only vCPU 0 of a "user" machine can ever wake up."""
        run, vcpu = self.run, self.vcpu
        run.halted[vcpu.index] = interrupts
        can_wake = interrupts and self.is_first and run.irqchip == "user"
        if not can_wake:
            run.sleeps_for_good(vcpu.index, True, interrupts)
        while run.is_running:
            mark = vcpu.doze_mark()
            moment = run.do_due() if self.is_first else 0
            if can_wake and vcpu.interrupt_wanted():
                del run.halted[vcpu.index]
                break
            if not run.is_running:
                break
            vcpu.doze(mark, moment)
        if self.is_first and run.is_running:
            self._look_after()
