"""The VMM's part of a vhost-user device: shares guest memory with an engine and hands it the rings.

Addresses in the guest's physical memory stand for those that the protocol calls the front-end's own.
Source: QEMU, docs/interop/vhost-user.rst.
"""

from __future__ import annotations

import os
import select
import time
from struct import Struct

from ...bus.engine_link import EngineLost
from ...errors import HostError
from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...bus.engine_link import Ring
    from ...memory.guest_memory import GuestMemory
    from .wire import Wire

F_PROTOCOL = 1 << 30
P_QUEUES, P_ACKNOWLEDGE, P_CONFIG = 1 << 0, 1 << 3, 1 << 9
MOST_REGIONS = 8
_LOOK = 0.002
"""Seconds: the driver may want no call, or one has come before."""
_STATE, _ADDRESSES, _REGION = Struct("<II"), Struct("<IIQQQQ"), Struct("<QQQQ")
_CONFIG = Struct("<III")


class Frontend:
    """Implements EngineLink over `wire`."""

    def __init__(self, wire_: Wire, memory: GuestMemory) -> None:
        """`memory` is shared. Asks the engine what it can; EngineLost."""
        self._wire = wire_
        self._memory = memory
        self._kicks: dict[int, int] = {}
        self.calls: dict[int, int] = {}
        """The eventfd by which the engine tells of each queue that may be started."""
        self._started: dict[int, Ring] = {}
        offered = wire_.ask_number(wire.GET_FEATURES)
        wire_.tell(wire.SET_OWNER)
        protocol = wire_.ask_number(wire.GET_PROTOCOL_FEATURES) if offered & F_PROTOCOL else 0
        self.patience = wire_.patience
        """Seconds until finish() gives up."""
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
            self._started[index] = ring

    def _share_memory(self) -> None:
        """Tells where in which file each region is."""
        writable = [region for region in self._memory.regions if not region.read_only]  # a ROM stays one
        regions = [(region.span, *self._memory.file_of(region)) for region in writable][:MOST_REGIONS]
        table = b"".join(_REGION.pack(span.start, span.size, span.start, offset) for span, _, offset in regions)
        self._wire.tell(wire.SET_MEM_TABLE, _STATE.pack(len(regions), 0) + table, [fd for _, fd, _ in regions])

    def stop(self) -> None:
        """See EngineLink."""
        while self._started:
            self._wire.ask(wire.GET_VRING_BASE, _STATE.pack(self._started.popitem()[0], 0))

    def finish(self) -> None:
        """See EngineLink."""
        end = time.monotonic() + self.patience
        for index in self._started:
            self.kick(index)  # in case that the driver's own has not been passed on
        while not all(ring.is_idle for ring in self._started.values()):
            left = end - time.monotonic()
            if left < 0:
                raise HostError("an engine outside still has requests of the guest's", "try again later")
            fds = [self.fd, *(self.calls[index] for index in self._started)]
            if self.fd in select.select(fds, [], [], min(left, _LOOK))[0]:
                raise EngineLost("the engine has ended")
        self.stop()

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
