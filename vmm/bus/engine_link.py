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

        def stop(self) -> None:
            """The engine touches no ring any more."""

        def finish(self) -> None:
            """The engine answers what is in the rings, to which nobody adds; and stop(). HostError when it does not in
            time; then it goes on."""

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

        @property
        def is_idle(self) -> bool:
            """Whether all that was made available was given back."""


class EngineLost(Exception):
    """The engine is gone, or talks nonsense; says how."""
