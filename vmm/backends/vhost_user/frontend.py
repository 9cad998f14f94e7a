"""The VMM's part of a vhost-user device: shares guest memory with an engine and hands it the rings.

Addresses in the guest's physical memory stand for those that the protocol calls the front-end's own.
Source: QEMU, docs/interop/vhost-user.rst.
"""

from __future__ import annotations

import os
from contextlib import suppress
from struct import Struct

from ...bus.engine_link import EngineLost
from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...bus.engine_link import Ring
    from ...memory.guest_memory import GuestMemory
    from .wire import Wire

F_PROTOCOL = 1 << 30
P_QUEUES, P_ACKNOWLEDGE, P_CONFIG = 1 << 0, 1 << 3, 1 << 9
MOST_REGIONS = 8
_STATE, _ADDRESSES, _REGION = Struct("<II"), Struct("<IIQQQQ"), Struct("<QQQQ")
_CONFIG = Struct("<III")


class Frontend:
    """Implements EngineLink over `wire`."""

    def __init__(self, wire_: Wire, memory: GuestMemory) -> None:
        """`memory` is shared. Asks the engine what it can; EngineLost."""
        self._memory = memory
        self._kicks: dict[int, int] = {}
        self.calls: dict[int, int] = {}
        """The eventfd by which the engine tells of each queue that may be started."""
        self._started: list[int] = []
        self.watch: Callable[[], None] = lambda: None
        """To be called when there is another `fd`; `unwatch` before it goes."""
        self.unwatch: Callable[[], None] = lambda: None
        self.turn = 0
        """How often it has begun anew."""
        self._greet(wire_)

    def _greet(self, wire_: Wire) -> None:
        self._wire = wire_
        offered = wire_.ask_number(wire.GET_FEATURES)
        wire_.tell(wire.SET_OWNER)
        protocol = wire_.ask_number(wire.GET_PROTOCOL_FEATURES) if offered & F_PROTOCOL else 0
        self._protocol = protocol & (P_QUEUES | P_ACKNOWLEDGE | P_CONFIG)
        wire_.tell_number(wire.SET_PROTOCOL_FEATURES, self._protocol)
        wire_.acknowledges = bool(protocol & P_ACKNOWLEDGE)
        self.features = offered & ~F_PROTOCOL
        self.queues = wire_.ask_number(wire.GET_QUEUE_NUM) if protocol & P_QUEUES else 1

    @property
    def fd(self) -> int:
        """Readable when the engine is gone."""
        return self._wire.fd

    def config(self, size: int) -> bytes:
        """See EngineLink."""
        if not self._protocol & P_CONFIG:
            raise EngineLost("the engine has no configuration space")
        head = _CONFIG.pack(0, size, 0)
        answer = self._wire.ask(wire.GET_CONFIG, head + bytes(size))
        if len(answer) != len(head) + size:
            raise EngineLost(f"the engine has no {size} bytes of configuration")
        return answer[len(head) :]

    def add_queue(self, index: int) -> None:
        """Makes the eventfds of a queue."""
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        self._kicks[index], self.calls[index] = os.eventfd(0, flags), os.eventfd(0, flags)

    def start(self, rings: Mapping[int, Ring], features: int) -> None:
        """See EngineLink."""
        talk = self._wire
        talk.tell_number(wire.SET_FEATURES, features | F_PROTOCOL)
        self._share_memory()
        for index, ring in rings.items():
            descriptors, available, used = ring.places
            talk.tell(wire.SET_VRING_NUM, _STATE.pack(index, ring.size))
            talk.tell(wire.SET_VRING_BASE, _STATE.pack(index, ring.save()[0]))
            talk.tell(wire.SET_VRING_ADDR, _ADDRESSES.pack(index, 0, descriptors, used, available, 0))
            talk.tell_number(wire.SET_VRING_CALL, index, [self.calls[index]])
            talk.tell_number(wire.SET_VRING_KICK, index, [self._kicks[index]])
            talk.tell(wire.SET_VRING_ENABLE, _STATE.pack(index, 1))
            self._started.append(index)

    def _share_memory(self) -> None:
        """Tells where in which file each region is."""
        writable = [region for region in self._memory.regions if not region.read_only]  # a ROM stays one
        regions = [(region.span, *self._memory.file_of(region)) for region in writable][:MOST_REGIONS]
        table = b"".join(_REGION.pack(span.start, span.size, span.start, offset) for span, _, offset in regions)
        self._wire.tell(wire.SET_MEM_TABLE, _STATE.pack(len(regions), 0) + table, [fd for _, fd, _ in regions])

    def stop(self) -> dict[int, int]:
        """See EngineLink."""
        places = {}
        while self._started:
            index = self._started.pop()
            answer = self._wire.ask(wire.GET_VRING_BASE, _STATE.pack(index, 0))
            if len(answer) != _STATE.size:
                raise EngineLost("the engine does not say where a ring stands")
            places[index] = _STATE.unpack(answer)[1] & 0xFFFF
            with suppress(BlockingIOError):
                os.eventfd_read(self._kicks[index])  # else it would go on with the ring as soon as that starts again
        if places:
            self.drain()
        return places

    def drain(self) -> None:
        """Waits until what was taken from the rings is given back, for engines that stop before. EngineLost."""

    def lives(self) -> bool:
        """See EngineLink."""
        return False

    def begin_anew(self) -> None:
        """See EngineLink: for engines that can."""
        raise EngineLost("this engine cannot begin anew")

    def _begin_anew(self, make: Callable[[], Wire]) -> None:
        """`make` ends the one that stands, and connects to another. EngineLost when that is not like it."""
        before = self.features, self.queues
        self.unwatch()
        self._wire.close()
        self._started.clear()
        self.turn += 1
        self._greet(make())
        if before != (self.features, self.queues):
            raise EngineLost("the engine is another one now")
        self.watch()

    def hang_up(self) -> None:
        """See EngineLink."""
        self._wire.hang_up()

    def kick(self, index: int) -> None:
        """See EngineLink."""
        os.eventfd_write(self._kicks[index], 1)

    def close(self) -> None:
        """See EngineLink."""
        self._wire.close()
        for fd in (*self._kicks.values(), *self.calls.values()):
            os.close(fd)
        self._kicks.clear()
        self.calls.clear()
