"""The sheet of `memory_max`: memory above all other that the guest gets and gives back while it runs."""

from __future__ import annotations

from ....devices.virtio.mem import BLOCK, Mem
from ....errors import ConfigError
from ....units import format_size
from ... import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board

CHIP = "virtio-mem"


def devices(board: Board) -> Iterator[tuple[VirtioDevice, str]]:
    """The one, over a region of its own; Machine.memory.resize() from now on."""
    memory, config = board.memory, board.config
    start, size = layout.hotplug(config.memory, config.memory_max)
    if size <= 0 or size % BLOCK:
        words = f"it must be whole 2 MiB above the {format_size(config.memory)} that the guest starts with"
        raise ConfigError.of("memory_max", words)
    memory.add(start, size, CHIP, is_later=True)
    device = Mem(start, size, memory.discard)

    def resize(wanted: int) -> int:
        if not config.memory <= wanted <= config.memory + size:
            least, most = format_size(config.memory), format_size(config.memory + size)
            raise ConfigError.of("memory", f"it can be {least} to {most} large, not {format_size(wanted)}")
        device.requested = wanted - config.memory
        return config.memory + device.requested

    memory.resizer, memory.plugged = resize, lambda: device.plugged
    yield device, CHIP
