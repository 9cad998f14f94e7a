"""Extra sheets, for what a user wants of virtio: disks, networks, entropy. One sheet a kind; here is what they share.

Devices stand one behind the other in memory space, each with a line of its own. Their work is done on one reactor.
"""

from __future__ import annotations

import os
from _thread import RLock

from ....bus.reactor import EDGE, READ, Reactor
from ....devices.virtio import mmio
from ....errors import ConfigError
from ... import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ....boot.tables.hardware import Virtio
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


def place(board: Board) -> None:
    """Makes the devices and claims their addresses. ConfigError for more than there is room for."""
    devices = board.virtio = VirtioDevices(board)
    try:
        for device, name in _wanted(board, devices.tell):
            devices.add(device, name)
    except BaseException:
        board.close()
        raise


def _wanted(board: Board, tell: Callable[[str, str], None]) -> Iterator[tuple[VirtioDevice, str]]:
    """Every device with its name on the board, in the order in which the guest finds them."""
    if board.config.disks:
        from . import disks

        yield from disks.devices(board, tell)
    if board.config.rng:
        from . import rng

        yield from rng.devices(board)
    if board.config.balloon:
        from . import balloon

        yield from balloon.devices(board)


class VirtioDevices:
    """All virtio devices of a board and the reactor that works for them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._tell: Callable[[str, str], None] = lambda name, words: None
        self._failed: Callable[[str, Exception], None] = lambda name, error: None
        self._post: Callable[[Callable[[], None]], None] = lambda job: None
        self.reactor = Reactor(lambda error: self._failed("a virtio device", error))
        self.transports: list[mmio.Mmio] = []
        self._has_doorbells = False

    def add(self, device: VirtioDevice, name: str) -> None:
        """Plugs it in."""
        index = len(self.transports)
        if index == len(layout.VIRTIO_LINES):
            raise ConfigError.of("virtio", f"there is room for {index} devices")
        transport = mmio.Mmio(
            device, name, self._board.memory, RLock(), self.reactor.call, lambda words: self.tell(name, words)
        )
        self.transports.append(transport)
        start, _ = self.place_of(index)
        socket = self._board.socket(name, lambda: transport)
        socket.claim(self._board.mmio, start, mmio.SIZE, width=4)
        socket.chip  # noqa: B018  # so that it counts as made: its state is saved

    def tell(self, name: str, words: str) -> None:
        """A device has something to say to the user. Any thread."""
        self._tell(name, words)

    def place_of(self, index: int) -> tuple[int, int]:
        """(address, line) of a device."""
        first, apart = layout.VIRTIO
        return first + index * apart, layout.VIRTIO_LINES[index]

    def described(self) -> tuple[Virtio, ...]:
        """For the tables."""
        from ....boot.tables.hardware import Virtio

        places = [self.place_of(index) for index in range(len(self.transports))]
        return tuple(Virtio(address=address, size=mmio.SIZE, line=line) for address, line in places)

    def words(self) -> list[str]:
        """For the command line of a Linux that looks at no tables. Source: its
        Documentation/admin-guide/kernel-parameters.txt, virtio_mmio.device."""
        places = [self.place_of(index) for index in range(len(self.transports))]
        return [f"virtio_mmio.device={mmio.SIZE}@{address:#x}:{line}" for address, line in places]

    def connect(
        self, engine: Any, post: Callable[[Callable[[], None]], None], failed: Callable[[str, Exception], None],
        tell: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        """`post` has a job done by vCPU 0's thread, `failed` hears of errors of ours, `tell` of the guest's."""
        self._post, self._failed, self._tell = post, failed, tell
        for index, transport in enumerate(self.transports):
            gsi = self.place_of(index)[1]
            fd = engine.interrupt_fd(gsi)
            transport.raise_line = self._slow_line(transport, gsi) if fd is None else _pulses(fd)

    def _slow_line(self, transport: mmio.Mmio, gsi: int) -> Callable[[bool], None]:
        """An interrupt by way of vCPU 0's thread, where the controllers are ours: nobody else may touch them."""
        line = self._board.line(gsi)

        def follow() -> None:
            line.set(bool(transport.pending))

        return lambda pending: self._post(follow)

    def resume(self, engine: Any) -> None:
        """The machine runs from now on."""
        if not self._has_doorbells:
            self._has_doorbells = True
            if self._board.mmio.observer is None:  # who wants to see each access sees rings too
                self._add_doorbells(engine)
        for transport in self.transports:
            if transport.pending:  # KVM may have had it on its way when the state was taken that we go on from
                transport.raise_line(True)
        self.reactor.resume()

    def _add_doorbells(self, engine: Any) -> None:
        for index, transport in enumerate(self.transports):
            address, _ = self.place_of(index)
            for queue in range(len(transport.setups)):
                fd = engine.doorbell(address + mmio.QUEUE_NOTIFY, 4, queue)
                self.reactor.add(fd, READ | EDGE, _rung(transport, queue))

    def pause(self) -> None:
        """The machine stands still: nothing is done for its devices."""
        self.reactor.pause()

    def close(self) -> None:
        """Ends the reactor and closes the devices."""
        self.reactor.close()
        for transport in self.transports:
            transport.close()


def _pulses(fd: int) -> Callable[[bool], None]:
    def pulse(pending: bool) -> None:
        if pending:
            os.eventfd_write(fd, 1)

    return pulse


def _rung(transport: mmio.Mmio, queue: int) -> Callable[[int], None]:
    return lambda events: transport.notified(queue)
