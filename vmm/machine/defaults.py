"""What a machine has when the user did not say: as much as its image needs, and what its image can work with."""

from __future__ import annotations

from ..units import MiB
from .config import AUTO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import MachineConfig

MEMORY = 16 * MiB
MEMORY_OF_LINUX = 256 * MiB
LINUX_WORDS = "console=ttyS0 reboot=k panic=-1"
"""Linux talks on COM1, resets by the keyboard controller, and a panic resets too instead of standing still."""


def settled(config: MachineConfig, is_linux: bool) -> MachineConfig:
    """`config` with nothing left open."""
    changes: dict[str, object] = {}
    if config.memory == AUTO:
        changes["memory"] = MEMORY_OF_LINUX if is_linux else MEMORY
    if config.irqchip == "auto":
        changes["irqchip"] = "kernel" if is_linux or config.wants_kernel_irqchip or config.virtio == "pci" else "user"
    if is_linux:
        changes["command_line"] = linux_command_line(config.command_line)
    return config.replace(**changes) if changes else config


def linux_command_line(words: str) -> str:
    """LINUX_WORDS, or the user's words in their place; those that begin with "+" come behind them."""
    if words.startswith("+"):
        return f"{LINUX_WORDS} {words[1:].strip()}"
    return words or LINUX_WORDS
