"""The sheet of disks in other products' formats: each by an engine of its own, which shares the guest's memory."""

from __future__ import annotations

from ....backends.vhost_user.storage_daemon import StorageDaemon
from ....bus.engine_link import EngineLost
from ....bus.reactor import EDGE, HANG_UP, READ
from ....devices.virtio.external import ExternalBlock
from ....errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ....bus.reactor import Reactor
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
    _connect(board.virtio.reactor, engine, disk)


def _connect(reactor: Reactor, engine: StorageDaemon, disk: ExternalBlock) -> None:
    """With its transport, which the disk has by now."""
    called = disk.guarded(disk.called)
    for index, fd in engine.calls.items():
        reactor.add(fd, READ | EDGE, lambda events, index=index: called(index))  # type: ignore[misc]
    take_over = disk.guarded(disk.take_over)

    def gone(events: int) -> None:
        reactor.remove(engine.fd)
        disk.lost(engine.end_words())
        take_over()

    reactor.add(engine.fd, HANG_UP | EDGE, gone)
