"""Modules that are imported when a name in them is first wanted.

An import on top of a file costs every start; one inside a function costs microseconds each time that it is passed, on
the cold caches that KVM leaves behind more than making the object it is for. To type checkers it is a plain import:

    if TYPE_CHECKING:
        from ..devices import pit
    else:
        pit = Later("vmm.devices.pit")
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Later:
    """Stands for the module of that absolute name. Whoever replaces a name in the module after its first use is not
    heard of here."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, wanted: str) -> Any:
        value = getattr(__import__(self._name, fromlist=(wanted,)), wanted)
        setattr(self, wanted, value)
        return value
