"""Moments in which a machine that runs stands still, for what must see it whole: a snapshot, the end of a migration.

All vCPUs leave the guest and complete their accesses, as at the end of a run; then the run goes on as if nothing had
been, its deadline later by as much. Whoever called run() or wait() hears nothing of it.
"""

from __future__ import annotations

import time
from _thread import allocate_lock, get_ident

from .lifecycle import PAUSED, RUNNING
from .outcome import MOMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable
    from typing import Any

    from .crew import Crew
    from .run import Run

AGAIN = 0.05
"""Seconds after which one who waits looks whether the one that drove the machine has left."""


class Wait:
    """A job that waits for a moment."""

    def __init__(self, job: Callable[[], Any]) -> None:
        self._job = job
        self._answer: Any = None
        self._failure: BaseException | None = None
        self._done = allocate_lock()
        self._done.acquire()

    def do(self) -> None:
        """Does it, and lets the one who waits go on."""
        try:
            self._answer = self._job()
        except BaseException as error:
            self._failure = error
        self._done.release()

    def is_done(self, timeout: float) -> bool:
        """Whether it was done within `timeout` seconds; True once."""
        return self._done.acquire(timeout=timeout)

    @property
    def answer(self) -> Any:
        """What the job gave, or raises what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._answer


class Still:
    """The part of a Machine that stands still on demand."""

    _run: Run
    _crew: Crew
    _turn: LockType
    _waits: list[Wait]
    _still_for = 0
    """The thread that does jobs now."""
    state: str
    vcpus: Any

    if TYPE_CHECKING:

        def _expect_outside(self, wanted: str) -> None: ...
        def _finish(self) -> None: ...
        def _set_off(self, ends: int | None, again: bool = False) -> bool: ...

    def still(self, job: Callable[[], Any]) -> Any:
        """Has `job` done while the machine does not run, and gives what it gives; a run that is on goes on afterwards.
        Any thread but the run's own: StateError for those. A job may call it again."""
        if self._still_for == get_ident():
            return job()  # it does stand still, for this very thread
        self._expect_outside("stand still")
        wait = Wait(job)
        self._waits.append(wait)
        while True:
            if self._turn.acquire(blocking=False):
                try:
                    self._serve_here()
                finally:
                    self._turn.release()
            elif self._run.is_running:
                self._run.end(MOMENT)
            if wait.is_done(AGAIN):
                return wait.answer

    def _serve_here(self) -> None:
        """For one who has the turn and drives nothing: the machine rests, or runs on threads that nobody waits for."""
        if self.state == RUNNING:
            self._run.end(MOMENT)
            self._finish()
            if self._goes_on():
                self._crew.start(self.vcpus)
        else:
            self._do_waits()

    def _do_waits(self) -> None:
        self._still_for = get_ident()
        try:
            while self._waits:
                self._waits.pop(0).do()
        finally:
            self._still_for = 0

    def _goes_on(self) -> bool:
        """When the threads have ended: does what waits, and begins again if that was all the run ended for."""
        began = time.monotonic_ns()
        if self._waits:
            self._do_waits()
        if (self._run.outcome is not MOMENT and self._run.outcome is not None) or self.state != PAUSED:
            return False
        deadline = self._run.deadline
        return self._set_off(None if deadline is None else deadline + time.monotonic_ns() - began, again=True)
