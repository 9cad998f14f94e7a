"""System control port B (0x61): gate and output of the timer's counter 2, speaker data, and the refresh toggle.

Bit 0 gate 2, bit 1 speaker data, bits 2-3 error checks off (kept, without effect), bit 4 changes at every memory
refresh (15 us), bit 5 output of counter 2, bits 6-7 error latches (always 0). The refresh does not depend on what
counter 1 is programmed to.
Not modelled: the speaker, NMI on errors.  Source: IBM PC/AT Technical Reference; Intel 82371AB (PIIX4) NMISC.
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pit import Pit

_REFRESH = 18  # timer pulses between two memory refreshes, as every PC BIOS programs counter 1


class Port61(Device):
    """The port; bit 0 lives in `pit` as the gate itself."""

    name = "port61"

    def __init__(self, pit: Pit) -> None:
        self._pit = pit
        self._kept = 0

    def read(self, offset: int, size: int) -> int:
        """The port at offset 0; nothing (ones) beyond it."""
        pit = self._pit
        refresh = pit.ticks() // _REFRESH & 1
        value = pit.gate2 | self._kept | refresh << 4 | pit.output2 << 5
        return ~0xFF & (1 << 8 * size) - 1 | value if offset == 0 else (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """Takes bits 0-3."""
        if offset == 0:
            self._kept = value & 0xE
            self._pit.set_gate2(value & 1 == 1)

    def reset(self) -> None:
        """Gate and speaker off."""
        self._kept = 0
        self._pit.set_gate2(False)

    def save(self) -> State:
        """Bits 1-3; the gate is part of the timer's state."""
        return State("vmm.port61", 1, {"kept": self._kept})

    def load(self, state: State) -> None:
        """Takes bits 1-3; the gate comes with the timer's state."""
        kept = state.expect("vmm.port61", 1, ("kept",))["kept"]
        if type(kept) is not int or kept & ~0xE:
            raise SnapshotError(f"vmm.port61: kept cannot be {kept!r}")
        self._kept = kept
