"""Which loaders there are, and how a guest's image gets into memory."""

from __future__ import annotations

import os

from ...boot import flat
from ...boot.loader import RESET, BootParams, BootState, choose
from ...errors import ConfigError
from ...units import MiB, format_size
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board

MOST_SYMBOLS = 64 * MiB
"""What an image that comes by a pipe may have beyond the guest's memory, in bytes: symbols, mostly."""


def load(board: Board) -> BootState:
    """Puts the guest's image into the board's memory. BootError or ConfigError when that cannot be."""
    config = board.config
    if config.firmware:
        return BootState(
            format="firmware",
            mode=RESET,
            entry=layout.RESET_VECTOR,
            end=layout.FIRMWARE_END,
            loaded=tuple(
                (each.span.start, each.span.size, each.name) for each in board.memory.regions if each.read_only
            ),
        )
    image, path = _content(config.image, config.memory)
    params = BootParams(mode=config.mode, load=config.load, entry=config.entry, path=path)
    if config.format in (None, flat.format) and flat.recognises(image):
        return flat.load(image, board.memory, params)  # without the other loaders, which cost start-up time
    from ...boot import elf

    loaders: tuple[Any, ...] = (elf, flat)
    return choose(loaders, image, config.format).load(image, board.memory, params)


def _content(image: str | bytes, memory: int) -> tuple[bytes, str]:
    """(bytes, path). ConfigError for what cannot be read, and for what has no end, such as a device."""
    if isinstance(image, bytes):
        return image, ""
    try:
        with open(image, "rb") as file:
            most = max(os.fstat(file.fileno()).st_size, memory + MOST_SYMBOLS)
            content = file.read(most + 1)
    except OSError as error:
        raise ConfigError.of("image", f"cannot read {image}: {error.strerror}") from error
    if len(content) > most:
        raise ConfigError.of("image", f"{image} has no end within {format_size(most)}")
    return content, image
