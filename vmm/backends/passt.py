"""User networking without root by passt: a process of ours that speaks for the guest with sockets of the host's.

It begins and ends with the machine. Frames go over a stream socket, each behind its length in 4 bytes, the highest
first. Source: passt(1), https://passt.top.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from contextlib import suppress

from ..bus.network import HEADER, LONGEST, LinkLost
from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "passt"
MTU = 9000
"""What the guest should use. passt drops frames that find no room in the socket, and TCP then waits: 40 MiB took
0.2 s in such frames through 4 MiB, 0.5 s through 208 KiB; in frames of 65520 bytes, passt's own, 0.15 s and 10 s."""
BUFFER = 4 << 20
"""Bytes of the socket's that passt fills; the host may allow fewer (net.core.wmem_max)."""
_FORCE = 32
"""SO_SNDBUFFORCE, root's. Source: <asm-generic/socket.h>."""
_LENGTH = 4
_ROOM = 1 << 18
"""Bytes that are taken from the socket at once."""
_NO_REASON = ("Failed to send", "Don't run as root")
_PATIENCE = 10.0
"""Seconds for passt to begin."""


class Passt:
    """A passt process, and the one link to it. Implements Network and Link."""

    mtu = MTU
    segments = False

    def __init__(self, tcp: Sequence[str] = (), udp: Sequence[str] = (), field: str = "net") -> None:
        """`tcp` and `udp` are port forwards in passt's words, such as "8080:80". ConfigError, with `field`."""
        self.links = (self,)
        self._received = bytearray(_ROOM)
        self._view = memoryview(self._received)
        self._start = self._end = 0
        """What of `_received` is not yet delivered."""
        self._rest = b""
        """What is left to send of a frame that the socket took a part of."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # for as long as the process
        self._socket, far = socket.socketpair()
        _widen(far)
        try:
            self._process = self._started(far, tcp, udp, field)
        except BaseException:
            self._said.close()
            self._socket.close()
            raise
        finally:
            far.close()
        self._socket.setblocking(False)
        self.fd = self._socket.fileno()

    def _started(
        self, far: socket.socket, tcp: Sequence[str], udp: Sequence[str], field: str
    ) -> subprocess.Popen[bytes]:
        """Returns when passt is ready: it then writes its number, here into a pipe."""
        reader, writer = os.pipe()
        os.fchmod(writer, 0o622)  # root's passt is nobody when it opens it
        words = [PROGRAM, "--foreground", "--quiet", "--fd", str(far.fileno()), "--mtu", str(MTU)]
        words += ["--pid", f"/proc/self/fd/{writer}"]
        words += [word for ports in tcp for word in ("--tcp-ports", ports)]
        words += [word for ports in udp for word in ("--udp-ports", ports)]
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said,
                pass_fds=(far.fileno(), writer), start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError:
            os.close(reader)
            raise ConfigError.of(field, "passt is not installed (Debian: apt install passt)") from None
        finally:
            os.close(writer)
        with open(reader, "rb", buffering=0) as pipe:
            if not pipe.read(1):
                process.wait(_PATIENCE)
                said = self._last_words()
                remedy = "; it needs a host with a default route" if "interface not usable" in said else ""
                raise ConfigError.of(field, f"passt does not start: {said}{remedy}")
        return process

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        words = [line.strip() for line in lines if line.strip() and not line.startswith(_NO_REASON)]
        return words[-1] if words else "it does not say why"

    # -- frames in --

    def need(self) -> int:
        """See Link."""
        while (length := self._waiting()) is None:
            if not self._take():
                return 0
        return length + HEADER

    def _waiting(self) -> int | None:
        """Bytes of the next frame, None where it is not whole yet."""
        start, have = self._start + _LENGTH, self._end - self._start - _LENGTH
        if have < 0:
            return None
        length = int.from_bytes(self._received[self._start : start], "big")
        if not 0 < length <= LONGEST:
            raise LinkLost(f"passt sends a frame of {length} bytes")
        return length if have >= length else None

    def _take(self) -> bool:
        """What has come; False when that is nothing."""
        if self._start:
            left = self._end - self._start
            self._received[:left] = self._received[self._start : self._end]
            self._start, self._end = 0, left
        try:
            count = self._socket.recv_into(self._view[self._end :])
        except BlockingIOError:
            return False
        except OSError as error:
            raise LinkLost(f"passt does not answer: {error.strerror}") from None
        if not count:
            raise LinkLost(f"passt has ended: {self._last_words()}")
        self._end += count
        return True

    def receive_into(self, views: Sequence[memoryview]) -> int:
        """See Link. The header says nothing."""
        length = self.need() - HEADER
        if length < 0:
            return 0
        start = self._start + _LENGTH
        self._start = start + length
        if views and len(views[0]) >= HEADER + length:
            views[0][:HEADER] = bytes(HEADER)
            views[0][HEADER : HEADER + length] = self._view[start : start + length]
            return HEADER + length
        content = memoryview(bytes(HEADER) + self._received[start : start + length])
        at = 0
        for view in views:
            part = content[at : at + len(view)]
            view[: len(part)] = part
            at += len(part)
        return at

    # -- frames out --

    def send_from(self, views: Sequence[memoryview]) -> bool:
        """See Link."""
        if not self.flush():
            return False
        frame = _without_header(views)
        length = sum(map(len, frame))
        if not 0 < length <= LONGEST - HEADER:
            return True
        buffers: list[bytes | memoryview] = [length.to_bytes(_LENGTH, "big"), *frame]
        try:
            done = self._socket.sendmsg(buffers)
        except BlockingIOError:
            return False
        except OSError as error:
            raise LinkLost(f"passt has ended: {error.strerror}") from None
        if done < _LENGTH + length:
            self._rest = b"".join(buffers)[done:]
        return True

    def flush(self) -> bool:
        """See Link."""
        if not self._rest:
            return True
        try:
            done = self._socket.send(self._rest)
        except BlockingIOError:
            return False
        except OSError as error:
            raise LinkLost(f"passt has ended: {error.strerror}") from None
        self._rest = self._rest[done:]
        return not self._rest

    # -- a network --

    def accept(self, checksum: bool, tcp4: bool, tcp6: bool, ecn: bool) -> None:
        """See Network: nothing of that ever comes."""

    def use(self, count: int) -> None:
        """See Network."""

    def close(self) -> None:
        """See Network. Its socket gone, passt ends by itself."""
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._said.close()


def _widen(far: socket.socket) -> None:
    """Gives passt's end the room that the host allows."""
    for option in (_FORCE, socket.SO_SNDBUF):
        with suppress(PermissionError):
            far.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            break


def _without_header(views: Sequence[memoryview]) -> list[memoryview]:
    """Of IOV_MAX - 1 parts at most, for there goes one before them."""
    if len(views) >= 1000 or len(views[0]) < HEADER:
        return [memoryview(b"".join(views))[HEADER:]]
    return [*views[1:]] if len(views[0]) == HEADER else [views[0][HEADER:], *views[1:]]
