"""A file system that an engine outside serves: requests of FUSE, in queues of which the first is for urgent ones.

Not modelled: notifications, shared memory (DAX). Source: virtio 1.2, section 5.11; Linux, include/uapi/linux/fuse.h.
"""

from __future__ import annotations

from errno import ENOTCONN
from struct import Struct

from ...errors import ConfigError
from .external import External

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...bus.engine_link import EngineLink
    from ...state import State
    from .chain import Chain

LONGEST_TAG = 36
_CONFIG = Struct("<36sI")
_ASKED, _ANSWER = Struct("<IIQ"), Struct("<IiQ")
"""(size, operation, number) of a request, (size, error, number) of an answer."""


class ExternalFs(External):
    """See External. The guest mounts it by `tag`; `path` is what the user calls it."""

    name = "virtio-fs"
    device_id = 26
    wanted_features = 0
    consequence = "its files answer with errors"

    def __init__(
        self, engine: EngineLink, tag: str, path: str, trouble: Callable[[str], None] = lambda words: None
    ) -> None:
        super().__init__(engine, 2, trouble)
        self._tag, self._path = tag.encode(), path

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(self._tag, len(self.queue_sizes) - 1)

    def failed(self, chain: Chain) -> int:
        """See External."""
        if chain.readable_size < _ASKED.size or chain.writable_size < _ANSWER.size:
            return 0  # one that nobody waits for
        number = _ASKED.unpack(chain.read(_ASKED.size))[2]
        answer, done = _ANSWER.pack(_ANSWER.size, -ENOTCONN, number), 0
        for view in chain.writable:
            size = min(len(view), len(answer) - done)
            view[:size] = answer[done : done + size]
            done += size
        return done

    def save(self) -> State:
        """ConfigError: which files the guest has open the engine alone knows."""
        raise ConfigError.of(
            "shares", f"{self._path}: served by virtiofsd, which cannot be saved or forked; without virtiofs it can"
        )
