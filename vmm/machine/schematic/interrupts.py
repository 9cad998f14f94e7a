"""Sheet 2, with irqchip "user": the PIC pair, the PIT and port 0x61 in Python. With "kernel" they are in the kernel."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses, and takes the board's interrupt lines to the PIC pair."""
    pic = board.socket("pic", lambda: _pic(board))
    pic.claim(board.ports, *layout.PIC_MASTER, part=lambda chip: chip.master)
    pic.claim(board.ports, *layout.PIC_SLAVE, part=lambda chip: chip.slave)
    pic.claim(board.ports, *layout.PIC_ELCR, part=lambda chip: chip.elcr)
    board.set_input = lambda gsi, level: pic.chip.set_input(gsi, level)
    pit = board.socket("pit", lambda: _pit(board))
    pit.claim(board.ports, *layout.PIT)
    board.socket("port61", lambda: _port61(pit.chip)).claim(board.ports, *layout.SYSTEM_CONTROL_B)


def _pic(board: Board) -> Any:
    from ...devices.pic import PicPair

    return PicPair(lambda up: board.interrupt(up))


def _pit(board: Board) -> Any:
    from ...devices.pit import Pit

    return Pit(board.timers, board.line(layout.PIT_LINE))


def _port61(pit: Any) -> Any:
    from ...devices.port61 import Port61

    return Port61(pit)
