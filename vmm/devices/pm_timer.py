"""The ACPI power-management timer: a 24-bit counter of 3.579545 MHz that a guest can only read.

Not modelled: the overflow interrupt and its status bit. Source: ACPI Specification 6.5, section 4.8.3.3.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HERTZ = 3_579_545
_BITS = 24


class PmTimer(Device):
    """The counter's value is that of guest time, `now` in nanoseconds; it has no state of its own."""

    name = "pm_timer"

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now

    def read(self, offset: int, size: int) -> int:
        """The counter, bits 24 to 31 as zero; a part of it at offsets 1 to 3."""
        count = self._now() * HERTZ // 1_000_000_000 & (1 << _BITS) - 1
        return count >> 8 * offset & mask(size)

    def save(self) -> State:
        return State("vmm.pm_timer", 1, {})
