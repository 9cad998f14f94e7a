"""A device whose queues an engine outside serves, and which outlives it with errors.

The driver's rings are passed on to the engine, the driver's kicks and the engine's calls too. Once the engine is gone,
each request that it had taken and each that comes fails.
"""

from __future__ import annotations

from contextlib import suppress

from ...bus.engine_link import EngineLost
from ...errors import GuestError
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
_DEVICE_FEATURES = (1 << 24) - 1


class External(VirtioDevice):
    """Over `engine`; `trouble` is told when that is gone. Subclasses say what a request that failed looks like."""

    may_wait = True  # for an engine to end, or to begin anew
    wanted_features = _DEVICE_FEATURES
    """Of those of the device that the engine offers."""
    consequence = "its requests fail"
    """Of the engine's end."""

    def __init__(
        self, engine: EngineLink, queues: int = 1, trouble: Callable[[str], None] = lambda words: None
    ) -> None:
        super().__init__()
        self._engine = engine
        self._trouble = trouble
        self.features = engine.features & _DEVICE_FEATURES & self.wanted_features
        self.ring_features = engine.features & (F_INDIRECT | F_EVENT_INDEX) | 1 << 32
        self.queue_sizes = (ENTRIES,) * queues
        self.is_lost = False
        self.is_cut_off = False
        """The engine lives and does not talk to us: it begins anew once the driver does."""
        self._is_ours = False
        """Whether the queues that stand are served here."""
        self._taken: dict[int, dict[int, int]] = {}
        """Of each queue: the requests that the engine has not given back, as SplitQueue.follow() counts them."""
        self._places: dict[int, tuple[int, int] | None] = {}

    def failed(self, chain: Chain) -> int:
        """Answers a request that the engine does not; how many bytes it got."""
        raise NotImplementedError

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
            self._begin()
        except EngineLost as error:
            self._is_ours = self.is_cut_off  # of these rings nobody has taken anything yet
            self._missed(error)

    def _begin(self) -> None:
        if not self.is_cut_off:
            try:
                self._engine.start(dict(self._rings()), self.accepted)
                return
            except EngineLost:
                if not self._engine.lives():
                    raise
                self.is_cut_off = True  # it hung up on the rings before these, and we hear of it only now
        self._engine.begin_anew()
        self.is_cut_off = False
        self._engine.start(dict(self._rings()), self.accepted)

    def _missed(self, error: EngineLost) -> None:
        """GuestError where a reset may help."""
        if not self.is_cut_off and self._engine.lives():
            self.is_cut_off = True
            self.cut_off()
        self.lost(str(error))

    def cut_off(self) -> None:
        """The engine has hung up. With the device to itself."""
        raise GuestError(self.name, "the engine has hung up, as it does on rings that cannot be")

    def settle(self) -> None:
        """What the engine has taken it has given back, and the rings stand where they were left. Where the engine is
        lost its own state is not to be had."""
        if self.is_lost or not self.queues:
            return
        try:
            places = self._engine.stop()
        except EngineLost as error:
            self._missed(error)
            return
        for index, queue in self._rings():
            self._count(index)
            if queue.catch_up(places[index]):
                queue.interrupt()
            self.again(index)
        self._start()  # nobody rings before the machine goes on

    def reset(self) -> None:
        if self.queues and not self.is_lost and not self.is_cut_off:
            try:
                self._engine.stop()
            except EngineLost as error:
                with suppress(GuestError):  # the reset is there
                    self._missed(error)
        super().reset()

    def notified(self, index: int) -> None:
        if self._is_ours:
            if not serve(self.queues[index], self.failed):
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
        """The engine is gone, or shall be. take_over() comes once it is, if somebody drives the device."""
        if not self.is_lost:
            self.is_lost = True
            self._engine.hang_up()
            self._trouble(f"{words}; {self.consequence}")

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
                queue.push(chain, self.failed(chain))
            queue.flush()
            self.again(index)

    def _count(self, index: int) -> None:
        """Keeps up with what the engine has in its hands."""
        queue: Any = self.queues[index]
        before = self._places[index]
        self._places[index] = queue.follow(self._taken[index], before)
        if before is not None:
            self.returned(queue, before[1])

    def returned(self, queue: Any, since: int) -> None:
        """The engine has given back what is in the used ring of `queue` from `since` on."""

    def close(self) -> None:
        self._engine.close()
