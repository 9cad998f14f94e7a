"""An extra sheet, with `pc_testdev`: what kvm-unit-tests look for: a test device, HPET, PCI, ACPI."""

from __future__ import annotations

from .. import layout
from . import pci, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses."""
    for name, (start, size) in (("testdev-scratch", layout.TESTDEV_SCRATCH), ("testdev-bytes", layout.TESTDEV_BYTES)):
        board.socket(name, _storage(size)).claim(board.ports, start, size, width=4)
    board.socket("testdev-flush", lambda: _flush(board)).claim(board.ports, *layout.TESTDEV_FLUSH, width=4)
    board.socket("testdev-lines", lambda: _lines(board)).claim(board.ports, *layout.TESTDEV_LINES)
    start, size = layout.TESTDEV_MEMORY
    board.socket("testdev-memory", _storage(size)).claim(board.mmio, start, size, width=8)
    board.socket("hpet", lambda: _hpet(board)).claim(board.mmio, *layout.HPET, width=8)
    if not board.config.firmware:
        pci.place(board, lambda attributes: None)
        tables.write(board)


def _storage(size: int) -> Callable[[], Any]:
    def make() -> Any:
        from ...devices.pc_testdev import Storage

        return Storage(size)

    return make


def _flush(board: Board) -> Any:
    from ...devices.pc_testdev import Flush

    return Flush(board.memory.refault)


def _lines(board: Board) -> Any:
    from ...devices.pc_testdev import Lines

    return Lines([board.line(gsi) for gsi in range(layout.TESTDEV_LINES[1])])


def _hpet(board: Board) -> Any:
    from ...devices.hpet import Hpet

    return Hpet(board.timers.now)
