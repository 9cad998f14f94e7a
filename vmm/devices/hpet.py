"""HPET: a 64-bit counter of 100 MHz in memory space, and one comparator that no interrupt input is wired to.

Guest side: capabilities at 0x000, configuration at 0x010, interrupt status at 0x020, the counter at 0x0f0, the
comparator's configuration and value at 0x100 and 0x108. The counter can be set while it is stopped.
Not modelled: interrupts, so the comparator offers no route for one. Source: IA-PC HPET specification 1.0a.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 10
"""Nanoseconds between two counts."""
CAPABILITIES, CONFIGURATION, STATUS, COUNTER, TIMER, COMPARATOR = 0x000, 0x010, 0x020, 0x0F0, 0x100, 0x108
ENABLE = 1 << 0

_FEMTOSECONDS = 1_000_000
_IDENTITY = PERIOD * _FEMTOSECONDS << 32 | 0x8086 << 16 | 1 << 13 | 1  # vendor; 64 bits wide; one timer; revision 1
_TIMER = 1 << 5  # the comparator is 64 bits wide
_SCHEMA = "vmm.hpet"


class Hpet(Device):
    """The chip; `now` gives guest time in nanoseconds."""

    name = "hpet"

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._enabled = False
        self._zero = 0
        """The counter while it is stopped; what to take from the time's count while it runs."""
        self._comparator = mask(8)

    @property
    def counter(self) -> int:
        """The main counter."""
        count = self._now() // PERIOD - self._zero if self._enabled else self._zero
        return count & mask(8)

    def _registers(self) -> dict[int, int]:
        return {
            CAPABILITIES: _IDENTITY,
            CONFIGURATION: int(self._enabled),
            COUNTER: self.counter,
            TIMER: _TIMER,
            COMPARATOR: self._comparator,
        }

    def read(self, offset: int, size: int) -> int:
        """A register or part of one; 0 where there is none."""
        return self._registers().get(offset & ~7, 0) >> 8 * (offset & 7) & mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Takes what fits into the register; the rest of it stays as it is."""
        register, shift = offset & ~7, 8 * (offset & 7)
        touched = mask(size) << shift & mask(8)
        value = self._registers().get(register, 0) & ~touched | value << shift & touched
        if register == CONFIGURATION:
            self._enable(bool(value & ENABLE))
        elif register == COUNTER and not self._enabled:
            self._zero = value
        elif register == COMPARATOR:
            self._comparator = value

    def _enable(self, enabled: bool) -> None:
        if enabled is not self._enabled:
            count = self.counter
            self._enabled = enabled
            self._zero = self._now() // PERIOD - count if enabled else count

    def reset(self) -> None:
        """Stopped at 0."""
        self._enabled, self._zero, self._comparator = False, 0, mask(8)

    def save(self) -> State:
        fields = {"enabled": self._enabled, "counter": self.counter, "comparator": self._comparator}
        return State(_SCHEMA, 1, fields)

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("enabled", "counter", "comparator"))
        for name in ("counter", "comparator"):
            if type(fields[name]) is not int or not 0 <= fields[name] <= mask(8):
                raise SnapshotError(f"{_SCHEMA}: {name} cannot be {fields[name]!r}")
        if type(fields["enabled"]) is not bool:
            raise SnapshotError(f"{_SCHEMA}: enabled cannot be {fields['enabled']!r}")
        self._enabled, self._zero, self._comparator = False, fields["counter"], fields["comparator"]
        self._enable(fields["enabled"])
