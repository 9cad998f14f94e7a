"""What every machine of a kind has on its buses, laid out once a process; each board starts with a copy.

A tiny guest lives for two milliseconds, and to claim fifteen chips anew for each would be a twentieth of that.
"""

from __future__ import annotations

from ..bus.bus import Bus
from ..bus.socket import Socket
from . import layout
from .config import WITH_PIC_HERE
from .schematic import interrupts, pc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .board import Board


class Plan:
    """The sheets that do not depend on more than the kind of interrupt controllers."""

    def __init__(self, irqchip: str) -> None:
        self.ports = Bus("io", layout.PORT_LIMIT)
        self.makers: dict[str, Callable[[Board], Any]] = {}
        """How each chip is made, by its name."""
        pc.place(self)
        if irqchip in WITH_PIC_HERE:
            interrupts.place(self)

    def socket(self, name: str, make: Callable[[Board], Any]) -> Socket:
        """A new socket for the chip that `make` gives a board."""
        self.makers[name] = make
        return Socket(name, _nowhere)


def plan_of(irqchip: str) -> Plan:
    """The plan for machines with those controllers. Not to be changed."""
    plan = _PLANS.get(irqchip)
    if plan is None:
        plan = _PLANS[irqchip] = Plan(irqchip)
    return plan


_PLANS: dict[str, Plan] = {}


def _nowhere(name: str) -> Any:
    raise LookupError(f"{name} is made on a board, not on the plan")
