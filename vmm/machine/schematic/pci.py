"""An extra sheet, with `firmware` or `pc_testdev`: PCI's configuration ports, the chipset with its power management."""

from __future__ import annotations

from .. import layout
from . import power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..board import Board


def place(board: Board, shadow: Callable[[tuple[int, ...]], None]) -> None:
    """Claims the addresses. `shadow` takes what the host bridge says of the window below 1 MiB."""
    ports = board.ports
    alone = ports.find(layout.RESET_CONTROL[0])
    if alone is not None:
        ports.release(alone)  # its address is among PCI's
    pci = board.socket("pci", lambda: _pci(board, shadow))
    pci.claim(ports, *layout.PCI_ADDRESS, part=lambda chip: chip.address, width=4)
    pci.claim(ports, *layout.PCI_DATA, part=lambda chip: chip.data, width=4)
    power.place(board)


def _pci(board: Board, shadow: Callable[[tuple[int, ...]], None]) -> Any:
    from ...devices.pci.config_ports import ConfigPorts
    from ...devices.pci.i440fx import host_bridge
    from ...devices.pci.piix import ide, isa_bridge, power_management

    functions = {
        (0, 0): host_bridge(shadow),
        (1, 0): isa_bridge(),
        (1, 1): ide(),
        (1, 3): power_management(layout.PM_EVENT[0], layout.SCI_LINE),
    }
    return ConfigPorts(functions, board.device("reset-control"))
