"""An extra sheet, for PCs: machines that start from a drive or a firmware, or that ask for a `display`.

Other machines have the video memory alone, which is plain memory: claims cost a tiny guest time, and it needs none of
these registers to show text.
"""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses, for colour and for monochrome: what drives the one drives the other here."""
    vga = board.socket("vga", lambda: _vga(board))
    vga.claim(board.ports, *layout.VGA_REGISTERS, part=lambda chip: chip.registers)
    for span in layout.VGA_CRTC:
        vga.claim(board.ports, *span, part=lambda chip: chip.crtc)
    for span in layout.VGA_STATUS:
        vga.claim(board.ports, *span, part=lambda chip: chip.status)


def _vga(board: Board) -> Any:
    from ...devices.vga_text import VgaText

    return VgaText(board.timers.now)
