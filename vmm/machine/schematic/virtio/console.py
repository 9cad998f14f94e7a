"""The sheet of `ports`: a console whose port 0 the guest may use as a terminal, and named ports at Unix sockets."""

from __future__ import annotations

from ....backends.spoken import Spoken
from ....backends.stream_socket import StreamSocket
from ....devices.virtio.console import Console

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....bus.reactor import Reactor
    from ....devices.virtio.console_port import Link
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board

CHIP = "virtio-console"


def devices(board: Board, reactor: Reactor) -> Iterator[tuple[VirtioDevice, str]]:
    """The one. ConfigError where a socket cannot be."""
    ports: list[tuple[str, Link]] = [("console", Spoken(board.output(CHIP)))]
    for index, given in enumerate(board.config.ports):
        name, _, path = given.partition("=")
        link: Link = Spoken(lambda said: None)
        if path:
            link = stream = StreamSocket(path, reactor, f"ports[{index}]")
            board.closers.append(stream.close)
        ports.append((name, link))
    yield Console(ports), CHIP
