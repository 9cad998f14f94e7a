"""How Linux gets into memory: which entry, and whether the kernel in a bzImage is unpacked here or unpacks itself."""

from __future__ import annotations

import os

from ...backends.kernel_cache import KernelCache
from ...boot.linux import bzimage, notes, payload, setup_header, vmlinux
from ...errors import ConfigError
from .. import layout
from . import tables
from .modules import with_extras

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...boot.loader import BootParams, BootState, Image
    from ..board import Board

FORMATS = (bzimage.format, vmlinux.format)


def load(board: Board, image: Image, params: BootParams) -> BootState:
    """Fills the board's memory. BootError or ConfigError when that cannot be."""
    config = board.config
    params = with_extras(params, config).replace(protocol=config.boot_protocol, rsdp=tables.place(board))
    if board.virtio is not None and "acpi=off" in params.command_line.split():
        params = params.replace(command_line=" ".join((params.command_line, *board.virtio.words())))
    if config.format == vmlinux.format or (config.format is None and not bzimage.recognises(image)):
        if config.direct is not None:
            raise ConfigError.of("direct", "is for a bzImage; a vmlinux is unpacked already")
        if config.boot_protocol == "linux32":
            raise ConfigError.of("boot_protocol", "linux32 is for a bzImage; a vmlinux has linux64 and pvh")
        return vmlinux.load(image, board.memory, params)
    if config.boot_protocol == "linux32" or config.direct is False:
        return bzimage.load(image, board.memory, params)
    header = setup_header.read(image)
    try:
        return _load_unpacked(board, image, header, params)
    except payload.Unavailable:
        if config.direct or config.boot_protocol == "pvh":
            raise
        return bzimage.load(image, board.memory, params)


def _load_unpacked(board: Board, image: Image, header: setup_header.Header, params: BootParams) -> BootState:
    """Starts the ELF file inside a bzImage, from the cache when it was unpacked before."""
    if not header.payload_length:
        raise payload.Unavailable(bzimage.format, f"payload_length: {header.in_words} tells of no payload to unpack")
    start, size = bzimage.expect_payload(header, image)
    cache = _cache()
    file = _file_name(params.path)
    known = cache.find(file) if file else None
    if known is not None:
        return vmlinux.load(memoryview(known), board.memory, params, header)
    from hashlib import sha256

    name = sha256(image).hexdigest()
    known = cache.find(name)
    content: Image
    if known is None:
        content = payload.unpack(memoryview(image)[start : start + size], layout.MOST_KERNEL)
        cache.put(name, content)
    else:
        content = memoryview(known)
    if file:
        cache.alias(file, name)
    return vmlinux.load(content, board.memory, params, header)


def _cache() -> KernelCache:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return KernelCache(os.path.join(base, "vmm", "kernels"))


def _file_name(path: str) -> str:
    """A name for the file at `path` as it lies there; "" for none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return "file-" + "-".join(f"{number:x}" for number in numbers)


def is_kernel(image: Image) -> bool:
    """Whether a file that looks like ELF is a Linux kernel."""
    return notes.is_kernel(image)
