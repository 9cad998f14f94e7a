"""A console with ports: port 0 is a terminal for the guest, the others are byte streams with names, for agents.

Host side: a Link for each port, which takes bytes, gives bytes, and says when somebody is there. What a guest says on a
port with nobody at the other end is dropped. Not modelled: ports that come and go, emergency write.
Source: virtio 1.2, section 5.3.
"""

from __future__ import annotations

from struct import Struct

from ...errors import GuestError, SnapshotError
from ...state import State
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from .chain import Chain
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


F_SIZE, F_PORTS = 1 << 0, 1 << 1
ENTRIES = 64
CONTROL_IN, CONTROL_OUT = 2, 3
READY, ADD, PORT_READY, IS_CONSOLE, RESIZE, OPEN, NAME = 0, 1, 3, 4, 5, 6, 7
_CONTROL, _CONFIG, _SIZE = Struct("<IHH"), Struct("<HHII"), Struct("<HH")
_SCHEMA = "vmm.virtio-console"
_TURN = 64
"""Requests of one port after which others have their turn."""
_PATIENCE = 16
"""Messages for each port that wait for a driver to take them."""


class Console(VirtioDevice):
    """`ports` are (name, link), the first of them the console."""

    name = "virtio-console"
    device_id = 3
    features = F_SIZE | F_PORTS

    def __init__(self, ports: Sequence[tuple[str, Link]]) -> None:
        super().__init__()
        self._ports = tuple(ports)
        self.queue_sizes = (ENTRIES,) * (2 * len(self._ports) + 2)
        self._size = (0, 0)
        self._messages: list[bytes] = []
        """For the driver."""
        self._known: set[int] = set()
        """Ports that the driver said it is ready for."""
        self._opened: set[int] = set()
        """Ports that a program in the guest has open: drivers drop what comes before."""
        self._sending: dict[int, tuple[Chain, int]] = {}
        """By port: a request of which the link has taken so many bytes."""
        for index, (_, link) in enumerate(self._ports):
            link.came = self._for(index, self._fill)
            link.has_room = self._for(index, self._send)
            link.turned = self._turned(index)

    # -- the host's side --

    def resize(self, columns: int, rows: int) -> None:
        """The terminal at port 0 has this size now. Any thread but the device's own work."""
        self._size = (columns, rows)
        if self.accepted & F_PORTS:
            self._later(lambda: self._say_size())
        elif self.accepted & F_SIZE:
            self.changed()

    def _later(self, work: Callable[[], None]) -> None:
        self.guarded(work)()

    def _for(self, index: int, work: Callable[[int], None]) -> Callable[[], None]:
        return lambda: self.guarded(work)(index)

    def _turned(self, index: int) -> Callable[[bool], None]:
        def turned(is_open: bool) -> None:
            if index in self._known:
                self._say(index, OPEN, int(is_open))
            self._fill(index)

        return lambda is_open: self.guarded(turned)(is_open)

    # -- the driver's side --

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(*self._size, len(self._ports), 0)

    def notified(self, index: int) -> None:
        if index == CONTROL_IN:
            self._deliver()
        elif index == CONTROL_OUT:
            if not serve(self.queues[index], self._hear):
                self.again(index)
        elif index & 1:
            self._send(_port_of(index))
        else:
            self._fill(_port_of(index))

    def reset(self) -> None:
        super().reset()
        self._messages.clear()
        self._known.clear()
        self._opened.clear()
        self._sending.clear()
        for _, link in self._ports:
            link.want(False)

    def settle(self) -> None:
        """What a link has not taken is lost with the one who was to read it."""
        for port, (chain, _) in self._sending.items():
            queue = self.queues[_output_of(port)]
            queue.push(chain, 0)
            queue.flush()
        self._sending.clear()

    # -- bytes --

    def _send(self, port: int) -> None:
        """From the guest to the link, as far as there is room."""
        queue, link = self.queues.get(_output_of(port)), self._ports[port][1]
        if queue is None:
            return
        queue.hush()
        try:
            for _ in range(_TURN):
                item = self._next(port, queue)
                if item is None:
                    return
                chain, done = item
                views = chain.readable if not done else _behind(chain.readable, done)
                if link.is_open:
                    done += link.write(views)
                    if done < chain.readable_size:
                        self._sending[port] = (chain, done)
                        return
                queue.push(chain, 0)
            self.again(_output_of(port))
        finally:
            queue.flush()

    def _next(self, port: int, queue: VirtQueue) -> tuple[Chain, int] | None:
        waiting = self._sending.pop(port, None)
        if waiting is not None:
            return waiting
        chain = queue.pop()
        if chain is None and queue.listen():
            queue.hush()
            chain = queue.pop()
        return None if chain is None else (chain, 0)

    def _fill(self, port: int) -> None:
        """From the link to the guest, as far as the driver has given buffers."""
        queue, link = self.queues.get(_input_of(port)), self._ports[port][1]
        if queue is None or not link.is_open or not self._is_open(port):
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
                    raise GuestError(self.name, "a buffer for input that cannot be filled")
                got = link.read_into(chain.writable)
                if not got:
                    queue.unpop(chain)
                    link.want(link.is_open)
                    return
                queue.push(chain, got)
            self.again(_input_of(port))
        finally:
            queue.flush()

    def _is_open(self, port: int) -> bool:
        return port in self._opened or not self.accepted & F_PORTS

    # -- control messages --

    def _hear(self, chain: Chain) -> int:
        port, event, value = _CONTROL.unpack(chain.read(_CONTROL.size))
        if event == READY:
            self._known.clear()
            self._opened.clear()
            for index in range(len(self._ports)):
                self._say(index, ADD, 1)
        elif port >= len(self._ports):
            raise GuestError(self.name, f"a message for port {port} of {len(self._ports)}")
        elif event == PORT_READY and value:
            self._introduce(port)
        elif event == OPEN:
            (self._opened.add if value else self._opened.discard)(port)
            self._fill(port)
        return 0

    def _introduce(self, port: int) -> None:
        """What the driver is to know of a port that it has set up."""
        self._known.add(port)
        name, link = self._ports[port]
        if port == 0:
            self._say(port, IS_CONSOLE, 1)
            if any(self._size):
                self._say_size()
        self._say(port, NAME, 1, name.encode())
        if link.is_open:
            self._say(port, OPEN, 1)

    def _say_size(self) -> None:
        self._say(0, RESIZE, 1, _SIZE.pack(*self._size))

    def _say(self, port: int, event: int, value: int, more: bytes = b"") -> None:
        if len(self._messages) >= _PATIENCE * len(self._ports):
            raise GuestError(self.name, "the driver asks and asks, and takes no answer")
        self._messages.append(_CONTROL.pack(port, event, value) + more)
        self._deliver()

    def _deliver(self) -> None:
        queue = self.queues.get(CONTROL_IN)
        if queue is None:
            return
        try:
            while self._messages:
                chain = queue.pop()
                if chain is None:
                    if not queue.listen():
                        return
                    continue
                queue.push(chain, chain.write(self._messages.pop(0)))
        finally:
            queue.flush()

    # -- state --

    def save(self) -> State:
        ports = {"known": sorted(self._known), "opened": sorted(self._opened)}
        return State(_SCHEMA, 1, {"size": list(self._size), "messages": self._messages[:], **ports})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("size", "known", "opened", "messages"))
        size, messages, ports = fields["size"], fields["messages"], (fields["known"], fields["opened"])
        for numbers in (size, *ports):
            if not isinstance(numbers, list) or any(
                type(each) is not int or not 0 <= each < 1 << 16 for each in numbers
            ):
                raise SnapshotError(f"{_SCHEMA}: sizes and ports are small numbers")
        if len(size) != 2:
            raise SnapshotError(f"{_SCHEMA}: a size is columns and rows")
        if not isinstance(messages, list) or any(type(each) is not bytes for each in messages):
            raise SnapshotError(f"{_SCHEMA}: messages are bytes")
        self._size = (size[0], size[1])
        self._known, self._opened = ({each for each in which if each < len(self._ports)} for which in ports)
        self._messages = messages[:]

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        super().activate(queues, features)
        for port in range(len(self._ports)):
            if _input_of(port) in queues:
                self._fill(port)


def _port_of(queue: int) -> int:
    return 0 if queue < CONTROL_IN else queue // 2 - 1


def _input_of(port: int) -> int:
    return 2 * port + 2 if port else 0


def _output_of(port: int) -> int:
    return _input_of(port) + 1


def _behind(views: list[memoryview], at: int) -> list[memoryview]:
    from .chain import cut

    return cut(views, at, sum(map(len, views)))
