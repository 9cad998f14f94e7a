"""pvpanic: a port by which a guest's kernel tells that it panicked.

A read gives the events that the device knows; a written byte reports some of them.
Not modelled: the PCI variant, the shutdown event.
Source: QEMU documentation, docs/specs/pvpanic.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PANICKED, CRASH_LOADED = 0x01, 0x02


class Pvpanic(Device):
    """One byte-wide port at offset 0.

    `panicked()` is called when a kernel has panicked for good, `crash_loaded()` when its crash kernel goes on.
    """

    name = "pvpanic"

    def __init__(self, panicked: Callable[[], None], crash_loaded: Callable[[], None]) -> None:
        self._panicked = panicked
        self._crash_loaded = crash_loaded

    def read(self, offset: int, size: int) -> int:
        """The events that are known, in the lowest byte; nobody drives the rest."""
        return mask(size) & ~0xFF | PANICKED | CRASH_LOADED if offset == 0 else mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Events in the lowest byte; those that are not known are passed over, and a panic outdoes a crash kernel."""
        if offset == 0:
            if value & PANICKED:
                self._panicked()
            elif value & CRASH_LOADED:
                self._crash_loaded()
