"""Everything of one machine at one moment but what is in its memory: a value that may be put back many times."""

from __future__ import annotations

from ...records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...boot.loader import BootState
    from ...engine.protocol import EngineState
    from ...state import State
    from ..config import MachineConfig


class MachineState(Record):
    """What capture() gives. Memory is kept apart: it is large, and there are many ways to keep it."""

    config: MachineConfig
    """Of the machine, with nothing left open."""
    is_linux: bool
    boot: BootState
    engine: EngineState | State
    """vCPUs, and what else is the engine's; a State where it comes from a file."""
    chips: dict[str, State]
    """Of each chip that somebody has met, by its name on the board; the others are in their reset state."""
    devices: dict[str, State]
    """Of each device that the user has plugged in, by "io 0x500 name"."""
    disks: dict[str, State]
    """What a drive keeps in memory, by its field of the configuration."""
    guest_ns: int
    """Guest time (bus/timers.py)."""
    wall_ns: int
    """When it was taken, in the host's nanoseconds since 1970."""
    halted: dict[int, bool]
    """vCPUs at a HLT that came to us, each with whether its interrupts are on."""
    panic: str
    """What the guest's kernel said of its panic, once it did."""
    is_suspended: bool
    """Whether the guest sleeps (ACPI S3): to run it wakes it."""
