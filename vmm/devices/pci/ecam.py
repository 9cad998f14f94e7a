"""PCI Express' window onto configuration space: 4 KiB for each function of bus 0, in memory space.

Guest side: offset device << 15 | function << 12 | register. Nothing stands behind the first 256 bytes of a function.
Not modelled: further buses, extended capabilities.
Source: PCI Express Base Specification, section 7.2.2 (enhanced configuration access mechanism).
"""

from __future__ import annotations

from ...bits import mask
from ...bus.device import Device
from ...errors import SnapshotError
from ...state import State
from .config_space import SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config_space import ConfigSpace

_SCHEMA = "vmm.ecam"
FUNCTION = 0x1000


class Ecam(Device):
    """`functions` are those of bus 0 by (device, function); the state of those in `owned` is kept here."""

    name = "pci"

    def __init__(self, functions: dict[tuple[int, int], ConfigSpace], owned: tuple[tuple[int, int], ...]) -> None:
        self.functions = functions
        self._owned = owned

    def _at(self, offset: int) -> ConfigSpace | None:
        return self.functions.get((offset >> 15 & 0x1F, offset >> 12 & 7)) if offset < 1 << 20 else None

    def read(self, offset: int, size: int) -> int:
        """All ones where no function is."""
        function, register = self._at(offset), offset % FUNCTION
        if function is None:
            return mask(size)
        function.looked_at(register, size)
        return function.read(register, size) if register < SIZE else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Goes nowhere where no function is."""
        function, register = self._at(offset), offset % FUNCTION
        if function is not None and register < SIZE:
            function.write(register, size, value)

    def reset(self) -> None:
        for place in self._owned:
            self.functions[place].reset()

    def save(self) -> State:
        return State(_SCHEMA, 1, {"functions": [self.functions[place].save() for place in self._owned]})

    def load(self, state: State) -> None:
        saved = state.expect(_SCHEMA, 1, ("functions",))["functions"]
        if not isinstance(saved, list) or len(saved) != len(self._owned):
            raise SnapshotError(f"{_SCHEMA}: {len(self._owned)} functions are expected")
        for place, each in zip(self._owned, saved, strict=True):
            self.functions[place].check(each)
        for place, each in zip(self._owned, saved, strict=True):
            self.functions[place].load(each)
