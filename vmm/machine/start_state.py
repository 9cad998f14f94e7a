"""The registers of a guest's first vCPU at its first instruction, and the tables they point to."""

from __future__ import annotations

from ..boot.loader import RESET
from ..cpu import modes
from ..errors import ConfigError
from . import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..boot.loader import BootState
    from ..cpu.modes import InitialState
    from ..memory.guest_memory import GuestMemory
    from .config import MachineConfig


MOST_SHARED = 64
"""Start states of real mode that are kept: tests and fuzzers make many machines alike."""
_SHARED: dict[tuple[object, ...], InitialState] = {}


def start_state(config: MachineConfig, boot: BootState, memory: GuestMemory) -> InitialState:
    """As config and image want it, with the mode's tables written to memory. ConfigError when they have no room."""
    if boot.mode == "real" and not boot.registers:  # no tables
        key = (boot.entry, boot.loaded, config.memory, config.has_bios, config.firmware, config.stack, config.unreal)
        state = _SHARED.get(key)
        if state is None:
            state = _of_mode(config, boot, memory)
            if len(_SHARED) < MOST_SHARED:
                state.is_shared = True
                _SHARED[key] = state
        return state
    state = _of_mode(config, boot, memory)
    for name, value in boot.registers:
        setattr(state, name, value)
    return state


def waking_state(vector: int) -> InitialState:
    """The state after a sleep (ACPI S3): real mode at `vector`, or power-on's when that is 0 or out of reach.

    Source: ACPI specification 6.4, section 16.3.2 (waking to the operating system's vector).
    """
    if not 0 < vector < 1 << 20:
        return modes.reset()
    return modes.real(vector >> 4, vector & 0xF)


def _of_mode(config: MachineConfig, boot: BootState, memory: GuestMemory) -> InitialState:
    mode = boot.mode
    if mode == RESET:
        return modes.reset()
    end = memory.regions[0].span.end
    size = modes.table_size(mode, memory.end)
    tables = layout.tables(size, boot.loaded, end)
    if tables is None:
        raise ConfigError.of("memory", f"no room for the {size} bytes of tables that {mode} mode needs")
    stack = layout.stack(mode, boot.loaded, end) if config.stack is None else config.stack
    if mode == "real":
        segment = boot.entry >> 4 & 0xF000
        return modes.real(segment, boot.entry - (segment << 4), stack=stack, unreal=config.unreal)
    if mode == "protected":
        return modes.protected(memory.write, boot.entry, stack, tables, user=config.user)
    if mode == "paged":
        return modes.paged(memory.write, boot.entry, stack, tables, user=config.user)
    return modes.long(memory.write, boot.entry, stack, tables, memory.end, user=config.user)
