"""Sheet 2, with irqchip "user" or "split": the PIC pair, the PIT and port 0x61 in Python."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board
    from ..plan import Plan


def place(plan: Plan) -> None:
    """Claims the addresses; the board takes its interrupt lines to the PIC pair."""
    pic = plan.socket("pic", _pic)
    pic.claim(plan.ports, *layout.PIC_MASTER, part=lambda chip: chip.master)
    pic.claim(plan.ports, *layout.PIC_SLAVE, part=lambda chip: chip.slave)
    pic.claim(plan.ports, *layout.PIC_ELCR, part=lambda chip: chip.elcr)
    plan.socket("pit", _pit).claim(plan.ports, *layout.PIT)
    plan.socket("port61", _port61).claim(plan.ports, *layout.SYSTEM_CONTROL_B)


def _pic(board: Board) -> Any:
    from ...devices.pic import PicPair

    return PicPair(lambda up: board.interrupt(up))


def _pit(board: Board) -> Any:
    from ...devices.pit import Pit

    return Pit(board.timers, board.line(layout.PIT_LINE))


def _port61(board: Board) -> Any:
    from ...devices.port61 import Port61

    return Port61(board.device("pit"))
