"""The host's hand on a guest's balloon: how much memory the guest shall do without."""

from __future__ import annotations

from ..errors import ConfigError
from .schematic.virtio.balloon import CHIP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .board import Board


class BalloonControl:
    """Machine.balloon. All of it from any thread."""

    def __init__(self, board: Board) -> None:
        """ConfigError for a machine without one."""
        if board.virtio is None or not board.has_made(CHIP):
            raise ConfigError.of("balloon", "this machine has none: MachineConfig(balloon=True), vmm run --balloon")
        self._device = board.device(CHIP).device
        self._reactor = board.virtio.reactor

    @property
    def target(self) -> int:
        """Bytes that the guest shall do without, whole pages of 4 KiB. It gives them when it can: see `size`."""
        return self._device.target  # type: ignore[no-any-return]

    @target.setter
    def target(self, size: int) -> None:
        if size < 0:
            raise ConfigError.of("balloon", f"{size} bytes are less than nothing")
        self._device.target = size

    @property
    def size(self) -> int:
        """Bytes that it does without now."""
        return self._device.actual  # type: ignore[no-any-return]

    @property
    def reported(self) -> int:
        """Bytes that it has reported free so far, by itself: the host has had them back."""
        return self._device.reported  # type: ignore[no-any-return]

    def statistics(self, timeout: float = 1.0) -> dict[str, int]:
        """What the guest says of its memory: "free", "total", "available", "disk-caches" in bytes, "major-faults", ...
        It is asked, and what it said last is given if it does not answer within `timeout` seconds; {} if it never did.
        """
        from threading import Event

        device, heard = self._device, Event()
        device.heard = heard.set
        self._reactor.call(device.guarded(device.ask))
        heard.wait(timeout)
        return dict(device.statistics)
