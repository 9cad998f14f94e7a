"""A socket device: streams between programs in the guest and programs on the host, without a network.

Guest side: packets on three queues. Host side: `connect(port)` gives the stream to whoever listens there, for a guest's
wish; `offer(stream, port)` brings one that wants to a port of the guest's. Only streams.
A copy of the machine has none of its connections: the guest is told so. Source: virtio 1.2, section 5.10.
"""

from __future__ import annotations

from collections import deque

from ...errors import GuestError
from .chain import cut
from .device import VirtioDevice
from .vsock_connection import Connection
from .vsock_packet import (
    CREDIT_REQUEST,
    CREDIT_UPDATE,
    HEADER,
    HOST,
    NO_MORE_IN,
    NO_MORE_OUT,
    REQUEST,
    RESPONSE,
    RST,
    RW,
    SHUTDOWN,
    SIZE,
    STREAM,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...state import State
    from .chain import Chain
    from .ring import VirtQueue
    from .vsock_connection import Stream

RECEIVE, TRANSMIT, EVENT = range(3)
MOST_CONNECTIONS = 1024
MOST_REPLIES = 256
"""Packets that wait for room at the guest; then it is heard no further."""
MOST_PACKETS = 64
"""Of the guest's that are read before others have their turn."""
MOST_DATA = 64 << 10
FIRST_PORT, LAST_PORT = 1 << 30, (1 << 31) - 1
"""Those that connections from the host come from."""
TRANSPORT_RESET = bytes(4)


class Vsock(VirtioDevice):
    """The guest is known by the context id `cid`."""

    name = "virtio-vsock"
    device_id = 19
    queue_sizes = (256, 256, 16)

    def __init__(self, cid: int, connect: Callable[[int], Stream | None]) -> None:
        super().__init__()
        self._cid = cid
        self._connect = connect
        self._connections: dict[tuple[int, int], Connection] = {}
        """By (port here, port of the guest's)."""
        self._replies: deque[bytes] = deque()
        self._ready: deque[Connection] = deque()
        self._next_port = FIRST_PORT
        self._owes_reset = False
        self._is_full = False
        """Whether the guest is not heard because it does not hear us."""

    @property
    def config(self) -> bytes:
        return self._cid.to_bytes(8, "little")

    # -- the host's side --

    def offer(self, stream: Stream, peer: int) -> None:
        """A stream wants to port `peer` of the guest's. On the reactor, with the device to itself."""
        if RECEIVE not in self.queues or len(self._connections) >= MOST_CONNECTIONS:
            stream.close()
            return
        port = self._next_port
        while (port, peer) in self._connections:
            port += 1
        self._next_port = FIRST_PORT if port == LAST_PORT else port + 1
        self._reply(self._added(stream, port, peer), REQUEST)
        self._send()

    def _added(self, stream: Stream, port: int, peer: int) -> Connection:
        connection = self._connections[port, peer] = Connection(stream, self._cid, port, peer)
        ready = self.guarded(lambda readable, writable: self._stirred(connection, readable, writable))
        stream.ready = ready
        return connection

    def _stirred(self, connection: Connection, readable: bool, writable: bool) -> None:
        """A stream can be read or written."""
        if writable and self._stands(connection):
            self._forward(connection)
        if readable and connection.is_open and self._stands(connection):
            self._enqueue(connection)
        self._send()
        if readable and not writable and self._stands(connection):
            self._watch(connection)  # it may have asked for both, and was told of one

    def _stands(self, connection: Connection) -> bool:
        return self._connections.get((connection.port, connection.peer)) is connection

    def _enqueue(self, connection: Connection) -> None:
        if not connection.is_ready:
            connection.is_ready = True
            self._ready.append(connection)

    # -- to the guest --

    def _reply(self, connection: Connection, operation: int, flags: int = 0) -> None:
        self._replies.append(connection.header(operation, flags=flags))

    def _send(self) -> None:
        """Packets that wait, then data by turns, as long as the guest has room."""
        queue = self.queues.get(RECEIVE)
        if queue is None:
            return
        queue.hush()
        while self._replies or self._ready:
            chain = queue.pop()
            if chain is None:
                if not queue.listen():
                    break
                continue
            if self._replies:
                packet = self._replies.popleft()
                if chain.write(packet) != len(packet):
                    raise GuestError(self.name, f"a buffer of {chain.writable_size} bytes for packets")
                queue.push(chain, len(packet))
            elif not self._send_data(queue, chain, self._ready.popleft()):
                queue.unpop(chain)
        queue.flush()
        if self._is_full and len(self._replies) < MOST_REPLIES:
            self._is_full = False
            self.again(TRANSMIT)

    def _send_data(self, queue: VirtQueue, chain: Chain, connection: Connection) -> bool:
        """A packet of a stream's data; False when there is none after all."""
        connection.is_ready = False
        if connection.guest_deaf or not connection.credit:
            return False
        views = cut(chain.writable, SIZE, min(connection.credit, MOST_DATA))
        if not views:
            raise GuestError(self.name, f"a buffer of {chain.writable_size} bytes for packets")
        size = connection.stream.read(views)
        if not size:
            if size is None:
                self._watch(connection)
            else:
                self._host_ended(connection)
            return False
        chain.write(connection.header(RW, size))
        queue.push(chain, SIZE + size)
        connection.sent(size)
        self._enqueue(connection)
        return True

    def _host_ended(self, connection: Connection) -> None:
        connection.host_ended = True
        self._reply(connection, SHUTDOWN, NO_MORE_OUT)
        if connection.guest_ended and not connection.waits:
            self._end(connection)

    def _watch(self, connection: Connection) -> None:
        """For what the connection can do more of."""
        readable = connection.is_open and not connection.host_ended and not connection.guest_deaf
        is_due = readable and not connection.is_ready and connection.credit > 0
        connection.stream.watch(is_due, connection.waits)

    def _end(self, connection: Connection, tell: bool = True) -> None:
        self._connections.pop((connection.port, connection.peer), None)
        if connection.is_ready:
            connection.is_ready = False
            self._ready.remove(connection)
        if tell:
            self._reply(connection, RST)
        connection.stream.close()

    # -- from the guest --

    def notified(self, index: int) -> None:
        if index == EVENT:
            self._tell_reset()
        elif index == TRANSMIT:
            self._hear(self.queues[index])
        else:
            self._send()

    def _hear(self, queue: VirtQueue) -> None:
        queue.hush()
        for _ in range(MOST_PACKETS):
            if len(self._replies) >= MOST_REPLIES:
                self._is_full = True
                break
            chain = queue.pop()
            if chain is None:
                if queue.listen():
                    continue
                break
            self._packet(chain)
            queue.push(chain, 0)
        else:
            self.again(TRANSMIT)
        queue.flush()
        self._send()

    def _packet(self, chain: Chain) -> None:
        source, target, peer, port, size, kind, operation, flags, room, forwarded = HEADER.unpack(chain.read(SIZE))
        if size > chain.readable_size - SIZE:
            raise GuestError(self.name, f"a packet of {size} bytes in {chain.readable_size}")
        connection = self._connections.get((port, peer))
        if source != self._cid or target != HOST or kind != STREAM:
            self._refuse(port, peer, kind)
        elif operation == REQUEST:
            self._requested(connection, port, peer, room, forwarded)
        elif connection is None:
            if operation != RST:
                self._refuse(port, peer, kind)
        elif operation == RST:
            self._end(connection, tell=False)
        else:
            connection.heard(room, forwarded)
            self._go_on(connection, operation, flags, cut(chain.readable, SIZE, size))

    def _refuse(self, port: int, peer: int, kind: int) -> None:
        """Tells the guest that there is no such connection."""
        self._replies.append(HEADER.pack(HOST, self._cid, port, peer, 0, kind, RST, 0, 0, 0))

    def _requested(self, standing: Connection | None, port: int, peer: int, room: int, forwarded: int) -> None:
        if standing is not None:
            self._end(standing)
            return
        stream = self._connect(port) if len(self._connections) < MOST_CONNECTIONS else None
        if stream is None:
            self._refuse(port, peer, STREAM)
            return
        connection = self._added(stream, port, peer)
        connection.heard(room, forwarded)
        connection.is_open = True
        self._reply(connection, RESPONSE)
        self._watch(connection)

    def _go_on(self, connection: Connection, operation: int, flags: int, data: list[memoryview]) -> None:
        if operation == RESPONSE and not connection.is_open:
            connection.is_open = True
            connection.stream.accepted(connection.port)
        elif operation == RW and connection.is_open and not connection.guest_ended:
            try:
                is_allowed = connection.take(data)
            except OSError:
                is_allowed = False
            if not is_allowed:
                self._end(connection)
                return
        elif operation == SHUTDOWN:
            connection.guest_deaf = connection.guest_deaf or bool(flags & NO_MORE_IN)
            connection.guest_ended = connection.guest_ended or bool(flags & NO_MORE_OUT)
        elif operation == CREDIT_REQUEST:
            self._reply(connection, CREDIT_UPDATE)
        elif operation != CREDIT_UPDATE:
            self._end(connection)
            return
        self._forward(connection)

    def _forward(self, connection: Connection) -> None:
        """Gives the stream what waits, and sees what follows from that."""
        try:
            connection.forward()
            if connection.guest_ended and not connection.waits:
                if connection.guest_deaf or connection.host_ended:
                    self._end(connection)
                    return
                connection.stream.end_output()
        except OSError:
            self._end(connection)
            return
        if connection.owes_credit:
            self._reply(connection, CREDIT_UPDATE)
        self._watch(connection)

    # -- its life --

    def reset(self) -> None:
        for connection in list(self._connections.values()):
            connection.stream.close()
        self._connections.clear()
        self._replies.clear()
        self._ready.clear()
        self._is_full = False
        super().reset()

    def load(self, state: State) -> None:
        super().load(state)
        self._owes_reset = True

    def _tell_reset(self) -> None:
        """All connections that the guest knows of are gone: they were another machine's."""
        queue = self.queues.get(EVENT)
        if queue is None or not self._owes_reset or (chain := queue.pop()) is None:
            return
        self._owes_reset = False
        queue.push(chain, chain.write(TRANSPORT_RESET))
        queue.flush()

    def close(self) -> None:
        self.reset()
