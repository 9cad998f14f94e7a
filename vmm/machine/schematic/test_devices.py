"""An extra sheet, with `test_devices`: an MMIO device and a pattern port for the guests in guests/."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses."""
    board.socket("test-device", _test_device).claim(board.mmio, *layout.TEST_DEVICE, width=8)
    board.socket("pattern", _pattern).claim(board.ports, *layout.PATTERN, width=4)


def _test_device() -> Any:
    from ...devices.testdev import TestDevice

    return TestDevice()


def _pattern() -> Any:
    from ...devices.testdev import PatternPort

    return PatternPort()
