"""An extra sheet, with irqchip "split": the I/O APIC in Python, whose messages go to local APICs in the kernel."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses; interrupt lines lead to the PIC pair and to the I/O APIC, as on a PC."""
    socket = board.socket("ioapic", lambda: _io_apic(board))
    socket.claim(board.mmio, layout.IO_APIC, layout.PAGE, width=4)

    def set_input(gsi: int, level: bool) -> None:
        board.device("pic").set_input(gsi, level)
        board.device("ioapic").set_input(gsi, level)

    board.set_input = set_input


def _io_apic(board: Board) -> Any:
    from ...devices.ioapic import IoApic

    return IoApic(
        lambda address, data: board.send_message(address, data), lambda messages: board.watch_messages(messages)
    )
