"""A chip's place on a board: its addresses are claimed at once, the chip itself is made when somebody first looks.

A machine has some fifteen chips and a tiny guest touches two; importing and making the others would be most of its
start-up. Nobody can tell: a chip that was never accessed is in its reset state.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .bus import Bus, Claim, Responder


class _Tap:
    """Stands in a claim until the chip is there."""

    def __init__(self, socket: Socket, part: Callable[[Any], Responder]) -> None:
        self.socket = socket
        self.part = part

    def read(self, offset: int, size: int) -> int:
        return self.part(self.socket.chip).read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        self.part(self.socket.chip).write(offset, size, value)


class Socket:
    """`make` gives the chip; called once, at the first access or the first look at `chip`."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self._make = make
        self._chip: Any = None
        self._taps: list[tuple[Bus, Claim, _Tap]] = []

    def claim(self, bus: Bus, start: int, size: int, part: Callable[[Any], Responder] = lambda chip: chip,
              width: int = 1) -> None:  # fmt: skip
        """Holds [start, start + size) of `bus` for `part` of the chip. ConfigError as for Bus.claim."""
        tap = _Tap(self, part)
        self._taps.append((bus, bus.claim(start, size, tap, width=width, name=self.name), tap))

    @property
    def chip(self) -> Any:
        """The chip, made now if it was not yet."""
        if self._chip is None:
            self._chip = self._make()
            for bus, claim, tap in self._taps:
                claim.device = tap.part(self._chip)
                bus.changed()
            self._taps.clear()
        return self._chip

    def close(self) -> None:
        """Lets go of the chip and of the claims."""
        self._taps.clear()
        self._chip = None

    @property
    def is_plugged(self) -> bool:
        """Whether the chip was made."""
        return self._chip is not None
