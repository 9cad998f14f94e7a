"""The harness: bytes in, a result out, ten thousand times a second and more.

A result says how the guest ended and which of the watched addresses it was the first to reach: what a fuzzer such as
atheris, or a loop of one's own, steers by. Not modelled: guests of several vCPUs, and choosing inputs.
"""

from __future__ import annotations

from ..errors import ConfigError, StateError
from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

    from ..machine.laps import Laps
    from ..machine.machine import Machine

    Point = int | str
    """A linear address, or the name of a symbol of the guest's."""

GOOD = frozenset(("breakpoint", "debug-exit", "halted", "power-off"))
"""Kinds of outcome that are no crash."""
FUNCTIONS = "functions"


class Result(Record):
    """What one input did."""

    kind: str
    """The kind of the Outcome: "breakpoint" at an end; "shutdown" is a triple fault; "deadline" a guest that hangs."""
    words: str
    """The same in a sentence."""
    value: int
    """The address of the end, or what the guest wrote to the debug-exit port."""
    reached: tuple[int, ...]
    """Watched addresses that no input has reached before."""

    @property
    def is_crash(self) -> bool:
        """Whether the guest did not end as a guest should: it crashed, hung, or did what nothing handles."""
        return self.kind not in GOOD

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


class Crash(Exception):
    """An input that made the guest crash; `result` is what it did."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result))
        self.result = result


class Harness:
    """Makes run(data) of a machine. Inside a `with`, for `run` is of the thread that entered it."""

    def __init__(
        self, machine: Machine, *, input: int, room: int, start: Point | None = None,
        end: Point | Iterable[Point] = (), length: int | str | None = None, timeout: float = 1.0,
        watch: str | Iterable[Point] = (), patience: float = 10.0,
    ) -> None:  # fmt: skip
        """The guest physical address `input` has `room` bytes for what run() is given. Before the first one the machine
        runs to `start` (for `patience` seconds at most), or stays where it is; each run begins there. It ends at `end`,
        one address or several, or where the guest's run ends by itself, such as by the debug-exit port.

        `length` is where the guest finds the input's length: the name of a register, or a guest physical address of 8
        bytes. A guest that has not ended after `timeout` seconds hangs. `watch` are addresses whose first visit is
        told, "functions" for all that the guest's symbols name.

        Points are in code that may use ports: ring 0, or ring 3 with IOPL 3 (machine/traps.py). The harness works on a
        fork: `machine` stays at `start`. ConfigError for names and addresses that are not there,
        StateError when the guest does not come to `start`; errors as of fork().
        """
        if room <= 0:
            raise ConfigError.of("room", f"an input needs some, not {room}")
        self._input, self._room, self._timeout = input, room, timeout
        if start is not None:
            outcome = machine.run_to(address(machine, start), deadline=patience)
            if outcome.kind != "breakpoint":
                raise StateError(f"start at {start if isinstance(start, str) else hex(start)}", str(outcome))
        self._length = length
        if isinstance(length, str) and length not in machine.registers():
            raise ConfigError.of("length", f"{length!r} is no register, there are {', '.join(machine.registers())}")
        points = [end] if isinstance(end, (int, str)) else list(end)
        self._ends = frozenset(address(machine, point) for point in points)
        watched = machine.functions().values() if watch == FUNCTIONS else watch
        self._watched = frozenset(address(machine, point) for point in watched)
        self.runs = 0
        """Inputs tried."""
        self.reached: set[int] = set()
        """Watched addresses that some input has reached."""
        self._laps: Laps | None = None
        self._machine = machine
        self._child: Machine | None = None

    def __enter__(self) -> Self:
        child = self._child = self._machine.fork(console="none")
        try:
            room = (self._input, self._room)
            self._laps = child.laps(self._machine, room, self._ends, self._watched - self.reached)
            self._laps.__enter__()
        except BaseException:
            child.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        laps, child = self._laps, self._child
        self._laps = self._child = None
        if laps is not None:
            laps.__exit__()
        if child is not None:
            child.close()

    def run(self, data: bytes) -> Result:
        """Runs the guest with `data`, as far as there is room, and puts all back."""
        laps = self._laps
        if laps is None:
            raise StateError("run an input", "outside of its with")
        data = data[: self._room]
        laps.write_input(data)
        if self._length is not None:
            self._tell_length(len(data))
        outcome = laps.lap(self._timeout)
        laps.back()
        self.runs += 1
        reached = tuple(laps.reached)
        self.reached.update(reached)
        return Result(kind=outcome.kind, words=outcome.words, value=outcome.value, reached=reached)

    def _tell_length(self, size: int) -> None:
        child: Any = self._child
        if isinstance(self._length, str):
            child.vcpus[0].set_registers({self._length: size})
        else:
            child.memory.write_int(self._length, 8, size)

    def __call__(self, data: bytes) -> None:
        """run() for fuzzers that want an exception: Crash when the guest does not end as it should."""
        result = self.run(data)
        if result.is_crash:
            raise Crash(result)


def address(machine: Machine, point: Point) -> int:
    """The linear address of a point. ConfigError for a name that no symbol has."""
    if isinstance(point, int):
        return point
    functions = machine.functions()
    if point not in functions:
        from ..errors import nearest

        raise ConfigError.of("symbol", f"no symbol {point!r}{nearest(point, sorted(functions))}")
    return functions[point]
