"""PCI configuration mechanism 1: a port for the address of a register and a window of four bytes onto it.

Guest side: `address` and `data`, four bytes each. Bus 0 is the only one. A byte in the middle of the address is another
register, the reset control of the chipset, and is passed on.
Not modelled: special cycles, forwarding to buses behind bridges.
Source: PCI Local Bus specification 3.0, section 3.2.2.3.2; Intel 82371AB (PIIX4) datasheet for the reset control.
"""

from __future__ import annotations

from ...bits import mask
from ...bus.device import Device
from ...errors import SnapshotError
from ...state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .config_space import ConfigSpace

_ENABLE = 1 << 31
_ADDRESS = 0x80FF_FFFC
_SCHEMA = "vmm.pci"


class ConfigPorts(Device):
    """The host bridge's two registers. `functions` are those of bus 0 by (device, function); `reset_control` has the
    bytes at offset 1 of the address."""

    name = "pci"

    def __init__(self, functions: Mapping[tuple[int, int], ConfigSpace], reset_control: Any) -> None:
        self.functions = functions
        self._reset_control = reset_control
        self._address = 0
        self.address = self
        self.data = _Window(self)

    def selected(self) -> tuple[ConfigSpace | None, int]:
        """(function, register) that the address names; None for a function that is not there."""
        address = self._address
        if not address & _ENABLE or address >> 16 & 0xFF:
            return None, 0
        return self.functions.get((address >> 11 & 0x1F, address >> 8 & 7)), address & 0xFC

    def read(self, offset: int, size: int) -> int:
        """The address, in one piece."""
        if size == 4:
            return self._address
        return int(self._reset_control.read(0, 1)) if (offset, size) == (1, 1) else mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """The address, in one piece."""
        if size == 4:
            self._address = value & _ADDRESS
        elif (offset, size) == (1, 1):
            self._reset_control.write(0, 1, value)

    def reset(self) -> None:
        self._address = 0
        for function in self.functions.values():
            function.reset()

    def save(self) -> State:
        spaces = {f"{device}.{function}": space.save() for (device, function), space in self.functions.items()}
        return State(_SCHEMA, 1, {"address": self._address, "functions": spaces})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("address", "functions"))
        address, saved = fields["address"], fields["functions"]
        if type(address) is not int or not 0 <= address < 1 << 32 or address & ~_ADDRESS:
            raise SnapshotError(f"{_SCHEMA}: address cannot be {address!r}")
        spaces = {f"{device}.{function}": space for (device, function), space in self.functions.items()}
        if not isinstance(saved, dict) or set(saved) != set(spaces):
            raise SnapshotError(f"{_SCHEMA}: expected the functions {', '.join(spaces)}")
        for name, space in spaces.items():
            space.check(saved[name])
        self._address = address
        for name, space in spaces.items():
            space.load(saved[name])


class _Window:
    """The data port: the four bytes of the selected register."""

    name = "pci"

    def __init__(self, ports: ConfigPorts) -> None:
        self._ports = ports

    def read(self, offset: int, size: int) -> int:
        """All ones where no function is."""
        function, register = self._ports.selected()
        return mask(size) if function is None else function.read(register + offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Goes nowhere where no function is."""
        function, register = self._ports.selected()
        if function is not None:
            function.write(register + offset, size, value)
