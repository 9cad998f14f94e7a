"""Messages of vhost-user: a header of three words, a payload, and fds beside it.

Source: QEMU, docs/interop/vhost-user.rst.
"""

from __future__ import annotations

import socket
from array import array
from contextlib import suppress
from struct import Struct

from ...bus.engine_link import EngineLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE,
 SET_VRING_KICK, SET_VRING_CALL, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE,
 GET_CONFIG) = (
    1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 24,
)  # fmt: skip
_VERSION, _REPLY, _NEED_REPLY = 1, 1 << 2, 1 << 3
_HEAD = Struct("<III")
_NUMBER = Struct("<Q")
LONGEST = 4096
"""Bytes of a payload that any engine sends."""
PATIENCE = 10.0
"""Seconds for an answer."""
TO_START = 60.0
"""Seconds for the first, of a program that the host has yet to load."""


class Wire:
    """The VMM's end of a connection. Errors of all calls are EngineLost."""

    def __init__(self, connection: socket.socket, patience: float = PATIENCE, to_start: float = TO_START) -> None:
        """Waits `to_start` seconds for the first answer, `patience` for others."""
        self._socket = connection
        self._socket.settimeout(to_start)
        self.patience = patience
        self.acknowledges = False
        """Whether the engine answers each message that asks for it (REPLY_ACK)."""

    @property
    def fd(self) -> int:
        """Readable when the engine is gone."""
        return self._socket.fileno()

    def tell(self, request: int, payload: bytes = b"", fds: Sequence[int] = ()) -> None:
        """One message; returns when the engine has done what it says, if it tells."""
        self._send(request, payload, fds, _NEED_REPLY if self.acknowledges else 0)
        if self.acknowledges:
            answer = self._answer(request)
            if len(answer) != _NUMBER.size or any(answer):
                raise EngineLost(f"the engine refuses message {request}")

    def ask(self, request: int, payload: bytes = b"") -> bytes:
        """One message; the answer."""
        self._send(request, payload, (), 0)
        return self._answer(request)

    def ask_number(self, request: int) -> int:
        """One whose answer is 64 bits."""
        answer = self.ask(request)
        if len(answer) != _NUMBER.size:
            raise EngineLost(f"the engine answers message {request} by {len(answer)} bytes")
        return int(_NUMBER.unpack(answer)[0])

    def tell_number(self, request: int, number: int, fds: Sequence[int] = ()) -> None:
        """One that is 64 bits."""
        self.tell(request, _NUMBER.pack(number), fds)

    def _send(self, request: int, payload: bytes, fds: Sequence[int], flags: int) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
        try:
            self._socket.sendmsg([_HEAD.pack(request, _VERSION | flags, len(payload)) + payload], rights)
        except OSError as error:
            raise EngineLost(f"the engine does not listen: {error}") from None

    def _answer(self, request: int) -> bytes:
        """Without fds: recv() takes none."""
        try:
            head = self._socket.recv(_HEAD.size, socket.MSG_WAITALL)
            if len(head) < _HEAD.size:
                raise EngineLost("the engine has ended")
            answered, flags, size = _HEAD.unpack(head)
            if answered != request or not flags & _REPLY or size > LONGEST:
                raise EngineLost(f"the engine answers message {request} by {answered}, {size} bytes")
            payload = self._socket.recv(size, socket.MSG_WAITALL) if size else b""
        except OSError as error:
            raise EngineLost(f"the engine does not answer: {error}") from None
        if len(payload) < size:
            raise EngineLost("the engine has ended")
        self._socket.settimeout(self.patience)
        return payload

    def hang_up(self) -> None:
        """The end of the connection, whose fd stays. Legal twice."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hangs up. Legal twice."""
        self._socket.close()
