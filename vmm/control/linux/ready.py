"""A port by which a guest's init says that its console is set up; a device like those of the board."""

from __future__ import annotations

from ...bus.device import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Ready(Device):
    """Calls `done` at every write."""

    name = "ready"

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done

    def write(self, offset: int, size: int, value: int) -> None:
        """The guest is ready."""
        self._done()
