"""The sheet of `shares`: for each directory of the host's a 9P device, or a file system that virtiofsd serves."""

from __future__ import annotations

from ....backends.shared_directory import SharedDirectory
from ....devices.p9.session import Session
from ....devices.virtio.p9 import P9
from ...share_options import parse_share, tag_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


def devices(board: Board, tell: Callable[[str, str], None]) -> Iterator[tuple[VirtioDevice, str]]:
    """In the order of the configuration. ConfigError for what is no directory."""
    for index, given in enumerate(board.config.shares):
        field = f"shares[{index}]"
        options = parse_share(given, field)
        if options.is_virtiofs:
            from . import external_shares

            yield from external_shares.devices(board, options, index, tell)
            continue
        directory = SharedDirectory(options.path, options.is_read_only, field)
        board.closers.append(directory.close)
        yield P9(Session(directory), tag_of(options, index)), f"virtio-9p{index}"
