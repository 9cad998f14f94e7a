"""A chip's place on a board: its addresses are claimed at once, the chip itself is made when somebody first looks.

A machine has some fifteen chips and a tiny guest touches two; importing and making the others would be most of its
start-up. Nobody can tell: a chip that was never accessed is in its reset state.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .bus import Bus, Responder


class Socket:
    """`make` gives the chip; called once, at the first access or the first look at `chip`."""

    __slots__ = ("_chip", "_make", "name")

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self._make = make
        self._chip: Any = None

    def claim(self, bus: Bus, start: int, size: int, part: Callable[[Any], Responder] | None = None,
              width: int = 1) -> None:  # fmt: skip
        """Holds [start, start + size) of `bus` for the chip, or for `part` of it. ConfigError as for Bus.claim."""
        claim = bus.claim(start, size, None, width=width, name=self.name)
        claim.plug = self.plug if part is None else lambda: part(self.plug())

    def plug(self) -> Any:
        """The chip, made now if it was not yet."""
        if self._chip is None:
            self._chip = self._make()
        return self._chip

    @property
    def chip(self) -> Any:
        """The same."""
        return self.plug()

    @property
    def is_plugged(self) -> bool:
        """Whether the chip was made."""
        return self._chip is not None
