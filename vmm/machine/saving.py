"""A machine as a value, and as a file: the part of a Machine that is captured, put back, saved and restored."""

from __future__ import annotations

from ..errors import StateError
from ..later import Later
from ..units import SECOND
from .lifecycle import ENDED, move
from .outcome import MIGRATED, MOMENT, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from ..boot.loader import BootState
    from ..memory.guest_memory import GuestMemory, Image
    from .board import Board
    from .config import MachineConfig
    from .moving.source import Moved
    from .moving.standby import Mirror
    from .run import Run
    from .saved import capture
    from .saved.machine_state import MachineState
    from .saved.save import Track
else:
    capture = Later("vmm.machine.saved.capture")


def _as_loaded(board: Board, boot: BootState, fill: Callable[[GuestMemory], None] | None) -> BootState:
    if board.is_linux:
        from .schematic.image import plug_in_again

        plug_in_again(board)
    if fill is not None:
        fill(board.memory)  # before KVM has it: to change what it has mapped costs more
    return boot


class Saving:
    """The part of a Machine that outlives it."""

    _board: Board
    _engine: Any
    _run: Run
    config: MachineConfig
    boot: BootState
    marks: list[tuple[str, int]]
    state: str
    mirrors: list[Mirror]
    """Standbys that are kept up to date."""
    track: Track | None = None
    """What this machine was last saved as or restored from, if anything."""

    if TYPE_CHECKING:

        @property
        def outcome(self) -> Outcome | None: ...
        def stop(self, words: str = ..., value: int = ...) -> None: ...
        @property
        def memory(self) -> GuestMemory: ...
        def _expect_still(self, wanted: str) -> None: ...
        def _assemble(
            self, is_linux: bool, load: Callable[[Board], BootState], large_pages: bool = ..., below: Image | None = ...
        ) -> None: ...
        def still(self, job: Callable[[], Any]) -> Any: ...
        def close(self) -> None: ...
        def outdate(self) -> None: ...

    def capture(self) -> MachineState:
        """Its state but for memory, while it does not run: registers, devices, clocks. HostError when KVM does not give
        it, StateError while it runs or after close()."""
        self._expect_still("capture")
        return capture.capture(self._board, self._engine, self._run, self.boot)

    def put_back(self, state: MachineState, elapsed: float = 0.0) -> None:
        """Becomes what capture() gave, of this machine or another of the same config: all but memory, which is the
        caller's to bring. Its clocks go on `elapsed` seconds later. After an end it may run again.

        SnapshotError when it does not fit; StateError while it runs or after close().
        """
        self._expect_still("put a state back")
        capture.put_back(self._board, self._engine, self._run, state, int(elapsed * SECOND))
        self.track = None
        self.outdate()
        self.state = move(self.state, "put back")

    @classmethod
    def made_from(
        cls, state: MachineState, fill: Callable[[GuestMemory], None] | None, elapsed: float = 0.0,
        set_up: Callable[[Self], None] | None = None, below: Image | None = None,
    ) -> Self:  # fmt: skip
        """A new machine that is what capture() gave of another. `fill` brings the content of its memory, which lies
        over `below` from the start if that is given. `set_up` is called before anything is put back: to plug in
        devices, to add hooks.

        Errors as of the constructor, and SnapshotError.
        """
        machine = cls.__new__(cls)
        machine.config = state.config
        machine.marks = []
        machine._assemble(state.is_linux, lambda board: _as_loaded(board, state.boot, fill), False, below)
        try:
            if set_up is not None:
                set_up(machine)
            machine.put_back(state, elapsed)
        except BaseException:
            machine.close()
            raise
        return machine

    def snapshot(self, path: str, track: bool = False, differential: bool = False) -> str:
        """Writes all of it to `path` and an image of its memory beside it; the snapshot's id. A run that is on stands
        still meanwhile and then goes on; from any thread but its own.

        A kill at any moment leaves the snapshot that was at `path` before, or this one. With `track` the machine notes
        from now on what is written, so that the next one can be `differential`: only what changed since the last
        snapshot(), or since restore(), which must stay where it is. ConfigError when nothing tells what changed, or the
        snapshot would take its own parent's place; HostError when it cannot be written.
        """
        from .saved.save import save

        def job() -> str:
            self._expect_still("save")
            if self.state == ENDED:
                raise StateError("save", ENDED)
            self.track = save(
                path, self.capture, self._engine, self.memory, self.track, note=track, differential=differential
            )
            return self.track.id

        return str(self.still(job))

    @classmethod
    def restore(
        cls, path: str, clock: str = "still", set_up: Callable[[Self], None] | None = None, verify: bool | None = None,
        **changes: Any,
    ) -> Self:  # fmt: skip
        """The machine that was saved at `path`, before it runs on. Its memory is mapped from the file, copy-on-write:
        what the guest does not touch is not read.

        `clock` is "still" for guest time to go on from where it stood, "on" for the time that has passed meanwhile to
        pass for the guest too. `set_up` as for made_from(). `verify` True reads all memory against its checksums, False
        never, None when the file is not as it was written (a copy). `changes` are fields of the config that are the
        host's side: console, warn, symbols, and drives whose files are elsewhere by now.

        SnapshotError for what is no snapshot of this version, damaged, or more than this host has (all of it is
        listed); ConfigError for changes that cannot be; HostError as of the constructor.
        """
        from .saved.restore import restore

        return restore(cls, path, clock, set_up, verify, changes)

    @classmethod
    def restore_from(
        cls, address: str, clock: str = "still", set_up: Callable[[Self], None] | None = None, **changes: Any
    ) -> Self:  # fmt: skip
        """The machine that `vmm snapshot serve` has at `address` (unix:PATH or tcp:HOST:PORT), before it runs on. It is
        here at once; its memory comes while it runs, what the guest waits for first, by userfaultfd. To fork, save or
        move it waits until all has come.

        Errors as restore(), and HostError where userfaultfd is not permitted or nobody serves there; over tcp: drives
        and firmware must be named by `changes`. Is the server lost before all has come, the run ends as "failed".
        """
        from .moving.served import restore_from

        return restore_from(cls, address, clock, set_up, changes)

    def _lose_memory(self, verdict: Outcome) -> None:
        """Some of its memory will never come: its run ends with that, or the next one does. Any thread."""
        self._run.end(verdict)
        self._run.post(lambda: self._run.end(verdict))

    @property
    def _is_leaving(self) -> bool:
        """Whether its run is over, or should be, and a vCPU has not come back from the guest. Any thread."""
        run = self._run
        if run.is_running:
            return run.deadline is not None and run.host_clock() > run.deadline
        return run.outcome not in (None, MOMENT) and bool(run.drivers)

    # -- moves --

    def migrate(self, address: str, downtime: float = 0.3) -> Moved:
        """Moves it to one who waits at `address` (unix:PATH or tcp:HOST:PORT, Machine.receive() or `vmm restore
        --listen`): memory while it runs on, the rest in a moment of about `downtime` seconds. From any thread but the
        run's own; run() and wait() then give the outcome "migrated".

        On any error it goes on here: SnapshotError with the other side's words, HostError for the connection. The one
        exception is a connection that falls silent in the very last step, when nobody can know: then it stands still.
        """
        from .moving.addresses import connect
        from .moving.source import migrate, source_of
        from .moving.wire import Wire

        line = Wire(connect(address))
        try:
            words = f"the machine went on at {address}"
            return migrate(source_of(self, line), downtime, lambda: self._give_away(words))
        finally:
            line.close()

    def mirror(self, address: str, every: float = 1.0, when_whole: Callable[[], None] = lambda: None) -> None:
        """Keeps a standby at `address` (Machine.stand_by() or `vmm standby`) up to date: each `every` seconds what was
        written, for which the machine stands still a moment, until its run ends. Blocks; for a thread of its own.
        `when_whole` is called each time that the standby has all of it.

        Should this process die, the standby goes on from the last that it has whole. Should the standby be lost, a
        machine that it can take for dead (tcp:) stops; else (unix:) it goes on. Errors as migrate().
        """
        from .moving.addresses import connect
        from .moving.standby import Mirror
        from .moving.wire import Wire

        line = Wire(connect(address))
        try:
            Mirror(self, line, fences=not address.startswith("unix:")).keep(every, when_whole)
        finally:
            line.close()

    @classmethod
    def receive(
        cls, address: str, set_up: Callable[[Self], None] | None = None, **changes: Any
    ) -> Self:  # fmt: skip
        """Waits at `address` for a machine that migrates, and gives it, to be run at once: it runs nowhere else by
        then. `changes` and `set_up` as of restore(); over tcp: drives and firmware must be named by `changes`.

        SnapshotError when it does not come: refused, with the list of what this host lacks, or kept by its old side.
        """
        from .moving.arrival import receive

        return receive(cls, address, set_up, changes)

    @classmethod
    def stand_by(
        cls, address: str, set_up: Callable[[Self], None] | None = None, **changes: Any
    ) -> Self | None:  # fmt: skip
        """Waits at `address` for one who mirrors a machine there, and gives the machine, to be run at once, when that
        one has died; None when it ended in order. As receive()."""
        from .moving.arrival import stand_by

        return stand_by(cls, address, set_up, changes)

    def _give_away(self, words: str) -> None:
        """While it stands still: it has ended here."""
        self._run.give_away(Outcome(kind=MIGRATED, words=words))
        self.state = move(self.state, "give away")
