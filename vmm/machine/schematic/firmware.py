"""An extra sheet, with `firmware`: the user's ROM at the top of 4 GiB and below 1 MiB, and the platform it expects."""

from __future__ import annotations

from ...errors import ConfigError
from ...units import format_size
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Maps the ROM and claims what is around it. ConfigError for a file that is no ROM."""
    from . import ata, pci

    rom = _content(board.config.firmware)
    top = layout.FIRMWARE_END - len(rom)
    board.memory.add(top, len(rom), "ROM", read_only=True)
    board.memory.write(top, rom)
    board.socket("rom", _rom).claim(board.mmio, top, len(rom), width=8)
    window = rom[-layout.MOST_LOW_FIRMWARE :].rjust(layout.SHADOW[1], b"\xff")
    shadow = _shadow(board, window)
    board.socket("shadow", lambda: shadow).claim(board.mmio, *layout.SHADOW, width=8)
    pci.place(board, shadow.set)
    ata.place(board)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(layout.MOST_FIRMWARE + 1)
    except OSError as error:
        raise ConfigError.of("firmware", f"cannot read {path}: {error.strerror}") from error
    except ValueError:
        raise ConfigError.of("firmware", f"{path!r} is no file name") from None
    if not content:
        raise ConfigError.of("firmware", f"{path} is empty")
    if len(content) > layout.MOST_FIRMWARE:
        most = format_size(layout.MOST_FIRMWARE)
        raise ConfigError.of("firmware", f"{path} is larger than the {most} that a ROM may have")
    if len(content) % layout.PAGE:
        raise ConfigError.of(
            "firmware", f"{path} has {len(content)} bytes, {len(content) % layout.PAGE} over whole pages of 4 KiB"
        )
    return content


def _rom() -> Any:
    from ...devices.shadow import RomTop

    return RomTop()


def _shadow(board: Board, window: bytes) -> Any:
    from ...devices.shadow import Shadow

    return Shadow(board.memory, layout.SHADOW[0], window, lambda removed, added: board.memory_changed(removed, added))
