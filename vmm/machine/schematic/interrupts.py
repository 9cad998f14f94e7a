"""Sheet 2, with irqchip "user" or "split": the PIC pair, the PIT and port 0x61 in Python."""

from __future__ import annotations

from ...later import Later
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...devices import pic, pit, port61
    from ..board import Board
    from ..plan import Plan
else:
    pic = Later("vmm.devices.pic")
    pit = Later("vmm.devices.pit")
    port61 = Later("vmm.devices.port61")


def place(plan: Plan) -> None:
    """Claims the addresses; the board takes its interrupt lines to the PIC pair."""
    pair = plan.socket("pic", _pic)
    pair.claim(plan.ports, *layout.PIC_MASTER, part=lambda chip: chip.master)
    pair.claim(plan.ports, *layout.PIC_SLAVE, part=lambda chip: chip.slave)
    pair.claim(plan.ports, *layout.PIC_ELCR, part=lambda chip: chip.elcr)
    plan.socket("pit", _pit).claim(plan.ports, *layout.PIT)
    plan.socket("port61", _port61).claim(plan.ports, *layout.SYSTEM_CONTROL_B)


def _pic(board: Board) -> Any:
    return pic.PicPair(lambda up: board.interrupt(up))


def _pit(board: Board) -> Any:
    return pit.Pit(board.timers, board.line(layout.PIT_LINE))


def _port61(board: Board) -> Any:
    return port61.Port61(board.device("pit"))
