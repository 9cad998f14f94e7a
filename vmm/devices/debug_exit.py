"""Debug exit: a port through which a guest ends its run with a value, compatible with QEMU's isa-debug-exit.

QEMU guests expect four ports from 0xf4 on and write a byte, word or dword to the first. The value arrives here as
written; forms such as QEMU's exit status, (value << 1) | 1, belong to whoever reports it.
Not modelled: writes to the other ports (ignored). Source: QEMU documentation of isa-debug-exit.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class DebugExit(Device):
    """Calls `ended(value)` on every write at offset 0; it is the machine that decides to run on no further."""

    name = "debug_exit"

    def __init__(self, ended: Callable[[int], None]) -> None:
        self._ended = ended

    def read(self, offset: int, size: int) -> int:
        """All ones: the ports are for writing."""
        return mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """The end, at offset 0."""
        if offset == 0:
            self._ended(value & mask(size))
