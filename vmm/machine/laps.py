"""A machine of one vCPU that runs from one moment to an end, is put back, and runs again: a fuzzer's loop.

The thread is attached once, and the way back is the engine's quick one (protocol.Laps) unless chips have changed too.
"""

from __future__ import annotations

import time

from ..engine import protocol
from ..errors import ConfigError, StateError
from ..units import SECOND
from . import outcome
from .outcome import Outcome
from .traps import Traps
from .vcpu_thread import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Self

    from .board import Board
    from .machine import Machine
    from .run import Run


class Laps:
    """What Machine.laps() gives. Inside its `with` the machine is nobody else's, and stands still between laps."""

    def __init__(
        self, machine: Machine, board: Board, run: Run, engine: Any, ends: Collection[int], watched: Collection[int],
        room: tuple[int, int],
    ) -> None:  # fmt: skip
        if len(machine.vcpus) != 1:
            raise ConfigError.of("vcpus", f"laps are for machines of one vCPU, not {len(machine.vcpus)}")
        self._machine, self._run, self._vcpu = machine, run, machine.vcpus[0]
        if not machine.memory.is_writable(*room):
            raise ConfigError.of("input", f"{room[1]} bytes at {room[0]:#x} are not in the guest's RAM")
        self._board, self._engine, self._room = board, engine, room
        self._ends, self._watched = frozenset(ends), frozenset(watched) - frozenset(ends)
        self._traps = Traps(board, run, self._vcpu)
        self._traps.set(self._ends | self._watched)
        try:
            self._master = machine.master()  # with the traps in its code: a page that is put back has them
            machine.reset_to(self._master)
        except BaseException:
            self._traps.clear()
            raise
        self._unreached = set(self._watched)
        self._quick: Any = None
        self._input: memoryview | None = None
        self._alarm = 0
        self._before = self._stops = 0
        self.reached: list[int] = []
        """Watched addresses that the last lap was the first to reach."""
        self.copied = 0
        """Pages put back so far, those of the quick way apart."""

    def __enter__(self) -> Self:
        if not self._machine.turn.acquire(blocking=False):
            raise StateError("run laps", self._machine.state)
        try:
            memory, master = self._machine.memory, self._master
            if self._board.virtio is None:  # whose devices change without an exit
                self._quick = self._engine.laps(memory, master.template, master.state.engine)
            if self._quick is not None:
                self._input = self._quick.always(*self._room)
            self._vcpu.attach()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._vcpu.detach()
        self._let_go()

    def _let_go(self) -> None:
        self._traps.clear()
        if self._input is not None:
            self._input.release()
        if self._quick is not None:
            self._quick.close()
        self._input = self._quick = None
        self._machine.turn.release()

    def write_input(self, data: bytes) -> None:
        """Puts `data` into the room for input, until the machine is put back. No more than there is room."""
        if self._input is None:
            self._machine.memory.write(self._room[0], data)
        else:
            self._input[: len(data)] = data

    def lap(self, seconds: float) -> Outcome:
        """Runs to an end: one of `ends` (kind "breakpoint"), or what else ends a run; "deadline" after `seconds`, or up
        to as much later again. Then back() before the next lap."""
        run, vcpu = self._run, self._vcpu
        self.reached = []
        self._stops = 0
        self._before = vcpu.exit_total
        run.begin(None)
        now = time.monotonic_ns()
        deadline = now + int(seconds * SECOND)
        if not deadline <= self._alarm <= deadline + int(seconds * SECOND):
            self._alarm = deadline + int(seconds * SECOND) // 2
            vcpu.set_alarm(self._alarm)
        if self._board.virtio is not None:
            self._board.virtio.resume(self._engine)
        try:
            while True:
                stop = vcpu.run()
                if stop.reason == protocol.INTERRUPTED:
                    if run.is_running:
                        run.do_due()
                        if run.is_running and time.monotonic_ns() >= deadline:
                            return Outcome(kind=outcome.DEADLINE, words=f"no end within {seconds:g} s")
                    if run.outcome is not None:
                        if not self._is_on_the_way(run.outcome):
                            return run.outcome
                        run.begin(None)
                        continue
                    self._alarm = 0
                    vcpu.set_alarm(deadline)
                elif stop.reason == protocol.HALTED:
                    return Outcome(kind=outcome.HALTED, words="the guest halted")
                else:
                    return Outcome(kind=KINDS[stop.reason], words=stop.words, detail=dict(stop.detail))
        finally:
            run.is_running = False
            if self._board.virtio is not None:
                self._board.virtio.pause()

    def _is_on_the_way(self, end: Outcome) -> bool:
        """Whether it is no end but a watched address, at which the guest then goes on."""
        if end.kind != outcome.BREAKPOINT or end.value not in self._watched:
            return False
        self._traps.remove(end.value)
        self._traps.step_back(end.value)
        self._stops += 1
        if end.value in self._unreached:
            self._unreached.discard(end.value)
            self.reached.append(end.value)
        return True

    def back(self) -> None:
        """The machine is what the master was, but for its clocks, output and statistics."""
        exits = self._vcpu.exit_total - self._before - self._stops
        if self._quick is not None and exits <= 1 and not self._machine.memory.was_written():
            self._quick.back()
        else:
            self.copied += self._machine.reset_to(self._master)
