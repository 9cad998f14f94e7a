"""Which loaders there are, and how a guest's image gets into memory."""

from __future__ import annotations

import os

from ...boot import flat
from ...boot.loader import RESET, BootParams, BootState, choose
from ...errors import ConfigError
from ...units import MiB, format_size
from .. import layout
from ..defaults import MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board
    from ..config import MachineConfig

MULTIBOOT, MULTIBOOT2 = b"\x02\xb0\xad\x1b", b"\xd6\x50\x52\xe8"
"""Magic numbers of the headers: an image without them is spared the import of their loaders."""
KERNEL = -1
"""In place of a disk's size: the image is a Linux kernel."""
CHUNK = MiB
ELF, BZIMAGE = b"\x7fELF", b"HdrS"
NOTE_OWNERS = (b"Xen\0", b"Linux\0")
"""One of which stands somewhere in a vmlinux."""
LINUX_FORMATS = ("bzimage", "vmlinux")
MOST_SYMBOLS = 64 * MiB
"""What an image that comes by a pipe may have beyond the guest's memory, in bytes: symbols, mostly."""


def with_drive(config: MachineConfig) -> MachineConfig:
    """The same machine, but an `image` that is a disk is in the drive it is for; that drive boots first.

    A disk has 55 AA at byte 510 and whole sectors, or is an ISO 9660 image; but not when the user says how the image is
    to be loaded. A Linux kernel is given its format, for it needs a BIOS too. ConfigError when the drive has a disk
    already.
    """
    if not isinstance(config.image, (str, bytes)) or not config.image:
        return config
    if (config.mode, config.load, config.entry, config.format) != (None, None, None, None):
        return config
    head = _marks(config.image)
    if head is None:
        return config
    if head[0] == KERNEL:
        return config
    from .disks import moved_to_drive

    return moved_to_drive(config, *head)


def _marks(image: str | bytes) -> tuple[int, bool] | None:
    """(size or KERNEL, whether it is a disc) of what may be a disk or a kernel, None of all else.

    Most images cost two short reads.
    """
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
    if has_signature and start[0x202:0x206] == b"HdrS":
        return KERNEL, False
    if not has_signature or size % 512 or start[:4] == b"\x7fELF" or start[:2] == b"MZ":
        return None  # MZ: a program, or the first sector of a kernel
    return size, False


def _without_manner(path: str) -> str:
    """The path of a drive that says how it is opened."""
    return path.removesuffix(",ro").removesuffix(",overlay")


def read(config: MachineConfig) -> tuple[bytes, str]:
    """(the image's bytes, its path), nothing for a machine that has none. ConfigError for what cannot be read, and for
    what has no end, such as a device."""
    return (b"", "") if config.firmware or config.has_bios else _content(config.image, max(config.memory, MEMORY))


def is_linux(config: MachineConfig, image: bytes) -> bool:
    """Whether it is for the loaders of Linux: a bzImage, or an ELF file with a kernel's notes."""
    if config.format is not None:
        return config.format in LINUX_FORMATS
    if image[0x202:0x206] == BZIMAGE:
        return True
    if image[:4] != ELF or config.mode is not None or not any(owner in image for owner in NOTE_OWNERS):
        return bool(config.boot_protocol)
    from .linux import is_kernel

    return bool(config.boot_protocol) or is_kernel(image)


def load(board: Board, image: bytes, path: str) -> BootState:
    """Puts the guest's image into the board's memory. BootError or ConfigError when that cannot be."""
    config = board.config
    if config.has_bios:
        from .bios import boot_state

        return boot_state(board, _kernel(board) if config.is_kernel else ())
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
    params = BootParams(mode=config.mode, load=config.load, entry=config.entry, path=path)
    if board.is_linux:
        from . import linux

        return linux.load(board, image, params)
    is_plain = config.mode is not None or (MULTIBOOT not in image and MULTIBOOT2 not in image)
    if is_plain and config.format in (None, flat.format) and flat.recognises(image):
        _expect_no_extras(config, flat.format)
        return flat.load(image, board.memory, params)  # without the other loaders, which cost start-up time
    from ...boot import elf

    loaders: tuple[Any, ...] = (elf, flat)
    if config.format not in (None, elf.format, flat.format) or (config.format is None and not is_plain):
        from ...boot import multiboot, multiboot2

        loaders = (multiboot2, multiboot, elf, flat)
    loader = choose(loaders, image, config.format)
    if loader in (elf, flat):
        _expect_no_extras(config, loader.format)
    else:
        from .modules import with_extras

        params = with_extras(params, config)
    return loader.load(image, board.memory, params)


def plug_in_again(board: Board) -> None:
    """Plugs in what load() did, on the board of a machine whose memory comes from elsewhere."""
    if board.is_linux and not board.config.has_bios and not board.config.firmware:
        from . import tables

        tables.plug_in(board)


def _kernel(board: Board) -> tuple[tuple[int, int, str], ...]:
    """Puts a Linux kernel where its start by the BIOS finds it; what is loaded."""
    from ...boot.linux import setup_code
    from . import tables
    from .modules import with_extras

    tables.place_beside_bios(board)
    image, path = _content(board.config.image, board.config.memory)
    return setup_code.load(image, board.memory, with_extras(BootParams(path=path), board.config)).loaded


def _expect_no_extras(config: MachineConfig, format: str) -> None:
    """ConfigError for what would go unheard."""
    given = (("command_line", config.command_line), ("modules", config.modules))
    if faults := [(name, f"{format} images take none; multiboot images do") for name, value in given if value]:
        raise ConfigError(faults)


def _content(image: str | bytes, memory: int) -> tuple[bytes, str]:
    """(bytes, path). ConfigError for what cannot be read, and for what has no end, such as a device."""
    if isinstance(image, bytes):
        return image, ""
    try:
        with open(image, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            most = max(size, memory + MOST_SYMBOLS)
            content = file.read(size + 1)
            while len(content) <= most and (more := file.read(CHUNK)):  # a pipe, or a device
                content += more
    except OSError as error:
        raise ConfigError.of("image", f"cannot read {image}: {error.strerror}") from error
    if len(content) > most:
        raise ConfigError.of("image", f"{image} has no end within {format_size(most)}")
    return content, image
