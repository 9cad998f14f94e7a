"""The sheet of `networks`: a network card for each, over a tap or a passt of its own."""

from __future__ import annotations

import os

from ....bus.reactor import EDGE, READ, WRITE
from ....devices.virtio.net import Net
from ...net_options import derived_mac, parse_net
from .limits import set_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....bus.network import Network
    from ....bus.reactor import Reactor
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board
    from ...net_options import NetOptions


def devices(board: Board, reactor: Reactor, tell: Callable[[str, str], None]) -> Iterator[tuple[VirtioDevice, str]]:
    """In the order of the configuration. ConfigError for what cannot be had here."""
    for index, given in enumerate(board.config.networks):
        field, name = f"networks[{index}]", f"virtio-net{index}"
        options = parse_net(given, field)
        network = _network(options, field)
        seed = options.seed or f"{os.uname().nodename} {options.kind} {options.tap or index}"
        card = Net(network, options.mac or derived_mac(seed), _teller(tell, name))
        if options.limits.are_any:
            set_limit(card, reactor, options.limits)
        yield card, name
        for pair, link in enumerate(network.links) if card.is_up else ():
            reactor.add(link.fd, READ | WRITE | EDGE, _came(card, pair))


def _network(options: NetOptions, field: str) -> Network:
    if options.kind == "tap":
        from ....backends.tap import Tap

        return Tap(options.tap, options.queues, field)
    if options.kind == "none":
        from ....backends.no_network import NoNetwork

        return NoNetwork(options.queues)
    from ....backends.passt import Passt

    return Passt(options.tcp, options.udp, field)


def _came(card: Net, pair: int) -> Callable[[int], None]:
    """With its transport, which the card has by now."""

    def came(events: int) -> None:
        card.receive(pair)
        if events & WRITE:
            card.has_room(pair)

    return card.guarded(came)


def _teller(tell: Callable[[str, str], None], name: str) -> Callable[[str], None]:
    return lambda words: tell(name, words)
