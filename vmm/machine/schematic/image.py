"""Which loaders there are, and how a guest's image gets into memory."""

from __future__ import annotations

import os

from ...boot import flat
from ...boot.loader import BootParams, choose
from ...errors import ConfigError
from ...units import MiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...boot.loader import BootState
    from ..board import Board
    from ..config import MachineConfig

MOST_SYMBOLS = 64 * MiB
"""What an image that comes by a pipe may have beyond the guest's memory, in bytes: symbols, mostly."""


def with_drive(config: MachineConfig) -> MachineConfig:
    """The same machine, but an `image` that is a disk is in the drive it is for; that drive boots first.

    A disk has 55 AA at byte 510 and whole sectors, or is an ISO 9660 image; but not when the user says how the image is
    to be loaded. ConfigError when the drive has a disk already.
    """
    if not config.image or (config.mode, config.load, config.entry, config.format) != (None, None, None, None):
        return config
    head = _marks(config.image)
    if head is None:
        return config
    from .disks import moved_to_drive

    return moved_to_drive(config, *head)


def _marks(image: str | bytes) -> tuple[int, bool] | None:
    """(size, whether it is a disc) of what may be a disk, None of everything else. Two short reads for most images."""
    if isinstance(image, bytes):
        has_signature, is_disc, size = image[510:512] == b"\x55\xaa", image[0x8001:0x8006] == b"CD001", len(image)
        start = image[:0x206]
    else:
        try:
            fd = os.open(_without_manner(image), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError):
            return None
        try:
            has_signature, is_disc = os.pread(fd, 2, 510) == b"\x55\xaa", os.pread(fd, 5, 0x8001) == b"CD001"
            size = os.lseek(fd, 0, os.SEEK_END)
            start = os.pread(fd, 0x206, 0) if has_signature else b""
        except OSError:
            return None  # a pipe
        finally:
            os.close(fd)
    if is_disc:
        return size, True
    if not has_signature or size % 512 or start[:4] == b"\x7fELF" or start[0x202:0x206] == b"HdrS":
        return None
    return size, False


def _without_manner(path: str) -> str:
    """The path of a drive that says how it is opened."""
    return path.removesuffix(",ro").removesuffix(",overlay")


def load(board: Board) -> BootState:
    """Puts the guest's image into the board's memory. BootError or ConfigError when that cannot be."""
    config = board.config
    if config.has_bios:
        from .bios import boot_state

        return boot_state(board)
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
