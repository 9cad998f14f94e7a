"""A console with ports: port 0 is a terminal for the guest, the others are byte streams with names, for agents.

What a guest says on a port with nobody at the other end is dropped. Not modelled: ports that come and go, emergency
write. Source: virtio 1.2, section 5.3.
"""

from __future__ import annotations

from struct import Struct

from ...errors import GuestError, SnapshotError
from ...state import State
from .console_port import Port
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .chain import Chain
    from .console_port import Link
    from .ring import VirtQueue

F_SIZE, F_PORTS = 1 << 0, 1 << 1
ENTRIES = 64
CONTROL_IN, CONTROL_OUT = 2, 3
READY, ADD, PORT_READY, IS_CONSOLE, RESIZE, OPEN, NAME = 0, 1, 3, 4, 5, 6, 7
_CONTROL, _CONFIG, _SIZE = Struct("<IHH"), Struct("<HHII"), Struct("<HH")
_SCHEMA = "vmm.virtio-console"
_PATIENCE = 16
"""Messages for each port that wait for a driver to take them."""


class Console(VirtioDevice):
    """`ports` are (name, link), the first of them the console."""

    name = "virtio-console"
    device_id = 3
    features = F_SIZE | F_PORTS

    def __init__(self, ports: Sequence[tuple[str, Link]]) -> None:
        super().__init__()
        self.ports = [Port(self, index, name, link) for index, (name, link) in enumerate(ports)]
        self.queue_sizes = (ENTRIES,) * (2 * len(self.ports) + 2)
        self._size = (0, 0)
        self._messages: list[bytes] = []
        """For the driver."""
        for index, port in enumerate(self.ports):
            port.link.came, port.link.has_room = self._when_live(port.fill), self._when_live(port.send)
            port.link.turned = self._turned(index)

    def _when_live(self, work: Callable[..., None]) -> Callable[..., None]:
        return lambda *values: self.guarded(work)(*values)  # whose transport comes later

    def _turned(self, index: int) -> Callable[[bool], None]:
        def turned(is_open: bool) -> None:
            if self.ports[index].is_known:
                self._say(index, OPEN, int(is_open))
            self.ports[index].fill()

        return self._when_live(turned)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal at port 0 has this size now. On the reactor."""
        self._size = (columns, rows)
        if self.accepted & F_PORTS:
            if self.ports[0].is_known:
                self._when_live(self._say_size)()
        elif self.accepted & F_SIZE:
            self.changed()

    # -- the driver's side --

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(*self._size, len(self.ports), 0)

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        super().activate(queues, features)
        if not features & F_PORTS:
            self.ports[0].is_opened = True  # the driver has no way to say so
        for port in self.ports:
            port.fill()

    def notified(self, index: int) -> None:
        if index == CONTROL_IN:
            self._deliver()
        elif index == CONTROL_OUT:
            if not serve(self.queues[index], self._hear):
                self.again(index)
        else:
            port = self.ports[0 if index < CONTROL_IN else index // 2 - 1]
            if index == port.input:
                port.fill()
            else:
                port.send()

    def reset(self) -> None:
        super().reset()
        self._messages.clear()
        for port in self.ports:
            port.start_anew()

    def settle(self) -> None:
        for port in self.ports:
            port.settle()

    # -- control messages --

    def _hear(self, chain: Chain) -> int:
        index, event, value = _CONTROL.unpack(chain.read(_CONTROL.size))
        if event == READY:
            for index in range(len(self.ports)):
                self._say(index, ADD, 1)
        elif index >= len(self.ports):
            raise GuestError(self.name, f"a message for port {index} of {len(self.ports)}")
        elif event == PORT_READY and value:
            self._introduce(index)
        elif event == OPEN:
            self.ports[index].is_opened = bool(value)
            self.ports[index].fill()
        return 0

    def _introduce(self, index: int) -> None:
        """What the driver is to know of a port that it has set up."""
        port = self.ports[index]
        port.is_known = True
        if index == 0:
            self._say(index, IS_CONSOLE, 1)
            if any(self._size):
                self._say_size()
        self._say(index, NAME, 1, port.name.encode())
        if port.link.is_open:
            self._say(index, OPEN, 1)

    def _say_size(self) -> None:
        self._say(0, RESIZE, 1, _SIZE.pack(*self._size))

    def _say(self, index: int, event: int, value: int, more: bytes = b"") -> None:
        if len(self._messages) >= _PATIENCE * len(self.ports):
            raise GuestError(self.name, "the driver asks and asks, and takes no answer")
        self._messages.append(_CONTROL.pack(index, event, value) + more)
        self._deliver()

    def _deliver(self) -> None:
        queue = self.queues.get(CONTROL_IN)
        if queue is None:
            return
        try:
            while self._messages:
                chain = queue.pop()
                if chain is not None:
                    queue.push(chain, chain.write(self._messages.pop(0)))
                elif not queue.listen():
                    return
        finally:
            queue.flush()

    # -- state --

    def save(self) -> State:
        known = [index for index, port in enumerate(self.ports) if port.is_known]
        opened = [index for index, port in enumerate(self.ports) if port.is_opened]
        fields = {"size": list(self._size), "known": known, "opened": opened, "messages": self._messages[:]}
        return State(_SCHEMA, 1, fields)

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("size", "known", "opened", "messages"))
        size, messages = fields["size"], fields["messages"]
        if not all(_are_small(fields[name]) for name in ("size", "known", "opened")) or len(size) != 2:
            raise SnapshotError(f"{_SCHEMA}: a size and ports are small numbers")
        if not isinstance(messages, list) or any(type(each) is not bytes for each in messages):
            raise SnapshotError(f"{_SCHEMA}: messages are bytes")
        self._size, self._messages = (size[0], size[1]), messages[:]
        for index, port in enumerate(self.ports):
            port.is_known, port.is_opened = index in fields["known"], index in fields["opened"]


def _are_small(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(each) is int and 0 <= each < 1 << 16 for each in numbers)
