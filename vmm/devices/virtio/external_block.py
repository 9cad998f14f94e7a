"""A block device that an engine outside serves. Source: virtio 1.2, section 5.2."""

from __future__ import annotations

from ...errors import GuestError
from .block import IO_ERROR
from .external import External

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...bus.engine_link import DiskLink
    from .chain import Chain

CONFIG_SIZE = 60
"""Up to write-zeroes."""
_WRITE_CACHE_SWITCH = 1 << 11
"""A field that the driver writes, which is not passed on."""


class ExternalBlock(External):
    """See External. EngineLost for an engine that has no configuration space."""

    name = "virtio-blk"
    device_id = 2
    wanted_features = ~_WRITE_CACHE_SWITCH
    consequence = "its disk answers with errors"
    asked_limit: tuple[int, int, int] | None = None
    """What set_limit() was last given."""

    def __init__(self, engine: DiskLink, queues: int = 1, trouble: Callable[[str], None] = lambda words: None) -> None:
        super().__init__(engine, queues, trouble)
        self._disk = engine
        self._config = engine.config(CONFIG_SIZE)

    @property
    def config(self) -> bytes:
        return self._config

    def set_limit(self, bandwidth: int, operations: int, burst: int) -> None:
        """See DiskLink.limit(). Any thread. EngineLost."""
        self._disk.limit(bandwidth, operations, burst)
        self.asked_limit = bandwidth, operations, burst

    def returned(self, queue: Any, since: int) -> None:
        """Tells of errors, of which the engine says nothing to us. A driver that has looked before us may have another
        request there by now, whose status is then told twice, or not at all."""
        if IO_ERROR[0] in map(queue.last_byte, queue.given_back(since)):
            self._trouble(self._disk.error_words())

    def failed(self, chain: Chain) -> int:
        """See External."""
        if not chain.writable:
            raise GuestError(self.name, "a request without a place for its status")
        last = chain.writable[-1]
        last[-1:] = IO_ERROR
        return chain.writable_size
