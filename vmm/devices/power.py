"""Reset and A20 switches of a PC: system control port A and the reset control register, one byte each.

A20 itself is always on, as on machines of today: the bit can be written and read back and changes no address.
Not modelled: the security lock, watchdog and disk light of port A, and the full power cycle of later chipsets.
Sources: IBM PS/2 Hardware Interface Technical Reference (port A), Intel 82371AB (PIIX4) datasheet (RC register).
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FAST_RESET, _A20 = 0x01, 0x02  # system control port A
_HARD, _RESET_CPU = 0x02, 0x04  # reset control


class _ByteLatch(Device):
    """A byte-wide register at offset 0 that keeps `_kept` bits, and does something when one of them rises."""

    _schema: str
    _kept: int
    _at_power_on: int

    def __init__(self, reset_requested: Callable[[str], None]) -> None:
        self._reset_requested = reset_requested
        self._value = self._at_power_on

    def _written(self, before: int) -> None:
        """What a write does beyond being kept; `before` is the value it replaced."""

    def read(self, offset: int, size: int) -> int:
        """The bits kept."""
        return mask(size) & ~0xFF | self._value if offset == 0 else mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """The lowest byte counts."""
        if offset == 0:
            before = self._value
            self._value = value & self._kept
            self._written(before)

    def reset(self) -> None:
        self._value = self._at_power_on

    def save(self) -> State:
        return State(self._schema, 1, {"value": self._value})

    def load(self, state: State) -> None:
        value = state.expect(self._schema, 1, ("value",))["value"]
        if not isinstance(value, int) or value & ~self._kept:
            raise SnapshotError(f"{self._schema}: value must have no bits but {self._kept:#x}, not {value!r}")
        self._value = value


class SystemControlA(_ByteLatch):
    """Fast A20 and fast reset. Calls `reset_requested("fast reset")` when bit 0 goes from 0 to 1.

    Bit 1, A20, is set from power-on and keeps what is written. The other bits read as 0.
    """

    name = "system_control_a"
    _schema = "vmm.system_control_a"
    _kept = _FAST_RESET | _A20
    _at_power_on = _A20

    def _written(self, before: int) -> None:
        if self._value & ~before & _FAST_RESET:
            self._reset_requested("fast reset")


class ResetControl(_ByteLatch):
    """The reset control register. Calls `reset_requested` when bit 2 goes from 0 to 1.

    The word is "hard reset (reset control)" when bit 1 is set, else "soft reset (reset control)". Only byte accesses
    reach it: the dword around it is the address register of PCI configuration, another device's.
    """

    name = "reset_control"
    _schema = "vmm.reset_control"
    _kept = _HARD | _RESET_CPU
    _at_power_on = 0

    def read(self, offset: int, size: int) -> int:
        """The bits kept, for a byte."""
        return super().read(offset, size) if size == 1 else mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """A byte."""
        if size == 1:
            super().write(offset, size, value)

    def _written(self, before: int) -> None:
        if self._value & ~before & _RESET_CPU:
            kind = "hard" if self._value & _HARD else "soft"
            self._reset_requested(f"{kind} reset (reset control)")
