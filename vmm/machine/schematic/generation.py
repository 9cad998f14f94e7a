"""An extra sheet, with tables of ours: the bytes by which a guest learns that it is a copy."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..board import Board

CHIP = "generation-id"


def place(board: Board, first: bytes | None) -> None:
    """Plugs it in, with `first` for the 16 bytes, or those in memory. It has no ports: the chip is made at once."""
    from ...devices.generation_id import GenerationId

    def signal() -> None:
        board.device("acpi-pm").signal(layout.GENERATION_EVENT)

    board.socket(CHIP, lambda: GenerationId(board.memory, layout.GENERATION_ID, first, signal)).chip  # noqa: B018


def place_of(board: Board) -> tuple[int, int] | None:
    """(address of the bytes, event) for the tables, where it is plugged in."""
    return (layout.GENERATION_ID, layout.GENERATION_EVENT) if board.has_made(CHIP) else None
