"""A byte stream of a device's at a Unix socket: it listens, and one program at a time may connect.

Callbacks come on the reactor. When the program leaves, the next one may come.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from ..bus.reactor import READ, WRITE
from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..bus.reactor import Reactor

LONGEST = 107
"""Bytes of a socket's path: sun_path has 108 with the NUL (unix(7))."""


def _nothing(*_: object) -> None:
    """Nobody listens yet."""


class StreamSocket:
    """One stream. `came`, `has_room` and `turned` are for whoever uses it."""

    came: Callable[[], None] = staticmethod(_nothing)
    has_room: Callable[[], None] = staticmethod(_nothing)
    turned: Callable[[bool], None] = staticmethod(_nothing)

    def __init__(self, path: str, reactor: Reactor, field: str) -> None:
        """ConfigError, with `field`, where it cannot listen at `path`. A socket that nobody listens at any more is
        replaced."""
        self._path = path
        self._reactor = reactor
        self._peer: socket.socket | None = None
        self._wanted = False
        self._is_full = False
        self._listener = _listening(path, field)
        reactor.add(self._listener.fileno(), READ, self._accept)

    @property
    def is_open(self) -> bool:
        """Whether a program is connected."""
        return self._peer is not None

    def _accept(self, events: int) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:
            return  # it has left again
        if self._peer is not None:
            peer.close()  # one at a time
            return
        peer.setblocking(False)
        self._peer = peer
        self._wanted = self._is_full = False
        self._reactor.add(peer.fileno(), 0, self._happened)
        self.turned(True)

    def _happened(self, events: int) -> None:
        if events & WRITE:
            self._is_full = False
            self._wait()
            self.has_room()
        if events & ~WRITE and self._wanted:
            self.came()
        elif events & ~(READ | WRITE):
            self._leave()  # hung up, while nobody wants what it may have said last

    def _wait(self) -> None:
        if self._peer is not None:
            events = (READ if self._wanted else 0) | (WRITE if self._is_full else 0)
            self._reactor.change(self._peer.fileno(), events)

    def want(self, wanted: bool) -> None:
        """Whether `came` is to be called."""
        if wanted is not self._wanted:
            self._wanted = wanted
            self._wait()

    def write(self, views: Sequence[memoryview]) -> int:
        """How many bytes the program's end takes now; with fewer than all, has_room() follows. All of them when it has
        left."""
        size = sum(map(len, views))
        if self._peer is None:
            return size
        try:
            done = self._peer.sendmsg(views)
        except BlockingIOError:
            done = 0
        except OSError:
            self._leave()
            return size
        if done < size:
            self._is_full = True
            self._wait()
        return done

    def read_into(self, views: Sequence[memoryview]) -> int:
        """How many bytes came; 0 when there is nothing now, or the program has left."""
        if self._peer is None:
            return 0
        try:
            done = self._peer.recvmsg_into(views)[0]
        except BlockingIOError:
            return 0
        except OSError:
            done = 0
        if not done:
            self._leave()
        return done

    def _leave(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            self._reactor.remove(peer.fileno())
            peer.close()
            self._wanted = self._is_full = False
            self._reactor.call(lambda: self.turned(self.is_open))

    def close(self) -> None:
        """No more, and the socket is gone. Legal twice."""
        for each in (self._peer, self._listener):
            if each is not None and each.fileno() >= 0:
                self._reactor.remove(each.fileno())
                each.close()
        self._peer = None
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
            self._path = ""


def _listening(path: str, field: str) -> socket.socket:
    if len(os.fsencode(path)) > LONGEST:
        raise ConfigError.of(field, f"{path} is too long for a socket: {LONGEST} bytes at most")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _bind(listener, path)
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise ConfigError.of(field, f"cannot listen at {path}: {error.strerror}") from error
    return listener


def _bind(listener: socket.socket, path: str) -> None:
    try:
        listener.bind(path)
    except OSError:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)  # what a dead process left
            else:
                raise
        listener.bind(path)
