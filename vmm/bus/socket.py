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


class Socket:
    """`make` gives the chip; called once, at the first access or the first look at `chip`."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self._make = make
        self._chip: Any = None
        self._claims: list[tuple[Claim, Callable[[Any], Responder]]] = []

    def claim(self, bus: Bus, start: int, size: int, part: Callable[[Any], Responder] = lambda chip: chip,
              width: int = 1, name_of: Callable[[int], str] | None = None) -> None:  # fmt: skip
        """Holds [start, start + size) of `bus` for `part` of the chip, with `name_of` for the names of single offsets.

        ConfigError as for Bus.claim.
        """
        claim = bus.claim(start, size, None, width=width, name=self.name)
        claim.name_of = name_of
        claim.prepare = self.plug
        self._claims.append((claim, part))

    def plug(self) -> None:
        """Makes the chip if it was not yet, and puts it where it was claimed for."""
        if self._chip is None:
            self._chip = self._make()
            for claim, part in self._claims:
                claim.device, claim.prepare = part(self._chip), None
            self._claims.clear()

    @property
    def chip(self) -> Any:
        """The chip, made now if it was not yet."""
        self.plug()
        return self._chip

    def close(self) -> None:
        """Lets go of the chip and of the claims."""
        self._claims.clear()
        self._chip = None

    @property
    def is_plugged(self) -> bool:
        """Whether the chip was made."""
        return self._chip is not None
