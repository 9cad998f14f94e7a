"""Watches the queues of virtio devices while a machine is traced: when each request was taken and given back.

A queue that is not watched is as it was: being watched are two methods of the one queue, put over those of its class.
"""

from __future__ import annotations

from collections import deque

from ....errors import GuestError
from ....observe.request_trace import TracedRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ....devices.virtio.chain import Chain
    from ....devices.virtio.ring import VirtQueue
    from ....devices.virtio.transport import Transport


class RequestWatch:
    """Keeps the last `limit` requests of all devices; those that come when `is_over()` are not kept."""

    def __init__(
        self, transports: Sequence[Transport], limit: int, now: Callable[[], int], is_over: Callable[[], bool]
    ) -> None:
        self.requests: deque[TracedRequest] = deque(maxlen=limit)
        self._now = now
        self._is_over = is_over
        for transport in transports:
            transport.watch_queues(lambda queue, transport=transport: self._watch(transport, queue))  # type: ignore[misc]

    def _watch(self, transport: Transport, queue: VirtQueue) -> None:
        name, device, now = transport.name, transport.device, self._now
        pop, push = queue.pop, queue.push

        def taken() -> Chain | None:
            chain = pop()
            if chain is not None:
                chain.taken_ns = now()
            return chain

        def given_back(chain: Chain, written: int) -> None:
            try:
                kind = device.kind_of(chain)
            except GuestError:
                kind = "malformed"
            push(chain, written)
            began = getattr(chain, "taken_ns", None)  # None: before this queue was watched, or from another process
            if began is not None and not self._is_over():
                self.requests.append(TracedRequest(began, now(), name, queue.index, kind, chain.size, written))

        queue.pop, queue.push = taken, given_back  # type: ignore[method-assign]
