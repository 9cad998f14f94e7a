"""One port of a virtio console: bytes between two queues of the driver's and a link of the host's.

Source: virtio 1.2, sections 5.3.2 (queues of a port) and 5.3.6 (device operation).
"""

from __future__ import annotations

from ...errors import GuestError
from .chain import cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from .chain import Chain
    from .device import VirtioDevice
    from .ring import VirtQueue

    class Link(Protocol):
        """The host's end of a port. Its callbacks are set by the device and called on the reactor."""

        came: Callable[[], None]
        """There are bytes to read; called again and again until want(False)."""
        has_room: Callable[[], None]
        """There is room again, after write() had none."""
        turned: Callable[[bool], None]
        """Somebody came (True) or left."""

        @property
        def is_open(self) -> bool:
            """Whether somebody is there."""

        def write(self, views: Sequence[memoryview]) -> int:
            """How many bytes were taken, without waiting; with fewer than all, has_room() follows."""

        def read_into(self, views: Sequence[memoryview]) -> int:
            """How many bytes came; 0 when there is nothing now."""

        def want(self, wanted: bool) -> None:
            """Whether bytes can be put somewhere."""


_TURN = 64
"""Requests of one port after which others have their turn."""


class Port:
    """Port `index` of `device`, called `name`."""

    def __init__(self, device: VirtioDevice, index: int, name: str, link: Link) -> None:
        self._device = device
        self.name = name
        self.link = link
        self.input = 2 * index + 2 if index else 0
        """Its queue from the host; the next one goes to the host."""
        self.is_known = False
        """Whether the driver has set it up."""
        self.is_opened = False
        """Whether a program in the guest has it open: drivers drop what comes before."""
        self._sending: tuple[Chain, int] | None = None
        """A request of which the link has taken so many bytes."""

    def start_anew(self) -> None:
        """No driver drives it."""
        self.is_known = self.is_opened = False
        self._sending = None
        self.link.want(False)

    def settle(self) -> None:
        """What the link has not taken is lost with the one who was to read it."""
        if self._sending is not None:
            queue = self._device.queues[self.input + 1]
            queue.push(self._sending[0], 0)
            queue.flush()
            self._sending = None

    def send(self) -> None:
        """From the guest to the link, as far as there is room."""
        queue, link = self._device.queues.get(self.input + 1), self.link
        if queue is None:
            return
        queue.hush()
        try:
            for _ in range(_TURN):
                item = self._next(queue)
                if item is None:
                    return
                chain, done = item
                if link.is_open:
                    done += link.write(cut(chain.readable, done, chain.readable_size) if done else chain.readable)
                    if done < chain.readable_size:
                        self._sending = (chain, done)
                        return
                queue.push(chain, 0)
            self._device.again(self.input + 1)
        finally:
            queue.flush()

    def _next(self, queue: VirtQueue) -> tuple[Chain, int] | None:
        waiting, self._sending = self._sending, None
        if waiting is not None:
            return waiting
        chain = queue.pop()
        if chain is None and queue.listen():
            queue.hush()
            chain = queue.pop()
        return None if chain is None else (chain, 0)

    def fill(self) -> None:
        """From the link to the guest, as far as the driver has given buffers."""
        queue, link = self._device.queues.get(self.input), self.link
        if queue is None or not link.is_open or not self.is_opened:
            link.want(False)
            return
        try:
            for _ in range(_TURN):
                chain = queue.pop()
                if chain is None:
                    link.want(False)
                    if not queue.listen():
                        return
                    continue
                if not chain.writable:
                    raise GuestError(self._device.name, "a buffer for input that cannot be filled")
                got = link.read_into(chain.writable)
                if not got:
                    queue.unpop(chain)
                    link.want(link.is_open)
                    return
                queue.push(chain, got)
            self._device.again(self.input)
        finally:
            queue.flush()
