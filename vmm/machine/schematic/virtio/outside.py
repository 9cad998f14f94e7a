"""What connects a device to the engine that serves it."""

from __future__ import annotations

from ....bus.reactor import EDGE, HANG_UP, READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from ....bus.reactor import Reactor
    from ....devices.virtio.external import External

    class Engine(Protocol):
        """What there is beside EngineLink."""

        @property
        def calls(self) -> Mapping[int, int]:
            """The eventfd by which it tells of each queue."""

        @property
        def fd(self) -> int:
            """Readable when it is gone."""

        turn: int
        watch: Callable[[], None]
        unwatch: Callable[[], None]

        def lives(self) -> bool:
            """Whether it has hung up, and nothing worse."""

        def end_words(self) -> str:
            """How it has ended."""


def connect(reactor: Reactor, engine: Engine, device: External) -> None:
    """Once the device has a transport."""
    called = device.guarded(device.called)
    for index, fd in engine.calls.items():
        reactor.add(fd, READ | EDGE, lambda events, index=index: called(index))  # type: ignore[misc]
    take_over, cut_off = device.guarded(device.take_over), device.guarded(device.cut_off)

    def watch() -> None:
        turn = engine.turn

        def gone(events: int) -> None:
            if turn != engine.turn:
                return  # another is there by now
            reactor.remove(engine.fd)
            if engine.lives():
                device.is_cut_off = True
                cut_off()
            else:
                device.lost(engine.end_words())
                take_over()

        reactor.add(engine.fd, HANG_UP | EDGE, gone)

    engine.watch, engine.unwatch = watch, lambda: reactor.remove(engine.fd)
    watch()
