"""Frames on a stream socket between a machine's old and its new process: a kind, a length, a checksum, the content.

What comes in is believed nothing: an unknown kind, too long a frame or a wrong checksum ends the move, on both sides
with words. A connection that closes in order, or is reset, says that the other side is gone and that all it had sent
was received; silence says nothing.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from zlib import crc32

from ...errors import HostError, SnapshotError

HEAD = struct.Struct("<4sQI")
MAGIC = b"vmm machine on the move, 1\n"
"""What both sides say first: another program, or another version, is refused by it."""
PAGES_MAGIC = b"vmm pages for a machine, 1\n"
"""The same between a server of pages and who restores from it."""
LONGEST = 1 << 30
PATIENCE = 30.0
"""Seconds of silence, where an answer is due or data is on its way, after which the other side counts as lost."""

HELLO, YES, NO = b"HELO", b"YES ", b"NO  "
"""What the machine needs; the other side's answer, NO with words."""
PAGES, STATE = b"PAGE", b"STAT"
"""(offset, 8 bytes, and content) of memory; the state that goes with all that was sent before."""
GO, TAKEN, STAY = b"GO  ", b"TAKE", b"STAY"
"""The machine is yours; it is mine now; I keep it."""
RUNS, GET = b"RUNS", b"GET "
"""Runs of pages: those that there are, then those touched first; a run that is asked for, answered with PAGES."""
_KINDS = (HELLO, YES, NO, PAGES, STATE, GO, TAKEN, STAY, RUNS, GET)


class Gone(SnapshotError):
    """The other side has closed the connection: all that it sent was received."""


class Wire:
    """One side of the connection. It owns the socket."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.settimeout(PATIENCE)
        self.sent = 0
        """Bytes of content."""

    def greet(self, magic: bytes = MAGIC) -> None:
        """Says what this is, and hears the same. SnapshotError when the other side is something else."""
        self._send(magic)
        heard = self._take(len(magic))
        if heard != magic:
            words = "another version of vmm" if heard[:-3] == magic[:-3] else "no vmm that takes part in a move"
            raise SnapshotError(f"at the other side is {words}")

    def fileno(self) -> int:
        """To wait for what comes."""
        return self._line.fileno()

    def cut(self) -> None:
        """Ends the connection while another thread may wait in it: that finds it closed."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def send(self, kind: bytes, *content: bytes) -> None:
        """Sends a frame. Gone when nobody takes it any more, HostError for other trouble of the connection."""
        checksum, size = 0, 0
        for part in content:
            checksum = crc32(part, checksum)
            size += len(part)
        self._send(HEAD.pack(kind, size, checksum), *content)
        self.sent += size

    def _send(self, *parts: bytes) -> None:
        try:
            for part in parts:
                self._line.sendall(part)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone("the other side has closed the connection") from error
        except OSError as error:
            raise HostError(f"the connection is lost: {error}") from error

    def receive(self, *kinds: bytes, patience: float | None = PATIENCE) -> tuple[bytes, bytes]:
        """(kind, content) of the next frame, which must be of `kinds`. A NO raises SnapshotError with its words; Gone
        and HostError as send(). `patience` None waits for ever."""
        self._line.settimeout(patience)
        try:
            head = self._take(HEAD.size)
            self._line.settimeout(PATIENCE)
            kind, size, checksum = HEAD.unpack(head)
            if kind not in _KINDS or size > LONGEST:
                raise SnapshotError("what comes over the connection is damaged")
            content = self._take(size)
        finally:
            self._line.settimeout(PATIENCE)
        if crc32(content) != checksum:
            raise SnapshotError("what comes over the connection is damaged: a checksum is wrong")
        if kind == NO and NO not in kinds:
            raise SnapshotError(f"the other side refuses: {content[:2000].decode(errors='replace')}")
        if kind not in kinds:
            raise SnapshotError(f"the other side says {kind.decode(errors='replace').strip()} out of turn")
        return kind, content

    def _take(self, size: int) -> bytes:
        taken = bytearray(size)
        view, done = memoryview(taken), 0
        while done < size:
            try:
                count = self._line.recv_into(view[done:])
            except ConnectionResetError as error:
                raise Gone("the other side has closed the connection") from error
            except OSError as error:
                raise HostError(f"the connection is lost: {error}") from error
            if not count:
                raise Gone("the other side has closed the connection")
            done += count
        return bytes(taken)

    def close(self) -> None:
        """Ends the connection. Legal twice."""
        self._line.close()
