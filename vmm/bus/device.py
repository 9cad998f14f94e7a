"""What the bus and the machine ask of a device, and nothing else.

A device answers with integers, makes no system call, knows no port number and no host time. What it needs from
outside (interrupt lines, a clock, an output) comes in through its constructor.
"""

from __future__ import annotations

from ..state import State


class Device:
    """One chip. Subclass it, or give the bus any object with these methods; the defaults suit a stateless device.

    All methods are called by one thread at a time. None of them may raise on account of what a guest did.
    """

    name = "device"

    def read(self, offset: int, size: int) -> int:
        """The `size` bytes (1, 2, 4 or 8) at `offset` in the claimed range, little endian. The bus cuts to size."""
        return -1 & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Takes `size` bytes of `value` (0 <= value < 256 ** size) at `offset`."""

    def reset(self) -> None:
        """Back to the state after power-on, lines lowered, alarms cancelled."""

    def pause(self) -> None:
        """The machine stops for a while: guest time stands still until resume()."""

    def resume(self) -> None:
        """The machine goes on."""

    def save(self) -> State:
        """All that load() needs to make an equal device. Legal at any moment between two accesses."""
        return State(f"vmm.{self.name}", 1, {})

    def load(self, state: State) -> None:
        """Becomes the device that was saved, its lines and alarms too. SnapshotError, and no change, if it cannot."""
        state.expect(f"vmm.{self.name}", 1, ())

    def close(self) -> None:
        """Gives back what the device holds outside itself. Legal twice."""
