"""An extra sheet, with `pc_testdev`: what kvm-unit-tests look for: a test device, HPET, PCI, ACPI."""

from __future__ import annotations

from .. import layout
from . import pci

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
        _tables(board)


def _tables(board: Board) -> None:
    """ACPI's tables where firmware would have left them."""
    from ...boot.tables import acpi
    from .fw_cfg import hardware

    base = layout.FIRMWARE + layout.PAGE
    blob, root = acpi.placed(acpi.encode(hardware(board)), base)
    board.memory.write(layout.FIRMWARE, root)
    board.memory.write(base, blob)
    facs = base + blob.index(b"FACS")
    board.waking_vector = lambda: board.memory.read_int(facs + acpi.WAKING_VECTOR, 4)


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
