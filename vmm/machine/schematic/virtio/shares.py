"""The sheet of `shares`: a 9P device for each directory of the host's."""

from __future__ import annotations

from ....backends.shared_directory import SharedDirectory
from ....devices.p9.session import Session
from ....devices.virtio.p9 import P9
from ...share_options import parse_share, tag_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


def devices(board: Board) -> Iterator[tuple[VirtioDevice, str]]:
    """In the order of the configuration. ConfigError for what is no directory."""
    for index, given in enumerate(board.config.shares):
        field = f"shares[{index}]"
        options = parse_share(given, field)
        directory = SharedDirectory(options.path, options.is_read_only, field)
        board.closers.append(directory.close)
        yield P9(Session(directory), tag_of(options, index)), f"virtio-9p{index}"
