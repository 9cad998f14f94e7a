"""A descriptor chain that a driver has made available: the buffers of one request, as views of guest memory.

The views go as they are to readv, writev, preadv, pwritev and sendmsg. They are good until the chain is pushed back.
Source: virtio 1.2, section 2.7.4 (message framing).
"""

from __future__ import annotations

from ...errors import GuestError

MOST_PARTS = 1024
"""Buffers of one chain: as many as one preadv takes (IOV_MAX), and as other VMMs allow."""
MOST_BYTES = 1 << 32
"""Of one chain. Source: section 2.7.5.2."""


class Chain:
    """What pop() gives and push() takes back."""

    __slots__ = ("head", "parts", "places", "readable", "size", "taken", "taken_ns", "writable")

    def __init__(self, head: int) -> None:
        self.head = head
        """How the driver knows it."""
        self.readable: list[memoryview] = []
        """What the device reads, in order."""
        self.writable: list[memoryview] = []
        """What the device fills, in order."""
        self.places: list[tuple[int, int]] = []
        """(guest physical address, size) of each of `writable`."""
        self.size = 0
        """Bytes of all of them."""
        self.parts = 0
        """How many they are."""
        self.taken = 1
        """How many entries of the ring it took."""
        self.taken_ns: int
        """When it was; only in queues that are watched."""

    @property
    def readable_size(self) -> int:
        """Bytes that the device may read."""
        return sum(map(len, self.readable))

    @property
    def writable_size(self) -> int:
        """Bytes that the device may fill."""
        return sum(map(len, self.writable))

    def read(self, size: int, at: int = 0) -> bytes:
        """A copy of `size` readable bytes from `at` on, however the driver has cut them. GuestError for too few."""
        first = self.readable[0] if self.readable else b""
        if at + size <= len(first):
            return bytes(first[at : at + size])
        content = b"".join(cut(self.readable, at, size))
        if len(content) != size:
            raise GuestError("virtio", f"a request of {self.readable_size} bytes, {at + size} are expected")
        return content

    def write(self, content: bytes, at: int = 0) -> int:
        """Copies `content` to the writable bytes from `at` on, as much as there is room for; how much that was."""
        done = 0
        for view in cut(self.writable, at, len(content)):
            view[:] = content[done : done + len(view)]
            done += len(view)
        return done


def cut(views: list[memoryview], at: int, size: int) -> list[memoryview]:
    """The views of `size` bytes from `at` on, fewer where there are no more; `views` itself when that is all of it."""
    found: list[memoryview] = []
    for view in views:
        length = len(view)
        if at >= length:
            at -= length
            continue
        if size <= 0:
            break
        part = view if not at and size >= length else view[at : at + size]
        found.append(part)
        size -= len(part)
        at = 0
    return found
