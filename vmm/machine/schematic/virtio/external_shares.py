"""The sheet of shared directories that virtiofsd serves."""

from __future__ import annotations

from ....backends.vhost_user.virtiofsd import Virtiofsd
from ....devices.virtio.external_fs import ExternalFs
from ...share_options import tag_of
from .outside import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board
    from ...share_options import ShareOptions


def devices(
    board: Board, options: ShareOptions, index: int, tell: Callable[[str, str], None]
) -> Iterator[tuple[VirtioDevice, str]]:
    """The one. ConfigError for what virtiofsd does not take."""
    name = f"virtio-fs{index}"
    engine = Virtiofsd(options.path, options.is_read_only, board.memory, f"shares[{index}]")
    device = ExternalFs(engine, tag_of(options, index), options.path, lambda words: tell(name, words))
    yield device, name
    assert board.virtio is not None
    connect(board.virtio.reactor_of(device), engine, device)
