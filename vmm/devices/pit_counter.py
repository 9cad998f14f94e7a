"""One counter of the i8254 in closed form: its count and OUT pin at any clock pulse, without ever being ticked.

A count written at pulse t is loaded at pulse t + 1, as on the chip.
Not modelled: counts of 1 in modes 2 and 3 (forbidden by the datasheet; OUT stays high here); BCD digits above 9 weigh
as their binary value; a gate that falls during mode 4's strobe stretches it.
Source: Intel 8254 datasheet 231164.
"""

from __future__ import annotations

from ..errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BRIEF = 120
"""Pulses (100 us): a low of OUT that a count makes in less is too short to be shown on a line while it lasts."""

_FAR = 1 << 62

# Saved fields of a counter: type, lowest and highest value, whether None is legal too.
_FIELDS: dict[str, tuple[type[int], int, int, bool]] = {
    "control": (int, 0x10, 0x3F, False),
    "gate": (bool, 0, 1, False),
    "initial": (int, 0, 0x10000, False),
    "period": (int, 0, 0x10000, False),
    "base": (int, -_FAR, _FAR, False),
    "frozen": (int, -_FAR, _FAR, True),
    "reload_at": (int, -_FAR, _FAR, True),
    "null_until": (int, -_FAR, _FAR, True),
    "residue": (int, 0, 0xFFFF, False),
    "level": (bool, 0, 1, False),
    "risen": (int, -_FAR, _FAR, False),
    "low": (int, 0, 0xFF, True),
    "high_next": (bool, 0, 1, False),
    "latch": (int, 0, 0xFFFF, True),
    "status": (int, 0, 0xFF, True),
}


def _from_bcd(value: int) -> int:
    return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15)


def _to_bcd(value: int) -> int:
    return value // 1000 % 10 << 12 | value // 100 % 10 << 8 | value // 10 % 10 << 4 | value % 10


class Counter:
    """One counter as a function of `t`, the number of clock pulses so far, which never falls from call to call.

    The counting element holds `period`, loaded at pulse `base`; it is idle while `period` is 0. While it is idle,
    and until `base` when that lies one pulse ahead, `residue` and `level` say what the count and OUT are.
    """

    __slots__ = (
        "base",
        "control",
        "frozen",
        "gate",
        "high_next",
        "initial",
        "latch",
        "level",
        "low",
        "mode",
        "null_until",
        "period",
        "reload_at",
        "residue",
        "risen",
        "status",
    )

    def __init__(self, gate: bool) -> None:
        self.gate = gate
        self.control = 0x30
        """D5-D0 of the control word as written: access, mode, BCD."""
        self.mode = 0
        self.initial = 0
        """The count register, decoded: 1 to 65536, or 0 while no count was written since the control word."""
        self.period = 0
        self.base = 0
        self.frozen: int | None = None
        """The pulse at which a low gate stopped the counting."""
        self.reload_at: int | None = None
        """Modes 2 and 3: the end of the running cycle, when a newer count waits for it."""
        self.null_until: int | None = None
        """The pulse at which the count register is loaded; None when that needs a trigger or a count."""
        self.residue = 0
        self.level = True
        self.risen = -1
        """The pulse of OUT's last rise before the running count, or of the one that loading it makes."""
        self.low: int | None = None
        """The first byte of a two-byte count, while the second is awaited."""
        self.high_next = False
        self.latch: int | None = None
        self.status: int | None = None

    def count(self, t: int) -> int:
        """The 16 bits of the counting element."""
        elapsed = self._elapsed(t)
        period = self.period
        if not period or elapsed < 0:
            return self.residue
        if self.mode == 2:
            value = period - elapsed % period
        elif self.mode == 3:
            elapsed %= period
            high = period + 1 >> 1
            value = (period & ~1) - 2 * (elapsed if elapsed < high else elapsed - high)
        else:
            value = period - elapsed
        return _to_bcd(value) if self.control & 1 else value & 0xFFFF

    def out(self, t: int) -> bool:
        """The level of the OUT pin."""
        elapsed = self._elapsed(t)
        period = self.period
        if not period or elapsed < 0:
            return self.level
        if self.mode < 2:
            return elapsed >= period
        if self.mode > 3:
            return elapsed != period
        if self.frozen is not None or period == 1:
            return True
        if self.mode == 2:
            return elapsed % period != period - 1
        return elapsed % period < period + 1 >> 1

    def last_rise(self, t: int) -> int:
        """The pulse of the latest rise of OUT that counting made, up to `t`; -1 if there was none.

        Right for a gate that never falls, as that of counter 0.
        """
        elapsed = self._elapsed(t)
        period = self.period
        if period:
            if self.mode in (2, 3):
                if elapsed >= period > 1:
                    return self.base + elapsed // period * period
            else:
                rise = period if self.mode < 2 else period + 1
                if elapsed >= rise:
                    return self.base + rise
        return self.risen if self.risen <= t else -1

    def brief(self) -> bool:
        """Whether OUT's lows are too short to be shown on a line for as long as they last."""
        return self.mode in (2, 4, 5) or (self.mode == 3 and self.period >> 1 < BRIEF)

    def next_edge(self, t: int) -> int | None:
        """The first pulse after `t` at which the line has to change, as far as no access changes the course."""
        elapsed = max(self._elapsed(t), 0)
        period = self.period
        if not period or self.frozen is not None:
            return None
        edge = None
        if self.mode in (2, 3):
            if period > 1:
                start = self.base + elapsed - elapsed % period
                fall = start + (period + 1 >> 1)
                edge = fall if t < fall and not self.brief() else start + period
            if self.reload_at is not None:
                edge = self.reload_at if edge is None else min(edge, self.reload_at)
        else:
            rise = period if self.mode < 2 else period + 1
            if elapsed < rise:
                edge = self.base + rise
        return edge

    def program(self, t: int, control: int) -> None:
        """Takes D5-D0 of a control word: OUT goes to its initial level, counting stops until a count comes."""
        mode = control >> 1 & 7
        mode = mode if mode < 6 else mode - 4
        self._idle(t, mode != 0)
        self.control = control
        self.mode = mode
        self.initial = 0
        self.null_until = self.low = self.latch = self.status = None
        self.high_next = False

    def write(self, t: int, byte: int) -> None:
        """Takes one byte of a count."""
        if self.mode == 0:
            self._idle(t, False)
        access = self.control >> 4
        if access == 3:
            if self.low is None:
                self.low = byte
                return
            value = byte << 8 | self.low
            self.low = None
        else:
            value = byte if access == 1 else byte << 8
        self.initial = (_from_bcd(value) or 10_000) if self.control & 1 else (value or 0x10000)
        self.null_until = None
        elapsed = self._elapsed(t)
        if self.mode in (0, 4) or (self.mode in (2, 3) and not self.period) or (self.period and t < self.base):
            self._start(t)
        elif self.mode in (2, 3) and self.frozen is None:
            self.reload_at = self.null_until = t + self._left(elapsed)

    def read(self, t: int) -> int:
        """Gives the next byte: latched status, else latched count, else the count as it runs."""
        if self.status is not None:
            status, self.status = self.status, None
            return status
        value = self.count(t) if self.latch is None else self.latch
        access = self.control >> 4
        if access == 3:
            self.high_next = not self.high_next
            if self.high_next:
                return value & 0xFF
        self.latch = None
        return value & 0xFF if access == 1 else value >> 8

    def latch_count(self, t: int) -> None:
        """Holds the count for the next read; a count that is held already stays."""
        if self.latch is None:
            self.latch = self.count(t)

    def latch_status(self, t: int) -> None:
        """Holds the status byte for the next read; a status that is held already stays."""
        if self.status is None:
            null = self.null_until is None or t < self.null_until
            self.status = self.out(t) << 7 | null << 6 | self.control

    def set_gate(self, t: int, gate: bool) -> None:
        """Drives the GATE pin: its level lets modes 0 and 4 count, its rise starts 1 and 5, both matter to 2 and 3."""
        if gate is self.gate:
            return
        self._elapsed(t)
        self.gate = gate
        if self.mode in (1, 5):
            if gate and self.initial:
                self._start(t)
        elif not gate:
            if self.period:
                self.frozen = max(t, self.base)
            if self.reload_at is not None:
                self.reload_at = self.null_until = None
        elif self.mode in (2, 3):
            if self.initial:
                self._start(t)
        elif self.frozen is not None:
            self.base += max(t - self.frozen, 0)
            self.frozen = None

    def save(self) -> dict[str, Any]:
        """All fields by name."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def loaded(cls, saved: Any, where: str) -> Counter:
        """The counter that was saved. SnapshotError if a field is missing, unknown or out of range."""
        if not isinstance(saved, dict) or set(saved) != set(_FIELDS):
            raise SnapshotError(f"vmm.pit: {where} should have the fields {', '.join(_FIELDS)}")
        counter = cls(True)
        for name, (kind, lowest, highest, optional) in _FIELDS.items():
            value = saved[name]
            if not (optional and value is None) and (type(value) is not kind or not lowest <= value <= highest):
                raise SnapshotError(f"vmm.pit: {where}: {name} cannot be {value!r}")
            setattr(counter, name, value)
        mode = counter.control >> 1 & 7
        counter.mode = mode if mode < 6 else mode - 4
        return counter

    def _elapsed(self, t: int) -> int:
        """Pulses counted since `base`, once a count that waited for the end of a cycle has been loaded if it is due."""
        if self.reload_at is not None and t >= self.reload_at:
            self._reload(self.reload_at)
        return (t if self.frozen is None or t < self.frozen else self.frozen) - self.base

    def _left(self, elapsed: int) -> int:
        """Pulses to the end of the running cycle: the period in mode 2, the half of it in mode 3."""
        position = elapsed % self.period
        high = self.period + 1 >> 1
        return (high if self.mode == 3 and position < high else self.period) - position

    def _reload(self, t: int) -> None:
        """The cycle that ends at `t` is followed by one of the newer count."""
        self.reload_at = None
        self.risen = self.last_rise(t)
        into_low = (t - self.base) % self.period != 0
        self.period = self.initial
        self.base = t - (self.period + 1 >> 1) if into_low else t

    def _start(self, t: int) -> None:
        """The count register is loaded at the next pulse."""
        self.residue, self.level, self.risen = self.count(t), self.out(t), self.last_rise(t)
        if self.mode > 3 and not self.level:
            self.risen = t + 1  # the load ends a strobe
        self.reload_at = None
        self.period = self.initial
        self.base = t + 1
        if self.null_until is None:
            self.null_until = self.base
        self.frozen = None if self.gate or self.mode in (1, 5) else self.base

    def _idle(self, t: int, level: bool) -> None:
        """Counting stops where it is, OUT goes to `level`."""
        self.residue, self.risen = self.count(t), self.last_rise(t)
        if t < self.base:
            self.null_until = None
        self.level = level
        self.period = 0
        self.frozen = self.reload_at = None
