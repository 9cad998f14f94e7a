"""An entropy device: the driver gives buffers, and gets random bytes in them.

Source: virtio 1.2, section 5.4.
"""

from __future__ import annotations

from .chain import cut
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .chain import Chain

MOST = 64 << 10
"""Bytes at a time: who wants more asks again, and others get their turn."""


class Rng(VirtioDevice):
    """`fill` puts random bytes into views and tells how many."""

    name = "virtio-rng"
    device_id = 4
    queue_sizes = (64,)

    def __init__(self, fill: Callable[[list[memoryview]], int]) -> None:
        super().__init__()
        self._fill = fill

    def notified(self, index: int) -> None:
        if not serve(self.queues[index], self._answer, most=16):
            self.again(index)

    def _answer(self, chain: Chain) -> int:
        return self._fill(cut(chain.writable, 0, MOST)) if chain.writable else 0
