"""POST code port: a latch that firmware writes its progress to, here with a record of when it wrote what.

Not modelled: the display of a POST card. Source: IBM PC/AT Technical Reference (manufacturing checkpoint port).
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CODES_KEPT = 256
"""How many codes are remembered; the oldest go first."""

_SCHEMA = "vmm.post"


class Post(Device):
    """One latch at offset 0. `now` gives guest time in nanoseconds."""

    name = "post"

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._codes: list[tuple[int, int]] = []

    @property
    def codes(self) -> tuple[tuple[int, int], ...]:
        """(guest nanoseconds, value) of the last CODES_KEPT writes since power-on, oldest first."""
        return tuple(self._codes)

    def read(self, offset: int, size: int) -> int:
        """The last code, 0 before the first."""
        if offset:
            return mask(size)
        return self._codes[-1][1] & mask(size) if self._codes else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """A code, kept at the width it was written with: some firmware has codes of 16 bits."""
        if offset:
            return
        self._codes.append((self._now(), value & mask(size)))
        if len(self._codes) > CODES_KEPT:
            del self._codes[0]

    def reset(self) -> None:
        """Forgets all codes."""
        self._codes.clear()

    def save(self) -> State:
        return State(_SCHEMA, 1, {"codes": [list(code) for code in self._codes]})

    def load(self, state: State) -> None:
        codes = state.expect(_SCHEMA, 1, ("codes",))["codes"]
        if not isinstance(codes, list) or len(codes) > CODES_KEPT or not all(map(_is_code, codes)):
            raise SnapshotError(f"{_SCHEMA}: codes must be at most {CODES_KEPT} pairs of time and value")
        self._codes = [(at, value) for at, value in codes]


def _is_code(code: object) -> bool:
    if not isinstance(code, list) or [type(part) for part in code] != [int, int]:
        return False
    return bool(0 <= code[1] <= mask(8))
