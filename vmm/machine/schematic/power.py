"""An extra sheet, with `firmware`, `pc_testdev` or tables of ours: ACPI power management, button and power-off."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses."""
    ports = board.ports
    power = board.socket("acpi-pm", lambda: _acpi_pm(board))
    power.claim(ports, *layout.PM_EVENT, part=lambda chip: chip.event, width=4)
    power.claim(ports, *layout.PM_CONTROL, part=lambda chip: chip.control, width=4)
    power.claim(ports, *layout.PM_TIMER, part=lambda chip: chip.timer, width=4)
    power.claim(ports, *layout.PM_GENERAL, part=lambda chip: chip.general, width=2)
    power.claim(ports, *layout.SMI_COMMAND, part=lambda chip: chip.command, width=2)


def _acpi_pm(board: Board) -> Any:
    from ...devices.acpi_pm import AcpiPm

    return AcpiPm(board.timers, board.line(layout.SCI_LINE), board.power_off, board.suspend)
