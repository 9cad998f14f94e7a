"""What a device asks of an engine: a process that serves its queues in the guest's memory, which both share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class EngineLink(Protocol):
        """The VMM's side of it. All but close() may raise EngineLost."""

        features: int
        """What the engine offers, of the device and of rings."""
        queues: int
        """The most that it serves."""

        def config(self, size: int) -> bytes:
            """The first `size` bytes of the configuration space."""

        def start(self, rings: Mapping[int, Ring], features: int) -> None:
            """The engine serves these from now on."""

        def stop(self) -> dict[int, int]:
            """The engine touches no ring any more, and has given back all that it had taken from them: which entry of
            each available ring is the next."""

        def lives(self) -> bool:
            """Whether an engine that is lost only does not talk to us any more, so that begin_anew() may help."""

        def begin_anew(self) -> None:
            """Another in its place, which serves no ring yet."""

        def hang_up(self) -> None:
            """It is lost: whoever watches it shall see so. Legal twice."""

        def kick(self, index: int) -> None:
            """There may be something in queue `index`."""

        def close(self) -> None:
            """Ends it. Legal twice."""

    class DiskLink(EngineLink, Protocol):
        """That of a disk."""

        def limit(self, bandwidth: int, operations: int, burst: int) -> None:
            """So many bytes and requests a second from now on, `burst` nanoseconds' worth at once; 0: any number."""

        def error_words(self) -> str:
            """What to say of a request that it answered with an error."""

    class Ring(Protocol):
        """A split ring."""

        size: int
        places: tuple[int, int, int]
        """Guest physical addresses of descriptors, available ring, used ring."""

        def save(self) -> list[int]:
            """Where it stands; the first is the next entry of the available ring."""


class EngineLost(Exception):
    """The engine is gone, or talks nonsense; says how."""
