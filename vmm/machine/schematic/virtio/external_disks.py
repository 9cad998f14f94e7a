"""The sheet of disks in other products' formats: each by an engine of its own, which shares the guest's memory."""

from __future__ import annotations

from ....backends.vhost_user.storage_daemon import StorageDaemon
from ....bus.engine_link import EngineLost
from ....devices.virtio.external_block import ExternalBlock
from ....errors import ConfigError
from .outside import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....devices.virtio.device import VirtioDevice
    from ...board import Board
    from ...disk_options import DiskOptions


def devices(
    board: Board, options: DiskOptions, field: str, name: str, tell: Callable[[str, str], None]
) -> Iterator[tuple[VirtioDevice, str]]:
    """The one. ConfigError for what the engine does not take."""
    engine = StorageDaemon(options.path, options.format, options.manner, options.queues, board.memory, field)
    try:
        disk = ExternalBlock(engine, options.queues, lambda words: tell(name, words))
        if options.limits.are_any:
            limits = options.limits
            disk.set_limit(limits.bandwidth, limits.operations, limits.burst)
    except EngineLost as error:
        engine.close()
        raise ConfigError.of(field, f"{options.path}: {error}") from None
    board.drives[field] = engine
    yield disk, name
    assert board.virtio is not None
    connect(board.virtio.reactor_of(disk), engine, disk)
