"""One stretch of a machine's life between start and end: what its vCPU threads share.

A run ends once: the first to say so wins, all vCPUs are kicked, and each thread finds is_running false.
"""

from __future__ import annotations

from . import outcome
from .config import WITH_LOCAL_APICS
from .outcome import MOMENT, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..bus.timers import Timers
    from ..engine.protocol import Vcpu


class _NoLock:
    """For machines whose devices are reached by one thread only."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_NO_LOCK = _NoLock()


class Run:
    """The shared state of the vCPU threads."""

    deadline: int | None = None
    """When the run ends by itself, in the host's monotonic nanoseconds."""
    is_running = False
    outcome: Outcome | None = None
    panic = ""
    """What the guest's kernel said of its panic, once it did; over pauses too."""
    _is_serving = False

    def __init__(
        self, vcpus: Sequence[Vcpu], timers: Timers, irqchip: str, host_clock: Callable[[], int], lock: object = None
    ) -> None:
        self.vcpus = vcpus
        self.timers = timers
        self.irqchip = irqchip
        self.kernel_halts = irqchip in WITH_LOCAL_APICS
        """Whether a vCPU in HLT sleeps in the kernel."""
        self.host_clock = host_clock
        self.lock = lock or _NO_LOCK
        self._jobs: list[Callable[[], None]] = []
        self._asleep: set[int] = set()
        self._surely_asleep: set[int] = set()
        self._verdicts: list[Outcome] = []
        self.halted: dict[int, bool] = {}
        """vCPUs that stand at a HLT which came to us, each with whether its interrupts are on; over pauses too."""
        self.drivers: dict[int, Vcpu] = {}
        """Which vCPU a thread runs, by the thread's ident."""

    def begin(self, deadline: int | None) -> None:
        """Before the first thread drives."""
        self.deadline = deadline
        self.outcome = None
        self._verdicts = []
        self._asleep.clear()
        self._surely_asleep.clear()
        self.is_running = True
        for vcpu in self.vcpus:
            vcpu.clear_stop()

    def begin_again(self, deadline: int | None) -> bool:
        """After a moment of stillness (stillness.py): the same run goes on, unless somebody has ended it meanwhile."""
        verdicts = self._verdicts
        if self.outcome is not MOMENT and self.outcome is not None:
            return False
        self.begin(deadline)
        for verdict in verdicts:  # one that came while begin() looked away
            if verdict is not MOMENT:
                self.end(verdict)
        return True

    def end(self, verdict: Outcome) -> None:
        """Ends the run with `verdict`, unless it has one already: a moment of stillness is none, and a pause gives way
        to an end that the guest comes to meanwhile. Any thread."""
        if self.is_running or self.outcome is MOMENT:
            if self.panic and verdict.kind in outcome.LAST_OF_A_PANIC:
                verdict = outcome.panic(self.panic)
            self._verdicts.append(verdict)  # two threads may be here: the first in the list wins
            for verdict in self._verdicts:
                if verdict is not MOMENT:
                    break
            self.outcome = verdict
            self.is_running = False
        elif self.outcome is not None and self.outcome.kind in outcome.PAUSES and verdict.kind not in outcome.RESUMABLE:
            self.outcome = verdict  # the guest was at its end already: run on, it would go past that
        for vcpu in self.vcpus:
            vcpu.kick(stop=True)

    def post(self, job: Callable[[], None]) -> None:
        """Has `job` done soon by vCPU 0's thread, between two exits; while paused, when the run goes on. Any thread."""
        self._jobs.append(job)
        self.vcpus[0].kick()

    def do_posted(self) -> None:
        """What was posted by now, for a machine that stands still; what those jobs post waits."""
        with self.lock:  # type: ignore[attr-defined]
            for _ in range(len(self._jobs)):
                self._jobs.pop(0)()

    def give_away(self, verdict: Outcome) -> None:
        """While nothing runs: the last word on this run, whatever was said before."""
        self._verdicts = [verdict]
        self.outcome = verdict

    def forget(self) -> None:
        """Another machine's past comes in place of this one's: no outcome, nobody halted, nothing posted."""
        self.outcome = None
        self._verdicts = []
        self.panic = ""
        self.halted.clear()
        self._jobs.clear()

    def rearm(self) -> None:
        """An alarm was set that rings before all others: vCPU 0 must hear of it, unless it is about to look anyway."""
        if not self._is_serving:
            self.vcpus[0].kick()

    def do_due(self) -> int:
        """Posted jobs, alarms, the deadline; when to do so again, in host nanoseconds, or 0. vCPU 0's thread alone."""
        if self.deadline is None and not self._jobs and not self.timers.has_alarms:
            return 0  # whoever brings one later kicks
        with self.lock:  # type: ignore[attr-defined]
            self._is_serving = True
            try:
                while self._jobs and self.is_running and not self._is_late():  # a job may post another, for ever
                    self._jobs.pop(0)()
                self.timers.run_due()
            finally:
                self._is_serving = False
            next_alarm = self.timers.next_host_deadline()
        deadline = self.deadline
        if deadline is None:
            return next_alarm or 0
        if self._is_late():
            self.end(Outcome(kind=outcome.DEADLINE, words="the deadline passed before the guest ended"))
        return deadline if next_alarm is None or deadline < next_alarm else next_alarm

    def _is_late(self) -> bool:
        return self.deadline is not None and self.host_clock() >= self.deadline

    def sleeps_for_good(self, vcpu: int, asleep: bool, interrupts: bool = False) -> None:
        """Notes whether a vCPU waits for what cannot come; when all do, that is the end.

        With the controllers in the kernel one vCPU may wake another behind our back: what was noted before the last
        one fell asleep may be out of date, and is asked for again.
        """
        (self._asleep.add if asleep else self._asleep.discard)(vcpu)
        if len(self._asleep) < len(self.vcpus):
            self._surely_asleep.clear()
            return
        self._surely_asleep.add(vcpu)
        if not self.kernel_halts or len(self._surely_asleep) == len(self.vcpus):
            why = "with interrupts on, but nothing here can send one" if interrupts else "with interrupts off, for good"
            self.end(Outcome(kind=outcome.HALTED, words=f"the guest halted {why}", vcpu=vcpu))
