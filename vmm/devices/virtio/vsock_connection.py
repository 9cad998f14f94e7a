"""One connection through a socket device: how far each side may send, and what waits for the host's side to take it."""

from __future__ import annotations

from .vsock_packet import HEADER, HOST, STREAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Stream(Protocol):
        """The host's side of a connection. `ready` is called, on the reactor, with (can be read, can be written) once
        for each watch() that asked."""

        ready: Callable[[bool, bool], None]

        def read(self, views: list[memoryview]) -> int | None:
            """Fills views; how many bytes, 0 at the end, None when there is nothing now."""

        def write(self, views: list[memoryview]) -> int:
            """How many bytes were taken, perhaps none. OSError when nobody takes them any more."""

        def watch(self, readable: bool, writable: bool) -> None:
            """Has `ready` called when that can be done."""

        def accepted(self, port: int) -> None:
            """The guest has answered; `port` is the host's."""

        def end_output(self) -> None:
            """No more will be written."""

        def close(self) -> None:
            """Legal twice."""


BUFFER = 256 << 10
"""Bytes of the guest's that wait here at most for the host's side."""
_MASK = 0xFFFF_FFFF


class Connection:
    """Between `port` here and `peer`, a port of the guest's."""

    def __init__(self, stream: Stream, cid: int, port: int, peer: int) -> None:
        self.stream = stream
        self.cid = cid
        self.port = port
        self.peer = peer
        self.is_open = False
        """Whether both sides have said yes."""
        self.is_ready = False
        """Whether it waits for its turn to send data to the guest."""
        self.guest_ended = False
        """The guest sends no more."""
        self.guest_deaf = False
        """The guest receives no more."""
        self.host_ended = False
        """Nothing more comes from the stream."""
        self._waiting = bytearray()
        self._forwarded = 0
        self._told = 0
        self._sent = 0
        self._room = self._peer_forwarded = 0

    def header(self, operation: int, size: int = 0, flags: int = 0) -> bytes:
        """Of a packet to the guest, which tells it how much it may send."""
        self._told = self._forwarded
        return HEADER.pack(
            HOST, self.cid, self.port, self.peer, size, STREAM, operation, flags, BUFFER, self._forwarded & _MASK
        )

    # -- to the guest --

    def heard(self, room: int, forwarded: int) -> None:
        """What each packet of the guest's says of the data it takes."""
        self._room, self._peer_forwarded = room, forwarded

    @property
    def credit(self) -> int:
        """Bytes that the guest takes now."""
        under_way = self._sent - self._peer_forwarded & _MASK
        return max(0, self._room - under_way)

    def sent(self, size: int) -> None:
        """So much went to the guest."""
        self._sent = self._sent + size & _MASK

    # -- from the guest --

    def take(self, views: list[memoryview]) -> bool:
        """Data of the guest's; False when it sends more than it was told that it may."""
        size = sum(map(len, views))
        if len(self._waiting) + size > BUFFER:
            return False
        if not self._waiting:
            done = self.stream.write(views) if size else 0
            self._forwarded += done
            for view in views:
                if done < len(view):
                    self._waiting += view[done:]
                done = max(0, done - len(view))
        else:
            for view in views:
                self._waiting += view
        return True

    def forward(self) -> None:
        """Gives the stream what waits."""
        if self._waiting:
            with memoryview(self._waiting) as view:
                done = self.stream.write([view])
            del self._waiting[:done]
            self._forwarded += done

    @property
    def waits(self) -> bool:
        """Whether the stream has not taken all yet."""
        return bool(self._waiting)

    @property
    def owes_credit(self) -> bool:
        """Whether the guest should hear how much more it may send."""
        return self._forwarded - self._told >= BUFFER // 4
