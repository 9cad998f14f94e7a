"""Interrupt wires between devices and whatever collects interrupts.

A line is level-triggered by nature: it says whether anybody asserts it. Edge-triggered inputs see the rising edge.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class IrqLine:
    """One holder's end of a wire. Several lines may share a wire; the wire is up while any of them is asserted."""

    __slots__ = ("_wire", "asserted")

    def __init__(self, wire: IrqWire) -> None:
        self._wire = wire
        self.asserted = False

    def set(self, asserted: bool) -> None:
        """Drives the line; setting what already stands does nothing."""
        if asserted is not self.asserted:
            self.asserted = asserted
            self._wire.change(1 if asserted else -1)

    def pulse(self) -> None:
        """Up and down at once: one edge, for inputs that are edge-triggered. A line that is up stays up."""
        if not self.asserted:
            self.set(True)
            self.set(False)


class IrqWire:
    """A numbered input (a GSI) of the interrupt controller, with a count of the lines that hold it up.

    `sink(gsi, level)` is called only when the level of the wire changes.
    """

    __slots__ = ("_sink", "gsi", "holders")

    def __init__(self, gsi: int, sink: Callable[[int, bool], None]) -> None:
        self.gsi = gsi
        self._sink = sink
        self.holders = 0

    def line(self) -> IrqLine:
        """A new line onto this wire, not asserted."""
        return IrqLine(self)

    def change(self, by: int) -> None:
        """A line went up (+1) or down (-1)."""
        before = self.holders
        self.holders = before + by
        if (before > 0) is not (self.holders > 0):
            self._sink(self.gsi, self.holders > 0)


def unconnected() -> IrqLine:
    """A line that leads nowhere, for a device used without interrupts."""
    return IrqWire(-1, lambda gsi, level: None).line()
