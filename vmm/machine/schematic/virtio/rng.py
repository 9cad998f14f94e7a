"""The sheet of `rng`: an entropy device over the host's /dev/urandom."""

from __future__ import annotations

from ....backends.entropy import Entropy
from ....devices.virtio.rng import Rng

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


def devices(board: Board) -> Iterator[tuple[VirtioDevice, str]]:
    """The one."""
    entropy = Entropy()
    board.closers.append(entropy.close)
    yield Rng(entropy.fill), "virtio-rng"
