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
    """The place of the chip `name`; `chips` gives chips by name and makes them at the first call."""

    __slots__ = ("_chips", "name")

    def __init__(self, name: str, chips: Callable[[str], Any]) -> None:
        self.name = name
        self._chips = chips

    def claim(self, bus: Bus, start: int, size: int, part: Callable[[Any], Responder] | None = None,
              width: int = 1, name_of: Callable[[int], str] | None = None) -> None:  # fmt: skip
        """Holds [start, start + size) of `bus` for the chip or `part` of it; `name_of` gives names to single offsets.

        ConfigError as for Bus.claim.
        """
        claim = bus.claim(start, size, None, width=width, name=self.name)
        claim.part, claim.name_of = part, name_of

    @property
    def chip(self) -> Any:
        """The chip, made now if it was not yet."""
        return self._chips(self.name)
