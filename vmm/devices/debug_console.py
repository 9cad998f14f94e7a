"""Debug console: a port whose written bytes are text for the host, as Bochs and QEMU have at 0xe9 and SeaBIOS at 0x402.

A read gives a constant by which a guest knows that the port is there.
Not modelled: input. Source: Bochs documentation of the port 0xe9 hack.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class DebugConsole(Device):
    """One byte-wide port at offset 0. `output` takes what the guest writes, at once.

    The run step may always answer for it: see quiet_reads() and quiet_ring_offset().
    """

    name = "debug_console"

    def __init__(self, output: Callable[[bytes], None], readback: int = 0xE9) -> None:
        self.output = output
        self._readback = readback & 0xFF
        self.quiet_changed: Callable[[], None] = lambda: None
        """Never called: the console is quiet all the time."""

    def transmit(self, data: bytes) -> None:
        """Puts out `data` as if the guest had written each byte: how the run step hands over its ring."""
        if data:
            self.output(data)

    def quiet_reads(self) -> tuple[tuple[int, int], ...]:
        """(offset, value) of byte reads that have no effect and one answer."""
        return ((0, self._readback),)

    def quiet_ring_offset(self) -> int | None:
        """Where byte writes may be gathered for transmit()."""
        return 0

    def read(self, offset: int, size: int) -> int:
        """The constant in the lowest byte; nobody drives the rest."""
        return mask(size) & ~0xFF | self._readback if offset == 0 else mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """The lowest byte is put out; those beyond the port are not its own."""
        if offset == 0:
            self.output((value & 0xFF).to_bytes(1, "little"))
