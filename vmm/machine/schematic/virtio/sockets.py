"""The sheet of `vsock`: a socket device, with Unix sockets as its other side."""

from __future__ import annotations

from ....backends.unix_streams import UnixStreams
from ....devices.virtio.vsock import Vsock
from ....errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....backends.unix_streams import UnixStream
    from ....bus.reactor import Reactor
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board

FIRST_CID, LAST_CID = 3, 0xFFFF_FFFE
"""Below are the hypervisor's and the host's."""


def devices(board: Board, reactor: Reactor) -> Iterator[tuple[VirtioDevice, str]]:
    """The one."""
    cid, path = parse(board.config.vsock)
    if not path:  # a copy of a machine: the original has the sockets
        yield Vsock(cid, lambda port: None), "virtio-vsock"
        return
    streams = UnixStreams(path, reactor)
    board.closers.append(streams.close)
    device = Vsock(cid, streams.connect)

    def offer(stream: UnixStream, port: int) -> None:
        if device.queues:
            device.guarded(device.offer)(stream, port)
        else:
            stream.close()

    streams.offer = offer
    yield device, "virtio-vsock"


def parse(text: str) -> tuple[int, str]:
    """(context id, path) of "CID,PATH". ConfigError for what is none."""
    number, _, path = text.partition(",")
    if not number.isdecimal() or not FIRST_CID <= int(number) <= LAST_CID:
        raise ConfigError.of("vsock", f"CID,PATH with a context id from {FIRST_CID} on is needed, not {text!r}")
    return int(number), path
