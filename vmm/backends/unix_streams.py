"""Unix sockets as the host's side of a guest's sockets, by the convention that Firecracker began.

Who wants to port 52 of the guest's connects to the socket at `path`, writes "CONNECT 52" and a newline, and reads "OK"
with the port it comes from; then the stream is the guest's. Who wants to be reached by the guest at port 52 listens at
`path`_52. All of it on the reactor.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from ..bus.reactor import ONCE, READ, WRITE
from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bus.reactor import Reactor

LONGEST_LINE = 64
MOST_GREETINGS = 64
"""Who has not said yet where to; more wait in the kernel's queue."""


class UnixStream:
    """One of them: see vsock_connection.Stream."""

    def __init__(self, reactor: Reactor, end: socket.socket, is_guests: bool) -> None:
        self._reactor = reactor
        self._end = end
        self._is_guests = is_guests
        self._watched = 0
        self.ready: Callable[[bool, bool], None] = lambda readable, writable: None
        reactor.add(end.fileno(), ONCE, self._stirred)

    def _stirred(self, events: int) -> None:
        watched, self._watched = self._watched, 0
        over = events & ~(READ | WRITE)  # an error or the other side's end, which reading or writing tells
        readable = bool(watched & events & READ or over)
        self.ready(readable, bool(watched & WRITE and (events & WRITE or over)))

    def read(self, views: list[memoryview]) -> int | None:
        """Fills views; how many bytes, 0 at the end, None when there is nothing now."""
        try:
            return self._end.recvmsg_into(views)[0]
        except BlockingIOError:
            return None
        except OSError:
            return 0

    def write(self, views: list[memoryview]) -> int:
        """How many bytes were taken, perhaps none. OSError when nobody takes them any more."""
        try:
            return self._end.sendmsg(views, (), socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0

    def watch(self, readable: bool, writable: bool) -> None:
        """Has `ready` called once when that can be done."""
        wanted = READ * readable | WRITE * writable
        if wanted and wanted != self._watched and self._end.fileno() >= 0:
            self._reactor.change(self._end.fileno(), wanted | ONCE)
        self._watched = wanted

    def accepted(self, port: int) -> None:
        """Tells who asked by "CONNECT" that the guest has answered."""
        if not self._is_guests:
            with suppress(OSError):  # who asked has left: the next read tells
                self.write([memoryview(f"OK {port}\n".encode())])  # so few bytes always fit into an empty socket

    def end_output(self) -> None:
        """No more will be written."""
        try:
            self._end.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def close(self) -> None:
        """Legal twice."""
        if self._end.fileno() >= 0:
            self._reactor.remove(self._end.fileno())
            self._end.close()


class UnixStreams:
    """The socket at `path`, and those beside it."""

    def __init__(self, path: str, reactor: Reactor) -> None:
        """ConfigError where there can be no socket, or somebody listens already; one that nobody listens at goes."""
        self._path = path
        self._reactor = reactor
        self._greetings: dict[int, tuple[socket.socket, bytearray]] = {}
        self.offer: Callable[[UnixStream, int], None] = lambda stream, port: stream.close()
        """Takes a stream that wants to a port of the guest's."""
        self._listener = _listening(path)
        self._inode = os.stat(path).st_ino
        reactor.add(self._listener.fileno(), READ, self._knocked)

    def connect(self, port: int) -> UnixStream | None:
        """The stream to who listens for that port; None where nobody does."""
        end = socket.socket(socket.AF_UNIX)
        end.setblocking(False)
        try:
            end.connect(f"{self._path}_{port}")
        except OSError:
            end.close()
            return None
        return UnixStream(self._reactor, end, is_guests=True)

    def _knocked(self, events: int) -> None:
        if len(self._greetings) >= MOST_GREETINGS:
            fd = next(iter(self._greetings))
            self._forget(fd).close()  # who has waited longest without a word
        try:
            end, _ = self._listener.accept()
        except OSError:
            return
        end.setblocking(False)
        self._greetings[end.fileno()] = end, bytearray()
        self._reactor.add(end.fileno(), READ, lambda events: self._greeted(end.fileno()))

    def _forget(self, fd: int) -> socket.socket:
        end, _ = self._greetings.pop(fd)
        self._reactor.remove(fd)
        return end

    def _greeted(self, fd: int) -> None:
        """Reads no further than the line: what follows is the guest's."""
        end, line = self._greetings[fd]
        try:
            seen = end.recv(LONGEST_LINE, socket.MSG_PEEK)
            line += end.recv(seen.find(b"\n") + 1 or len(seen)) if seen else b""
        except BlockingIOError:
            return
        except OSError:
            seen = b""
        if not line.endswith(b"\n") and seen and len(line) < LONGEST_LINE:
            return
        self._forget(fd)
        words = bytes(line).split()
        if len(words) == 2 and words[0] == b"CONNECT" and words[1].isdigit() and int(words[1]) < 1 << 32:
            self.offer(UnixStream(self._reactor, end, is_guests=False), int(words[1]))
        else:
            end.close()

    def close(self) -> None:
        """Legal twice."""
        if self._listener.fileno() < 0:
            return
        self._reactor.remove(self._listener.fileno())
        self._listener.close()
        for fd in list(self._greetings):
            self._forget(fd).close()
        with suppress(OSError):  # somebody has cleared up already
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)


def _listening(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    try:
        try:
            listener.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_abandoned(path):
                raise
            os.unlink(path)
            listener.bind(path)
        listener.listen(MOST_GREETINGS)
    except OSError as error:
        listener.close()
        why = "somebody listens there already" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise ConfigError.of("vsock", f"no socket at {path}: {why}") from None
    return listener


def _is_abandoned(path: str) -> bool:
    """Whether it is a socket that nobody listens at."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
