"""An extra sheet, for Linux: the port and the ear by which a kernel's panic is recognised."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the address and listens to COM1, which nobody has met yet."""
    from ...observe.panic import PanicListener

    board.socket("pvpanic", lambda: _pvpanic(board)).claim(board.ports, *layout.PVPANIC)
    listener = PanicListener(board.panic_noted, board.panicked)
    board.listeners["com1"] = listener.hear


def _pvpanic(board: Board) -> Any:
    from ...devices.pvpanic import Pvpanic

    def crash_loaded() -> None:
        if board.config.warn is not None:
            board.config.warn("the guest's kernel panicked; its crash kernel goes on")

    return Pvpanic(board.panicked, crash_loaded)
