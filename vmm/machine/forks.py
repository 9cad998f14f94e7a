"""Copies of a machine that share its memory, and the way back to what it was."""

from __future__ import annotations

from .outcome import BREAKPOINT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Collection
    from typing import Any, Self

    from .board import Board
    from .config import Console
    from .laps import Laps
    from .outcome import Outcome
    from .run import Run
    from .saved.machine_state import MachineState
    from .saved.master import Master


class Forks:
    """The part of a Machine that makes others like it."""

    _board: Board
    _engine: Any
    _run: Run
    _turn: LockType
    vcpus: Any
    _master: Master | None = None
    """What children are made from; None once it is out of date."""
    _logged: Master | None = None
    """The master that it lies over, where every write since has been logged."""

    if TYPE_CHECKING:

        def _expect_still(self, wanted: str) -> None: ...
        def put_back(self, state: MachineState, elapsed: float = 0.0) -> None: ...
        def run(self, deadline: float | None = None) -> Outcome: ...
        def renew_identity(self, identity: bytes | None = None) -> None: ...
        def still(self, job: Callable[[], Any]) -> Any: ...

    def fork(self, *, identity: bool = False, console: Console | None = None) -> Self:
        """A child: another machine that goes on from here by itself. Both share the memory that neither has written to
        since; the first fork after a run copies what the machine has used, the others cost what a new VM does.

        With `identity` its guest is told that it is a copy (renew_identity). `console` is as in MachineConfig; by
        default the child has the master's. A device of yours is copied by copy.copy(), unless it has a method fork()
        that gives another. Disks given as files have an overlay in the child. Hooks and traces stay behind.

        A run that is on stands still for the moment; from any thread but its own. ConfigError for a disk that cannot be
        shared, HostError as the constructor's.
        """
        master = self.master()
        child = master.child(type(self), console)  # type: ignore[type-var]
        if identity:
            child.renew_identity()
        return child

    def reset_to(self, master: Forks | Master) -> int:
        """Becomes what `master` is, the machine that it was forked from or another of the same config, or what that or
        this machine was when master() was called: only the pages that were written since the last time are copied; how
        many is the answer (0 for the first time, when all of them are given back). Output, statistics and hooks stay as
        they are. After an end it may run again.

        While it does not run; a master that runs stands still for the moment. SnapshotError when the two do not fit.
        """
        self._expect_still("reset")
        wanted = master.master() if isinstance(master, Forks) else master
        log, memory = self._engine.log_writes(self._board.memory), self._board.memory
        if self._logged is wanted:
            copied: int = log.put_back(wanted.template)
        else:
            self._engine.lay_over(memory, wanted.template)
            log.forget()
            copied = 0
            self._logged = wanted
        self.put_back(wanted.state)
        return copied

    def run_to(self, *addresses: int, deadline: float | None = None) -> Outcome:
        """As run(), and the run also ends where vCPU 0 is about to execute the instruction at one of these linear
        addresses, in code that may use ports (traps.py): kind "breakpoint", `value` is the address. HostError where no
        memory is mapped at one of them now.
        """
        self._expect_still("run")
        from .traps import Traps

        traps = Traps(self._board, self._run, self.vcpus[0])
        traps.set(addresses)
        try:
            outcome = self.run(deadline)
            if outcome.kind == BREAKPOINT:
                traps.step_back(outcome.value)
        finally:
            traps.clear()
        return outcome

    def laps(
        self, master: Forks | Master, room: tuple[int, int], ends: Collection[int] = (), watched: Collection[int] = ()
    ) -> Laps:
        """A context in which this machine, of one vCPU, runs from `master` to one of `ends` (or any other end) again
        and again, with inputs at `room` (guest physical address, bytes), and tells which of the addresses `watched` it
        was the first to reach: see laps.Laps, and vmm.fuzz for what it is for. ConfigError where there is no RAM at
        `room`; errors as of reset_to() and run_to()."""
        from .laps import Laps

        self.reset_to(master)
        return Laps(self, self._board, self._run, self._engine, ends, watched, room)  # type: ignore[arg-type]

    @property
    def turn(self) -> LockType:
        """Held by the one thread that drives the machine."""
        return self._turn

    def master(self) -> Master:
        """What fork() makes children from: this machine as it stands."""
        master = self._master
        if master is None or self._board.memory.was_written():
            master = self.still(self._become_master)
        return master

    def _become_master(self) -> Master:
        self._expect_still("fork")
        from .saved.master import Master

        master = self._master = Master.of(self, self._board, self._engine)  # type: ignore[arg-type]
        self._board.memory.note_writes()
        self._board.memory.take_notes()
        return master

    def outdate(self) -> None:
        """The machine is no more what its master was."""
        self._master = None
