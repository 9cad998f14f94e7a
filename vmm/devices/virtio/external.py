"""A device whose queues an engine outside serves; a block device so served, which outlives its engine with errors.

The driver's rings are passed on to the engine, the driver's kicks and the engine's calls too. Once the engine is gone,
each request that it had taken and each that comes fails. Source: virtio 1.2, section 5.2 for the requests.
"""

from __future__ import annotations

from ...bus.engine_link import EngineLost
from ...errors import GuestError
from .block import IO_ERROR
from .chain import Chain
from .device import VirtioDevice, serve
from .ring import F_EVENT_INDEX, F_INDIRECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...bus.engine_link import EngineLink
    from .ring import VirtQueue

ENTRIES = 256
CONFIG_SIZE = 60
"""Of a block device, up to write-zeroes."""
_DEVICE_FEATURES = (1 << 24) - 1
_WRITE_CACHE_SWITCH = 1 << 11
"""A field that the driver writes, which is not passed on."""


class ExternalBlock(VirtioDevice):
    """Over `engine`; `trouble` is told when that is gone."""

    name = "virtio-blk"
    device_id = 2

    def __init__(
        self, engine: EngineLink, queues: int = 1, trouble: Callable[[str], None] = lambda words: None
    ) -> None:
        super().__init__()
        self._engine = engine
        self._trouble = trouble
        self.features = engine.features & _DEVICE_FEATURES & ~_WRITE_CACHE_SWITCH
        self.ring_features = engine.features & (F_INDIRECT | F_EVENT_INDEX) | 1 << 32
        self.queue_sizes = (ENTRIES,) * queues
        self._config = engine.config(CONFIG_SIZE)
        self.is_lost = False
        self._is_ours = False
        """Whether the queues that stand are served here."""
        self._taken: dict[int, dict[int, int]] = {}
        """Of each queue: the requests that the engine has not given back, as SplitQueue.follow() counts them."""
        self._places: dict[int, tuple[int, int] | None] = {}

    @property
    def config(self) -> bytes:
        return self._config

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        super().activate(queues, features)
        self._taken = {index: {} for index in queues}
        self._places = {index: (queue.save()[0], queue.save()[1]) for index, queue in self._rings()}
        self._is_ours = self.is_lost
        self._start()

    def _rings(self) -> list[tuple[int, Any]]:
        return list(self.queues.items())

    def _start(self) -> None:
        if self.is_lost:
            return
        try:
            self._engine.start(dict(self._rings()), self.accepted)
        except EngineLost as error:
            self.lost(str(error))
            self.take_over()

    def settle(self) -> None:
        """Everything is answered, and the rings are where they were left. HostError when the engine takes its time."""
        if self.is_lost or not self.queues:
            return
        try:
            self._engine.finish()
        except EngineLost as error:
            self.lost(str(error))
            self.take_over()
            return
        for index, queue in self._rings():
            self._count(index)
            if queue.catch_up():
                queue.interrupt()
        self._start()  # nobody rings before the machine goes on

    def set_limit(self, bandwidth: int, operations: int, burst: int) -> None:
        """See EngineLink.limit(). Any thread. EngineLost."""
        self._engine.limit(bandwidth, operations, burst)

    def reset(self) -> None:
        if self.queues and not self.is_lost:
            try:
                self._engine.stop()
            except EngineLost as error:
                self.lost(str(error))
        super().reset()

    def notified(self, index: int) -> None:
        if self._is_ours:
            if not serve(self.queues[index], _failed):
                self.again(index)
        else:
            self._engine.kick(index)
            self._count(index)

    def called(self, index: int) -> None:
        """The engine has given something back in queue `index`. With the device to itself."""
        queue: Any = self.queues.get(index)
        if queue is not None:
            queue.interrupt()
            self._count(index)

    def lost(self, words: str) -> None:
        """The engine is gone. take_over() comes after it, where somebody drives the device."""
        if not self.is_lost:
            self.is_lost = True
            self._trouble(f"{words}; its disk answers with errors")

    def take_over(self) -> None:
        """Fails what the engine had in its hands; behind that the queues go on here. With the device to itself."""
        if self._is_ours:
            return
        self._is_ours = True
        for index, queue in self._rings():
            self._count(index)
            if self._places[index] is None:
                words = f"the engine took requests of queue {index} with it that nobody has counted"
                raise GuestError(self.name, words)
            for chain in queue.adopt(self._taken[index]):
                queue.push(chain, _failed(chain))
            queue.flush()
            self.again(index)

    def _count(self, index: int) -> None:
        """Keeps up with what the engine has in its hands."""
        queue: Any = self.queues[index]
        self._places[index] = queue.follow(self._taken[index], self._places[index])

    def close(self) -> None:
        self._engine.close()


def _failed(chain: Chain) -> int:
    if not chain.writable:
        raise GuestError("virtio-blk", "a request without a place for its status")
    last = chain.writable[-1]
    last[-1:] = IO_ERROR
    return chain.writable_size
