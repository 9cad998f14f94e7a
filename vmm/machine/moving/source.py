"""The side that a machine leaves: memory first while it runs on, then the rest while it stands still.

Pre-copy: all pages, then again and again those written meanwhile, until what is left takes no longer to send than the
machine may stand still. Who has the machine is decided by one message: until the other side has said TAKEN it is ours,
and it goes on here whatever fails. When the connection is silent after we have said GO, nobody can know; then it stays
still, and that is said.
"""

from __future__ import annotations

import struct
import time
from contextlib import suppress

from ...errors import HostError, SnapshotError, StateError, VmmError
from ...memory import pages
from ...memory.pages import PAGE
from ...records import Record
from ...units import SECOND
from ..lifecycle import ENDED
from ..saved.snapshot import SavedMemory, Snapshot
from . import wire
from .wire import Gone, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ...engine.protocol import DirtyLog
    from ...memory.guest_memory import GuestMemory
    from ...memory.pages import Run
    from ..saved.machine_state import MachineState
    from ..saving import Saving

    Look = tuple[MachineState, dict[str, Any]]
    """(state, needs), as capture_whole() takes them."""

MOST_ROUNDS = 30
"""After so many a guest writes faster than the line carries: it is stopped anyway."""
WIRE_ID = "0" * 16


class Moved(Record):
    """How a move went."""

    rounds: int
    """How often memory was sent while the machine ran."""
    sent: int
    """Bytes."""
    still_ns: int
    """How long the machine stood still before the other side had it."""


class Uncertain(HostError):
    """The connection went silent after GO: the machine may run there, so it does not here."""


class Source:
    """One machine's way to one other side. `still` is Machine.still; `look` gives the state of a still machine."""

    def __init__(
        self, line: Wire, memory: GuestMemory, still: Callable[[Callable[[], Any]], Any], look: Callable[[], Look],
        log: Callable[[], DirtyLog],
    ) -> None:  # fmt: skip
        self.line = line
        self._memory = memory
        self.still = still
        self._look = look
        self._start_log = log
        self._log: DirtyLog | None = None
        self.starts = [sum(map(len, memory.mappings[:at])) for at in range(len(memory.mappings))]
        """Where each mapping begins among the bytes that are sent."""

    def greet(self) -> None:
        """Says what the machine needs and hears whether the other side has it. SnapshotError with its words if not."""
        self.line.greet()
        state, needs = self.still(self._begin)
        self.line.send(wire.HELLO, self._document(state, needs))
        self.line.receive(wire.YES)

    def _begin(self) -> Look:
        self._log = self._start_log()
        self._log.forget()
        return self._look()

    def _document(self, state: MachineState, needs: dict[str, Any]) -> bytes:
        sizes = tuple(map(len, self._memory.mappings))
        memory = SavedMemory(id=WIRE_ID, file="wire", sizes=sizes, runs=(), stamp=(0, 0))
        return Snapshot(id=WIRE_ID, host={}, needs=needs, parent=None, state=state, memory=memory).to_bytes()

    def send_all(self) -> None:
        """All memory that holds something, as it is by now."""
        below = self._memory.below
        for at, mapping in enumerate(self._memory.mappings):
            used = pages.own_runs(mapping)
            if below is not None:
                used = pages.united(used, pages.data_runs(below.fd, below.offsets[at], len(mapping)))
            self._send_runs(at, pages.without_zeroes(mapping, used))

    def written(self) -> list[list[Run]]:
        """What was written since it was last asked; while the machine stands still."""
        assert self._log is not None
        found = []
        for mapping, numbers in zip(self._memory.mappings, self._log.pages(), strict=True):
            marks = bytearray(len(mapping) // PAGE)
            for number in numbers:
                marks[number] = 1
            found.append(pages.marked_runs(marks))
        return found

    def send(self, wanted: list[list[Run]]) -> None:
        """Those runs of each mapping, zeroes too."""
        for at, runs in enumerate(wanted):
            self._send_runs(at, pages.in_pieces(runs))

    def _send_runs(self, at: int, runs: Iterator[Run]) -> None:
        with memoryview(self._memory.mappings[at]) as view:
            for offset, size in runs:
                # a copy: while the machine runs a page may change between its checksum and its sending
                place = struct.pack("<Q", self.starts[at] + offset)
                self.line.send(wire.PAGES, place, bytes(view[offset : offset + size]))

    def send_state(self) -> None:
        """What goes with the memory that was sent; while the machine stands still."""
        self.line.send(wire.STATE, self.state())

    def state(self) -> bytes:
        """The same as bytes."""
        return self._document(*self._look())

    def hand_over(self) -> None:
        """The last word, while the machine stands still: when this returns it is the other side's. Uncertain when
        nobody can know; any other error means that it is still ours."""
        self.line.receive(wire.YES)  # it stands ready there
        self.line.send(wire.GO)
        try:
            self.line.receive(wire.TAKEN)
        except Gone as error:
            raise SnapshotError(f"it was not taken: {error}") from error
        except HostError as error:
            raise Uncertain(f"the machine may run at the other side: {error.trouble}", "see there") from error


def source_of(machine: Saving, line: Wire) -> Source:
    """One machine's."""
    engine, memory = machine._engine, machine.memory

    def look() -> Look:
        if machine.state == ENDED:
            raise StateError("move", ENDED)
        state = machine.capture()
        return state.replace(engine=engine.state_to_fields(state.engine)), engine.needs(state.engine)

    return Source(line, memory, machine.still, look, lambda: engine.log_writes(memory))


def migrate(source: Source, downtime: float, give_away: Callable[[], None]) -> Moved:
    """Moves the machine; it stands still for about `downtime` seconds at most, if the line is fast enough. `give_away`
    ends it here. On an error it runs on here, but for Uncertain."""
    source.greet()
    began, line = time.monotonic_ns(), source.line
    source.send_all()
    rounds = 1
    while True:
        speed = max(line.sent / max(time.monotonic_ns() - began, 1), 1e-6)  # bytes a nanosecond
        left = source.still(source.written)
        size = sum(length for runs in left for _, length in runs)
        if size / speed <= downtime * SECOND / 2 or rounds >= MOST_ROUNDS:
            break
        source.send(left)
        rounds += 1
    still_since = 0

    def finish() -> None:
        nonlocal still_since
        still_since = time.monotonic_ns()
        now = source.written()
        source.send([pages.united(one, other) for one, other in zip(left, now, strict=True)])
        source.send_state()
        source.hand_over()
        give_away()

    try:
        source.still(finish)
    except Uncertain:
        raise
    except VmmError:
        with suppress(VmmError):  # nobody is there to hear it
            line.send(wire.STAY)
        raise
    return Moved(rounds=rounds, sent=line.sent, still_ns=time.monotonic_ns() - still_since)
