"""Virtio devices as functions of PCI bus 0, found by PCI Express' window onto configuration space."""

from __future__ import annotations

from ....bus.reactor import EDGE, READ
from ....devices.pci.config_space import ConfigSpace
from ....devices.pci.ecam import Ecam
from ....devices.virtio import pci
from ....errors import ConfigError
from ... import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ....boot.tables.hardware import Pci, Virtio
    from ....bus.bus import Claim
    from ....bus.reactor import Reactor
    from ....devices.virtio.device import VirtioDevice
    from ...board import Board

BRIDGE = (0x8086, 0x0D57, 0x0600)
"""Vendor, device and class of the host bridge, which does nothing; other small VMMs have the same."""
MOST = 31


class PciPlaces:
    """Implements Places."""

    virtio: tuple[Virtio, ...] = ()

    def __init__(self, board: Board) -> None:
        self._board = board
        self._functions: dict[tuple[int, int], ConfigSpace] = {(0, 0): ConfigSpace(*BRIDGE)}
        self._slots: list[Slot] = []

    def add(self, device: VirtioDevice, name: str, values: tuple[Any, ...], reactor: Reactor) -> pci.Pci:
        """See Places."""
        index = len(self._slots)
        if index == MOST:
            raise ConfigError.of("virtio", f"there is room for {MOST} devices")
        transport = pci.Pci(device, name, *values)
        transport.put_at(layout.PCI_WINDOW[0] + index * pci.BAR_SIZE)
        self._functions[(index + 1, 0)] = transport.space
        self._slots.append(Slot(self._board, transport, reactor))
        self._board.socket(name, lambda: transport).chip  # noqa: B018  # made: its state is saved
        return transport

    def ready(self) -> None:
        """See Places."""
        window = Ecam(self._functions, ((0, 0),))
        self._board.socket("pci", lambda: window).claim(self._board.mmio, *layout.PCI_ECAM, width=4)

    def connect(self, engine: Any, post: Callable[[Callable[[], None]], None]) -> None:
        """See Places: messages go to the local APICs from any thread."""
        for slot in self._slots:
            slot.transport.send = engine.send_message

    def add_doorbells(self, engine: Any) -> None:
        """See Places."""
        for slot in self._slots:
            slot.add_doorbells(engine)

    def remind(self) -> None:
        """See Places: messages that were sent are in the local APICs' state."""

    @property
    def pci(self) -> Pci:
        """See Places."""
        from ....boot.tables.hardware import Pci

        return Pci(ports=(), memory=(layout.PCI_WINDOW,), ecam=layout.PCI_ECAM[0])

    def words(self) -> list[str]:
        """See Places: none."""
        return []


class Slot:
    """One function's BAR on the board, wherever the guest moves it."""

    def __init__(self, board: Board, transport: pci.Pci, reactor: Reactor) -> None:
        self._board = board
        self._reactor = reactor
        self.transport = transport
        self._claim: Claim | None = None
        self._engine: Any = None
        self._fds: list[int] = []
        transport.moved = self._moved

    def add_doorbells(self, engine: Any) -> None:
        """From now on."""
        self._engine = engine
        if self._claim is not None:
            self._ring_at(self._claim.span.start)

    def _moved(self, address: int | None) -> None:
        """Decoded there, if nobody else is; on a vCPU's thread, or while none runs."""
        if self._claim is not None:
            self._board.mmio.release(self._claim)
            self._claim = None
            self._silence()
        if address is None:
            return
        try:
            name = self.transport.name
            self._claim = self._board.mmio.claim(address, pci.BAR_SIZE, self.transport, width=4, name=name)
        except ConfigError:
            return  # another device's address: that one answers
        if self._engine is not None:
            self._ring_at(address)

    def _ring_at(self, address: int) -> None:
        for queue in range(len(self.transport.setups)):
            fd = self._engine.doorbell(address + pci.NOTIFY + pci.NOTIFY_APART * queue, 2)
            self._fds.append(fd)
            self._reactor.add(fd, READ | EDGE, _rung(self.transport, queue))

    def _silence(self) -> None:
        for fd in self._fds:
            self._reactor.remove(fd)
            self._engine.remove_doorbell(fd)
        self._fds.clear()


def _rung(transport: pci.Pci, queue: int) -> Callable[[int], None]:
    return lambda events: transport.notified(queue)
