"""The sheet of `balloon`: a device by which the guest gives memory back."""

from __future__ import annotations

from ....devices.virtio.balloon import Balloon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board

CHIP = "virtio-balloon"


def devices(board: Board) -> Iterator[tuple[VirtioDevice, str]]:
    """The one."""
    yield Balloon(board.memory.contains, board.memory.discard), CHIP
