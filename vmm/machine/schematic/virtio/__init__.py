"""Extra sheets, for what a user wants of virtio: disks, networks, entropy. One sheet a kind; here is what they share.

on_mmio.py and on_pci.py say where devices are and how they ring and interrupt. Their work is done on a reactor: one for
all, and one more for each that may wait for the host's storage (docs/adr/0016).
"""

from __future__ import annotations

from _thread import RLock

from ....bus.reactor import Reactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from ....boot.tables.hardware import Pci, Virtio
    from ....devices.virtio.device import VirtioDevice
    from ....devices.virtio.transport import Transport
    from ...board import Board

    class Places(Protocol):
        """One of the two transports, for all devices of a board."""

        def add(self, device: VirtioDevice, name: str, values: tuple[Any, ...], reactor: Reactor) -> Transport:
            """Plugs it in; `values` are for the transport's constructor, doorbells ring at `reactor`."""

        def ready(self) -> None:
            """All are plugged in."""

        def connect(self, engine: Any, post: Callable[[Callable[[], None]], None]) -> None:
            """Interrupts go to the engine, or by `post` to vCPU 0's thread."""

        def add_doorbells(self, engine: Any) -> None:
            """From now on a driver rings without an exit."""

        def remind(self) -> None:
            """Interrupts that are pending are told once more."""

        @property
        def virtio(self) -> tuple[Virtio, ...]:
            """For the tables."""

        @property
        def pci(self) -> Pci | None:
            """For the tables."""

        def words(self) -> list[str]:
            """For the command line of a Linux that looks at no tables."""


def place(board: Board) -> None:
    """Makes the devices and claims their addresses. ConfigError for more than there is room for."""
    devices = board.virtio = VirtioDevices(board)
    try:
        for device, name in _wanted(board, devices):
            devices.add(device, name)
        devices.places.ready()
    except BaseException:
        board.close()
        raise


def _wanted(board: Board, all: VirtioDevices) -> Iterator[tuple[VirtioDevice, str]]:
    """Every device with its name on the board, in the order in which the guest finds them."""
    if board.config.disks:
        from . import disks

        yield from disks.devices(board, all.tell)
    if board.config.networks:
        from . import networks

        yield from networks.devices(board, all.reactor, all.tell)
    if board.config.ports:
        from . import console

        yield from console.devices(board, all.reactor)
    if board.config.rng:
        from . import rng

        yield from rng.devices(board)
    if board.config.balloon:
        from . import balloon

        yield from balloon.devices(board)
    if board.config.shares:
        from . import shares

        yield from shares.devices(board, all.tell)
    if board.config.memory_max:
        from . import mem

        yield from mem.devices(board)
    if board.config.vsock:
        from . import sockets

        yield from sockets.devices(board, all.reactor)


class VirtioDevices:
    """All virtio devices of a board and the reactors that work for them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._tell: Callable[[str, str], None] = lambda name, words: None
        self._failed: Callable[[str, Exception], None] = lambda name, error: None
        self.reactor = self._new_reactor()
        """For whoever never waits."""
        self._own: dict[VirtioDevice, Reactor] = {}
        self.places = _places(board)
        self.transports: list[Transport] = []
        self._has_doorbells = False

    def add(self, device: VirtioDevice, name: str) -> None:
        """Plugs it in."""
        reactor = self.reactor_of(device)
        values = (self._board.memory, RLock(), reactor.call, lambda words: self.tell(name, words))
        self.transports.append(self.places.add(device, name, values, reactor))

    def reactor_of(self, device: VirtioDevice) -> Reactor:
        """The one that works for it."""
        if not device.may_wait:
            return self.reactor
        return self._own.get(device) or self._own.setdefault(device, self._new_reactor())

    def _new_reactor(self) -> Reactor:
        return Reactor(lambda error: self._failed("a virtio device", error))

    @property
    def _reactors(self) -> tuple[Reactor, ...]:
        return (self.reactor, *self._own.values())

    def tell(self, name: str, words: str) -> None:
        """A device has something to say to the user. Any thread."""
        self._tell(f"{name}:", words)

    def connect(
        self, engine: Any, post: Callable[[Callable[[], None]], None], failed: Callable[[str, Exception], None],
        tell: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        """`post` has a job done by vCPU 0's thread, `failed` hears of errors of ours, `tell` of the guest's."""
        self._failed, self._tell = failed, tell
        self.places.connect(engine, post)

    def resume(self, engine: Any) -> None:
        """The machine runs from now on."""
        if not self._has_doorbells:
            self._has_doorbells = True
            if self._board.mmio.observer is None:  # who wants to see each access sees rings too
                self.places.add_doorbells(engine)
        self.places.remind()
        for reactor in self._reactors:
            reactor.resume()

    def pause(self) -> None:
        """The machine stands still: nothing is done for its devices."""
        for reactor in self._reactors:
            reactor.pause()

    def settle(self) -> None:
        """What devices have in flight is finished, before the machine's state is taken. It stands still."""
        for transport in self.transports:
            transport.settle()

    def close(self) -> None:
        """Ends the reactors and closes the devices."""
        for reactor in self._reactors:
            reactor.close()
        for transport in self.transports:
            transport.close()


def _places(board: Board) -> Places:
    if board.config.virtio == "pci":
        from .on_pci import PciPlaces

        return PciPlaces(board)
    from .on_mmio import MmioPlaces

    return MmioPlaces(board)
