"""Virtio devices in memory space, one behind the other, each with a line of its own."""

from __future__ import annotations

import os

from ....bus.reactor import EDGE, READ
from ....devices.virtio import mmio
from ....errors import ConfigError
from ... import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ....boot.tables.hardware import Pci, Virtio
    from ....bus.reactor import Reactor
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board


class MmioPlaces:
    """Implements Places."""

    pci: Pci | None = None

    def __init__(self, board: Board) -> None:
        self._board = board
        self._transports: list[mmio.Mmio] = []
        self._reactors: list[Reactor] = []
        """Of each."""

    def add(self, device: VirtioDevice, name: str, values: tuple[Any, ...], reactor: Reactor) -> mmio.Mmio:
        """See Places."""
        index = len(self._transports)
        if index == len(layout.VIRTIO_LINES):
            raise ConfigError.of("virtio", f"there is room for {index} devices; pci has room for more")
        transport = mmio.Mmio(device, name, *values)
        self._transports.append(transport)
        self._reactors.append(reactor)
        socket = self._board.socket(name, lambda: transport)
        socket.claim(self._board.mmio, _place(index)[0], mmio.SIZE, width=4)
        socket.chip  # noqa: B018  # so that it counts as made: its state is saved
        return transport

    def ready(self) -> None:
        """See Places."""

    def connect(self, engine: Any, post: Callable[[Callable[[], None]], None]) -> None:
        """See Places. An eventfd where the controllers are KVM's. Where they are ours nobody but vCPU 0's thread may
        touch them."""
        for index, transport in enumerate(self._transports):
            gsi = _place(index)[1]
            fd = engine.interrupt_fd(gsi)
            transport.raise_line = self._slow_line(transport, gsi, post) if fd is None else _pulses(fd)

    def _slow_line(
        self, transport: mmio.Mmio, gsi: int, post: Callable[[Callable[[], None]], None]
    ) -> Callable[[bool], None]:
        line = self._board.line(gsi)

        def follow() -> None:
            line.set(bool(transport.pending))

        return lambda pending: post(follow)

    def add_doorbells(self, engine: Any) -> None:
        """See Places. Where interrupts are edges, their causes too are read and cleared without us."""
        for index, (transport, reactor) in enumerate(zip(self._transports, self._reactors, strict=True)):
            if engine.irqchip is not None:
                start = _place(index)[0]
                transport.keep_flags_in(engine.latch(start + mmio.PENDING, start + mmio.ACKNOWLEDGE))
            for queue in range(len(transport.setups)):
                fd = engine.doorbell(_place(index)[0] + mmio.QUEUE_NOTIFY, 4, queue)
                reactor.add(fd, READ | EDGE, _rung(transport, queue))

    def remind(self) -> None:
        """See Places: KVM may have had one on its way when the state was taken that we go on from."""
        for transport in self._transports:
            if transport.pending:
                transport.raise_line(True)

    @property
    def virtio(self) -> tuple[Virtio, ...]:
        """See Places."""
        from ....boot.tables.hardware import Virtio

        places = [_place(index) for index in range(len(self._transports))]
        return tuple(Virtio(address=address, size=mmio.SIZE, line=line) for address, line in places)

    def words(self) -> list[str]:
        """See Places. Source: Linux, Documentation/admin-guide/kernel-parameters.txt, virtio_mmio.device."""
        return [f"virtio_mmio.device={mmio.SIZE}@{each.address:#x}:{each.line}" for each in self.virtio]


def _place(index: int) -> tuple[int, int]:
    """(address, line) of a device."""
    first, apart = layout.VIRTIO
    return first + index * apart, layout.VIRTIO_LINES[index]


def _pulses(fd: int) -> Callable[[bool], None]:
    def pulse(pending: bool) -> None:
        if pending:
            os.eventfd_write(fd, 1)

    return pulse


def _rung(transport: mmio.Mmio, queue: int) -> Callable[[int], None]:
    return lambda events: transport.notified(queue)
