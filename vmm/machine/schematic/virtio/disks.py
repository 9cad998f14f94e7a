"""The sheet of `disks`: a virtio disk for each, over a file or a block device of the host, or over bytes."""

from __future__ import annotations

from ....backends.disk import open_disk
from ....devices.virtio.block import Block
from ...disk_options import DiskOptions, parse_disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


def devices(board: Board, tell: Callable[[str, str], None]) -> Iterator[tuple[VirtioDevice, str]]:
    """In the order of the configuration. ConfigError for what is no disk."""
    for index, given in enumerate(board.config.disks):
        field, name = f"disks[{index}]", f"virtio-blk{index}"
        options = parse_disk(given, field) if isinstance(given, str) else DiskOptions(path="")
        if options.format:
            from . import external_disks

            yield from external_disks.devices(board, options, field, name, tell)
            continue
        disk = board.drives[field] = open_disk(options.spec if isinstance(given, str) else given, field)
        device = Block(disk, options.serial or f"vmm-disk{index}", options.queues, _teller(tell, name))
        if options.limits.are_any and board.virtio is not None:
            from .limits import set_limit

            set_limit(device, board.virtio.reactor_of(device), options.limits)
        yield device, name


def _teller(tell: Callable[[str, str], None], name: str) -> Callable[[str], None]:
    return lambda words: tell(name, words)
