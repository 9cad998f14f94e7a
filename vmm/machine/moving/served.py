"""Makes a machine from a snapshot that a page server has: state at once, memory while it runs."""

from __future__ import annotations

import time

from ...engine.kvm_userfault import Userfault
from ...errors import ConfigError, HostError, SnapshotError
from ...units import SECOND
from ..outcome import FAILED, Outcome
from ..saved.restore import CLOCKS, expect_same_files, missing_here
from . import wire
from .addresses import connect
from .destination import MOST_MEMORY, Destination
from .page_server import unpacked
from .pager import Pager
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ...memory.guest_memory import GuestMemory
    from ..saved.snapshot import Snapshot
    from ..saving import Saving

    M = TypeVar("M", bound=Saving)


def restore_from(
    kind: type[M], address: str, clock: str, set_up: Callable[[M], None] | None, changes: dict[str, Any]
) -> M:
    """See Machine.restore_from()."""
    if clock not in CLOCKS:
        raise ConfigError.of("clock", f'"still" or "on", not {clock!r}')
    Destination.check(changes)
    line = Wire(connect(address, "serves a snapshot"))
    pagers: list[Pager] = []
    try:
        line.greet(wire.PAGES_MAGIC)
        _, content = line.receive(wire.HELLO)
        snapshot = Destination(line, changes, is_known=address.startswith("unix:")).read(content)
        _expect_possible(snapshot)
        size = snapshot.memory.size
        runs = unpacked(line.receive(wire.RUNS)[1], size)
        touched = unpacked(line.receive(wire.RUNS)[1], size)
        machines: list[M] = []
        elapsed = max(time.time_ns() - snapshot.state.wall_ns, 0) / SECOND if clock == "on" else 0.0

        def lost(why: str) -> None:
            for machine in machines:
                machine._lose_memory(Outcome(kind=FAILED, words=f"not all of its memory came from {address}: {why}"))

        def fill(memory: GuestMemory) -> None:
            if tuple(map(len, memory.mappings)) != snapshot.memory.sizes:
                raise SnapshotError("a machine of this config has memory of other sizes here")
            if memory.is_shared:
                raise ConfigError.of("", "other processes share this machine's memory: it must come as a whole")
            fault, order = Userfault(memory.mappings), [*touched, *runs]
            pager = Pager(line, fault, size, runs, order, lost, lambda: any(each._is_leaving for each in machines))
            pagers.append(pager)
            memory.arriving, memory.stop_arriving = pager.arriving, pager.stop

        def prepare(machine: M) -> None:
            machines.append(machine)
            expect_same_files(machine, snapshot, changes)
            if set_up is not None:
                set_up(machine)

        machine = kind.made_from(snapshot.state, fill, elapsed, prepare)
        if pagers[0].arriving.lost:
            machine.close()
            raise HostError(pagers[0].arriving.lost)
        return machine
    except BaseException:
        for pager in pagers:
            pager.stop()
        line.close()
        raise


def _expect_possible(snapshot: Snapshot) -> None:
    missing = missing_here(snapshot)
    if missing:
        raise SnapshotError(f"it needs what this host has not: {'; '.join(missing)}")
    if not 0 < snapshot.memory.size <= MOST_MEMORY:
        raise SnapshotError(f"{snapshot.memory.size} bytes of memory are too many")
