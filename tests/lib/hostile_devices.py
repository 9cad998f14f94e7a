"""The devices that hostile.py tries, and what they like to be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from struct import pack
from tempfile import TemporaryDirectory

from hostile import Make
from hostile_outside import DEVICES as OUTSIDE
from hostile_outside import REQUESTS

from vmm.backends.disk import MemoryDisk
from vmm.backends.shared_directory import SharedDirectory
from vmm.backends.spoken import Spoken
from vmm.devices.p9 import wire
from vmm.devices.p9.session import Session
from vmm.devices.virtio import vsock_packet as packets
from vmm.devices.virtio.balloon import Balloon
from vmm.devices.virtio.block import Block
from vmm.devices.virtio.console import Console
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.mem import BLOCK, Mem
from vmm.devices.virtio.net import Net
from vmm.devices.virtio.p9 import P9
from vmm.devices.virtio.rng import Rng
from vmm.devices.virtio.vsock import Vsock


def _block() -> VirtioDevice:
    return Block(MemoryDisk(bytes(64 << 10)), "serial", queues=2)


def _rng() -> VirtioDevice:
    def fill(views: list[memoryview]) -> int:
        for view in views:
            view[:] = bytes(len(view))
        return sum(map(len, views))

    return Rng(fill)


def _balloon() -> VirtioDevice:
    spans = ((0, 64 << 10), (0x10_0000, 16 << 10))

    def discard(gpa: int, size: int) -> None:
        assert size > 0
        assert any(first <= gpa and gpa + size <= first + room for first, room in spans), (hex(gpa), size)

    return Balloon(lambda gpa, size: any(first <= gpa and gpa + size <= first + room for first, room in spans), discard)


class _Stream:
    """Takes half of what it is given, gives a hundred bytes, and ends."""

    def __init__(self) -> None:
        self.ready: Callable[[bool, bool], None] = lambda readable, writable: None
        self._left = 100
        self._is_closed = False

    def read(self, views: list[memoryview]) -> int | None:
        assert not self._is_closed
        size = min(self._left, sum(map(len, views)))
        self._left -= size
        return size

    def write(self, views: list[memoryview]) -> int:
        assert not self._is_closed
        return sum(map(len, views)) // 2

    def watch(self, readable: bool, writable: bool) -> None:
        if readable or writable:
            self.ready(readable, writable and self._left % 2 == 1)

    def accepted(self, port: int) -> None:
        assert not self._is_closed

    def end_output(self) -> None:
        pass

    def close(self) -> None:
        self._is_closed = True


def _vsock() -> VirtioDevice:
    return Vsock(3, lambda port: _Stream() if port % 2 else None)


def _packet(operation: int, port: int = 5, size: int = 0, flags: int = 0, cid: int = 3) -> bytes:
    return packets.HEADER.pack(cid, 2, 9, port, size, 1, operation, flags, 100, 0) + bytes(20)


_PACKETS = (
    *(_packet(operation) for operation in range(1, 9)), _packet(packets.RW, size=20), _packet(packets.RW, size=1 << 31),
    _packet(packets.REQUEST, port=4), _packet(packets.SHUTDOWN, flags=3), _packet(packets.SHUTDOWN, flags=2),
    _packet(packets.REQUEST, cid=9),
)  # fmt: skip


class _Cable:
    """Two links on which there is always a frame, and sometimes room for one."""

    mtu, segments, fd = 1500, True, -1

    def __init__(self) -> None:
        self.links = (self, self)
        self.is_full = False

    def need(self) -> int:
        return 100

    def receive_into(self, views: Sequence[memoryview]) -> int:
        left = 100
        for view in views:
            view[: min(left, len(view))] = bytes(min(left, len(view)))
            left -= min(left, len(view))
        return 100 - left

    def send_from(self, views: Sequence[memoryview]) -> bool:
        assert sum(map(len, views)) >= 12
        self.is_full = not self.is_full
        return self.is_full

    def accept(self, *wanted: bool) -> None:
        assert len(wanted) == 4

    def use(self, count: int) -> None:
        assert 1 <= count <= 2

    def close(self) -> None:
        """Nothing to pull."""


def _net() -> VirtioDevice:
    return Net(_Cable(), bytes((2, 0, 0, 0, 0, 1)))


class _Chatter:
    """A port's far end that takes half of what it is told, and always has something to say."""

    came = has_room = turned = None
    is_open = True

    def write(self, views) -> int:
        return sum(map(len, views)) // 2

    def read_into(self, views) -> int:
        for view in views:
            view[:] = bytes(len(view))
        return min(sum(map(len, views)), 64)

    def want(self, wanted: bool) -> None:
        self.wanted = wanted


def _console() -> VirtioDevice:
    return Console([("console", Spoken(lambda said: None)), ("agent", _Chatter())])


@cache
def _directory() -> tuple[TemporaryDirectory, SharedDirectory]:
    """One for all: what earlier programs left there is part of the game."""
    place = TemporaryDirectory()
    return place, SharedDirectory(place.name, False, "shares[0]")


def _p9() -> VirtioDevice:
    return P9(Session(_directory()[1]), "tag")


_MESSAGES = (
    wire.message(wire.VERSION, 1, pack("<I", 8192) + wire.text(b"9P2000.L")),
    wire.message(wire.ATTACH, 1, pack("<II", 0, wire.NO_FID) + bytes(8)),
    wire.message(wire.LCREATE, 1, pack("<I", 1) + wire.text(b"f") + pack("<III", 0o102, 0o644, 0)),
    wire.message(wire.WALK, 1, pack("<IIH", 0, 1, 0)), wire.message(wire.WALK, 1, pack("<IIH", 0, 1, 9)),
    wire.message(wire.WRITE, 1, pack("<IQI", 1, 0, 5)), wire.message(wire.READ, 1, pack("<IQI", 1, 0, 500)),
    wire.message(wire.LOPEN, 1, pack("<II", 0, 0)), wire.message(wire.READDIR, 1, pack("<IQI", 0, 0, 500)),
    wire.message(wire.GETATTR, 1, pack("<IQ", 0, 0x7FF)), wire.HEADER.pack(0xFFFF_FFFF, wire.WRITE, 1),
    wire.HEADER.pack(0, 0, 0),
)  # fmt: skip


def _mem() -> VirtioDevice:
    device = Mem(1 << 31, 8 * BLOCK, lambda gpa, size: None)
    device.requested = 4 * BLOCK
    return device


def _blocks(kind: int, first: int, count: int) -> bytes:
    return pack("<H6xQH6x", kind, (1 << 31) + first * BLOCK, count)


DEVICES: dict[str, tuple[Make, tuple[bytes, ...]]] = {
    "balloon": (_balloon, (pack("<4I", 1, 2, 3, 15), pack("<4I", 0x100, 0x103, 0x104, 0xFFFF_FFFF), pack("<HQ", 4, 1))),
    "9p": (_p9, _MESSAGES),
    "mem": (_mem, tuple(_blocks(*each) for each in ((0, 0, 2), (0, 7, 1), (1, 0, 1), (2, 0, 0), (3, 0, 9), (9, 0, 1)))),
    "rng": (_rng, ()),
    "vsock": (_vsock, _PACKETS),
    "net": (_net, (bytes(12), *(pack("<BBH", 4, 0, pairs) for pairs in range(4)))),
    "blk": (_block, REQUESTS),
    "console": (_console, tuple(pack("<IHH", port, event, 1) for port in (0, 1, 9) for event in (0, 3, 6))),
    **OUTSIDE,
}
"""(how it is made, contents of memory that it likes) by name."""
