"""Takes the state of a machine that stands still, and puts one back.

The order of putting back: time, for chips set alarms in it; the disks; the chips, the interrupt controllers last,
because the others move lines while they load, and edges that never were must not stay; then the engine, whose own
controllers have the last word on the same lines, and whose vCPUs come after those.
"""

from __future__ import annotations

import time

from ...engine.protocol import ALL_PARTS
from ...errors import SnapshotError, VmmError
from ...state import State
from .. import outcome
from ..outcome import Outcome
from .machine_state import MachineState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ...boot.loader import BootState
    from ...bus.bus import Bus, Claim
    from ..board import Board
    from ..run import Run

CONTROLLERS = ("pic", "ioapic")


def capture(board: Board, engine: Any, run: Run, boot: BootState) -> MachineState:
    """The state of a machine that does not run. What was posted to it (keys, serial input) is done first, and what its
    devices have in flight."""
    board.timers.pause()  # before the first run it goes on
    run.do_posted()
    if board.virtio is not None:
        board.virtio.settle()
    return MachineState(
        config=board.config,
        is_linux=board.is_linux,
        boot=boot,
        engine=engine.save(),
        chips={name: chip.save() for name, chip in board.made.items()},
        devices={name: device.save() for name, device in _plugged_in(board).items()},
        disks={field: disk.save() for field, disk in board.drives.items()},
        guest_ns=board.timers.now(),
        wall_ns=time.time_ns(),
        halted=dict(run.halted),
        panic=run.panic,
        is_suspended=run.outcome is not None and run.outcome.kind == outcome.SUSPENDED,
    )


def put_back(
    board: Board, engine: Any, run: Run, state: MachineState, elapsed_ns: int = 0, parts: int = ALL_PARTS
) -> None:
    """Makes a machine that does not run what `state` was, memory excepted; guest time goes on `elapsed_ns` later.

    SnapshotError when it does not fit; then the machine is in no state to run.
    """
    board.timers.pause()
    board.timers.set_now(state.guest_ns + elapsed_ns)
    run.forget()
    _expect_same("drives", set(state.disks), set(board.drives))
    for field, disk in state.disks.items():
        board.drives[field].load(disk)
    _load_chips(board, state)
    plugged_in = _plugged_in(board)
    _expect_same("devices", set(state.devices), set(plugged_in))
    for name, saved in state.devices.items():
        plugged_in[name].load(saved)
    engines = engine.state_from_fields(state.engine) if isinstance(state.engine, State) else state.engine
    engine.load(engines, parts, elapsed_ns)
    run.halted.update(state.halted)
    run.panic = state.panic
    if state.is_suspended:
        run.outcome = Outcome(kind=outcome.SUSPENDED, words="the guest suspended the machine to RAM")


def _load_chips(board: Board, state: MachineState) -> None:
    unknown = [name for name in state.chips if not board.has_place_for(name)]
    if unknown:
        raise SnapshotError(f"the machine has no {', '.join(unknown)}, which the saved one had")
    for name, chip in board.made.items():
        if name not in state.chips:
            chip.reset()  # nobody had met it
    for name in sorted(state.chips, key=lambda name: name in CONTROLLERS):
        try:
            board.device(name).load(state.chips[name])
        except VmmError as error:
            raise SnapshotError(f"{name}: {error}") from error


def plugged_in(board: Board) -> Iterator[tuple[Bus, Claim]]:
    """The claims that are nobody's but the user's."""
    buses = [bus for bus in (board.ports, board.mmio) if bus.has_plugs]
    chips = {id(chip) for chip in board.made.values()} if buses else set()
    for bus in buses:
        for claim in bus.claims():
            if claim.device is not None and not board.has_place_for(claim.name) and id(claim.device) not in chips:
                yield bus, claim


def _plugged_in(board: Board) -> dict[str, Any]:
    """Devices of the user's that can be saved, by their first address: once each."""
    found: dict[str, Any] = {}
    for bus, claim in plugged_in(board):
        device = claim.device
        if _is_known(found, claim):
            continue
        if callable(getattr(device, "save", None)) and callable(getattr(device, "load", None)):
            found[f"{bus.kind} {claim.span.start:#x} {claim.name}"] = device
    return found


def _is_known(found: dict[str, Any], claim: Claim) -> bool:
    return any(device is claim.device for device in found.values())


def _expect_same(what: str, saved: set[str], here: set[str]) -> None:
    if saved != here:
        lacking = ", ".join(sorted(saved - here)) or "none"
        more = ", ".join(sorted(here - saved)) or "none"
        raise SnapshotError(f"{what}: the saved machine had others ({lacking} missing here, {more} there)")
