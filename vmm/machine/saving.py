"""A machine as a value, and as a file: the part of a Machine that is captured, put back, saved and restored."""

from __future__ import annotations

from ..units import SECOND
from .lifecycle import move

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from ..boot.loader import BootState
    from ..memory.guest_memory import GuestMemory
    from .board import Board
    from .config import MachineConfig
    from .run import Run
    from .saved.machine_state import MachineState
    from .saved.save import Track


class Saving:
    """The part of a Machine that outlives it."""

    _board: Board
    _engine: Any
    _run: Run
    config: MachineConfig
    boot: BootState
    marks: list[tuple[str, int]]
    state: str
    track: Track | None = None
    """What this machine was last saved as or restored from, if anything."""

    if TYPE_CHECKING:

        @property
        def memory(self) -> GuestMemory: ...
        def _expect_still(self, wanted: str) -> None: ...
        def _assemble(self, is_linux: bool, load: Callable[[Board], BootState]) -> None: ...
        def still(self, job: Callable[[], Any]) -> Any: ...
        def close(self) -> None: ...
        def outdate(self) -> None: ...

    def capture(self) -> MachineState:
        """Its state but for memory, while it does not run: registers, devices, clocks. HostError when KVM does not give
        it, StateError while it runs or after close()."""
        self._expect_still("capture")
        from .saved.capture import capture

        return capture(self._board, self._engine, self._run, self.boot)

    def put_back(self, state: MachineState, elapsed: float = 0.0) -> None:
        """Becomes what capture() gave, of this machine or another of the same config: all but memory, which is the
        caller's to bring. Its clocks go on `elapsed` seconds later. After an end it may run again.

        SnapshotError when it does not fit; StateError while it runs or after close().
        """
        self._expect_still("put a state back")
        from .saved.capture import put_back

        put_back(self._board, self._engine, self._run, state, int(elapsed * SECOND))
        self.track = None
        self.outdate()
        self.state = move(self.state, "put back")

    @classmethod
    def made_from(
        cls, state: MachineState, fill: Callable[[GuestMemory], None], elapsed: float = 0.0,
        set_up: Callable[[Self], None] | None = None,
    ) -> Self:  # fmt: skip
        """A new machine that is what capture() gave of another. `fill` brings the content of its memory. `set_up` is
        called before anything is put back: to plug in devices, to add hooks.

        Errors as of the constructor, and SnapshotError.
        """
        machine = cls.__new__(cls)
        machine.config = state.config
        machine.marks = []
        machine._assemble(state.is_linux, lambda board: state.boot)
        try:
            fill(machine.memory)
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
