"""Where a machine moves to: unix:PATH, or tcp:HOST:PORT."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress

from ...errors import ConfigError, HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 106
"""Bytes of a socket's path: sun_path has 108 with the NUL, and one is for a name before it is ready (unix(7))."""
PATIENCE = 10.0
"""Seconds for a connection to come about."""


def parsed(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """(family, address as the socket takes it). ConfigError for what is none."""
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest and "\0" not in rest and len(os.fsencode(rest)) <= LONGEST:
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if kind == "tcp" and host and port.isdecimal() and int(port) < 1 << 16:
        return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))
    raise ConfigError.of("address", f"{address!r} is neither unix:PATH ({LONGEST} bytes at most) nor tcp:HOST:PORT")


def connect(address: str, does: str = "takes a machine") -> socket.socket:
    """A connection to one who listens there. HostError when nobody does."""
    family, place = parsed(address)
    line = socket.socket(family, socket.SOCK_STREAM)
    line.settimeout(PATIENCE)
    try:
        line.connect(place)
    except OSError as error:
        line.close()
        raise HostError(f"nobody {does} at {address}: {error.strerror or error}") from error
    return line


def accept_one(address: str) -> socket.socket:
    """Listens there until one connects, and no longer. HostError when the address cannot be had."""
    with listening(address, 1) as listener:
        line, _ = listener.accept()
    return line


@contextmanager
def listening(address: str, most: int) -> Iterator[socket.socket]:
    """A socket that listens there, `most` at a time before they are taken; a path is gone afterwards. HostError when
    the address cannot be had."""
    family, place = parsed(address)
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _listen(listener, place, most)
        except OSError as error:
            raise HostError(f"cannot listen at {address}: {error.strerror}") from error
        try:
            yield listener
        finally:
            if isinstance(place, str):
                with suppress(OSError):
                    os.unlink(place)


def _listen(listener: socket.socket, place: str | tuple[str, int], most: int) -> None:
    """A path is there when one can connect to it, not before."""
    if not isinstance(place, str):
        listener.bind(place)
        listener.listen(most)
        return
    arriving = f"{place}~"
    listener.bind(arriving)
    try:
        os.chmod(arriving, 0o600)  # for nobody else: who connects gives a machine to run
        listener.listen(most)
        os.link(arriving, place)
    finally:
        os.unlink(arriving)
