"""Engines that do not keep to vhost-user: a string of bytes says what one answers, and what it does to the rings."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from struct import Struct

from hostile import Input

from vmm.backends.vhost_user import wire
from vmm.backends.vhost_user.frontend import F_PROTOCOL, P_ACKNOWLEDGE, P_CONFIG, P_QUEUES
from vmm.memory.guest_memory import GuestMemory

HEAD, NUMBER = Struct("<III"), Struct("<Q")
REPLY, NEEDS_REPLY = 1 << 2, 1 << 3
FEATURES = (1 << 32) | F_PROTOCOL | (3 << 28) | (1 << 9)
NUMBERS = {wire.GET_FEATURES: FEATURES, wire.GET_PROTOCOL_FEATURES: P_QUEUES | P_ACKNOWLEDGE | P_CONFIG,
           wire.GET_QUEUE_NUM: 2}  # fmt: skip


class HostileEngine(threading.Thread):
    """At one end of `near`, until that is closed. It can write to `memory` where rings may be."""

    def __init__(self, data: bytes, memory: GuestMemory, rings: int) -> None:
        super().__init__(daemon=True)
        self._given, self._memory, self._rings = Input(data), memory, rings
        self.near, self._far = socket.socketpair()
        self._nothing = os.open("/dev/null", os.O_RDONLY)
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError), self._far:  # the memory is gone, too
            while self._serve():
                pass
        os.close(self._nothing)

    def _serve(self) -> bool:
        """One message; whether to go on."""
        head, fds, _, _ = socket.recv_fds(self._far, HEAD.size, 16)
        for fd in fds:
            os.close(fd)
        if len(head) < HEAD.size:
            return False
        request, flags, size = HEAD.unpack(head)
        payload = self._far.recv(size, socket.MSG_WAITALL) if size else b""
        if self._given.byte() % 8 == 7:
            place = self._rings + 2 * (self._given.byte() % 64)
            self._memory.write_int(place, 2, self._given.byte() * 257)
        answer = self._right_answer(request, flags, payload)
        return answer is None or self._answer(request, answer)

    def _right_answer(self, request: int, flags: int, payload: bytes) -> bytes | None:
        if request in NUMBERS:
            return NUMBER.pack(NUMBERS[request])
        if request == wire.GET_CONFIG:
            return payload[:12] + bytes(range(len(payload) - 12))
        if request == wire.GET_VRING_BASE:
            return payload
        return NUMBER.pack(0) if flags & NEEDS_REPLY else None

    def _answer(self, request: int, answer: bytes) -> bool:
        """Right, most of the time."""
        kind = self._given.byte()
        kind = kind % 16 if kind > 200 else 15
        if kind == 0:
            return False
        if kind == 1:
            return True  # not a word
        if kind == 2:
            self._far.send(b"12345")
            return True
        if kind == 3:
            answer = answer[: len(answer) // 2]
        elif kind == 4:
            answer = bytes(255 - byte for byte in answer)
        size = (0xFFFF_FFFF, 4096, len(answer) + 7)[kind - 5] if 5 <= kind < 8 else len(answer)
        request += kind == 8
        whole = HEAD.pack(request, 1 | (0 if kind == 9 else REPLY), size) + answer + b"more" * (kind == 10)
        if kind == 11:
            socket.send_fds(self._far, [whole], [self._nothing] * 5)
        else:
            self._far.send(whole)
        return True
