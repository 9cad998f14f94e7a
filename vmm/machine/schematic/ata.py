"""An extra sheet, with `firmware`: two ATA channels with the machine's hard disks and its CD-ROM drive."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..board import Board

CHANNELS = (("hda", "hdb"), ("cdrom", ""))
"""Fields of the configuration: master and slave of each channel."""


def place(board: Board) -> None:
    """Opens the disks and claims the addresses of channels that have one. ConfigError for what is no disk."""
    try:
        for index, fields in enumerate(CHANNELS):
            disks = [_disk(board, field) for field in fields]
            if any(disks):
                _claim(board, index, disks)
    except BaseException:
        for disk in board.drives.values():
            disk.close()
        raise


def _disk(board: Board, field: str) -> Any:
    """The disk of a field of the configuration, None for one that is empty; closed with the board."""
    from ...backends.disk import open_disk

    spec = getattr(board.config, field) if field else ""
    if not spec:
        return None
    if field == "cdrom" and isinstance(spec, str) and not spec.endswith(",ro"):
        spec += ",ro"
    disk = board.drives[field] = open_disk(spec, field)
    return disk


def _claim(board: Board, index: int, disks: list[Any]) -> None:
    command, control = layout.ATA[index]
    socket = board.socket(f"ata{index}", _channel(board, index, disks))
    socket.claim(board.ports, *command, part=lambda chip: chip.command, width=4)
    socket.claim(board.ports, *control, part=lambda chip: chip.control)


def _channel(board: Board, index: int, disks: list[Any]) -> Callable[[], Any]:
    def make() -> Any:
        from ...devices.ata.cdrom import CdRom
        from ...devices.ata.channel import Channel
        from ...devices.ata.hard_disk import HardDisk

        drives = [
            None if disk is None else (CdRom if field == "cdrom" else HardDisk)(disk, f"VMM{field}")
            for field, disk in zip(CHANNELS[index], disks, strict=True)
        ]
        return Channel(board.line(layout.ATA_LINES[index]), drives)

    return make
