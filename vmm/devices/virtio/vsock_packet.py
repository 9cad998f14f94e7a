"""The packets of a socket device: a header, and for some of them data. Source: virtio 1.2, section 5.10.6."""

from __future__ import annotations

from struct import Struct

HOST = 2
"""The host's context id."""
STREAM = 1
"""The one type of sockets here."""
REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
NO_MORE_IN, NO_MORE_OUT = 1, 2
"""Flags of SHUTDOWN: its sender receives no more, sends no more."""
HEADER = Struct("<QQIIIHHIII")
"""Source and destination context id and port, size of the data, type, operation, flags, room for data in all, and how
much of it was passed on so far."""
SIZE = HEADER.size
