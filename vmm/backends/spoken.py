"""A stream that goes one way: what a guest says, to whoever shows it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Spoken:
    """As a StreamSocket, to a function that takes bytes. Nothing ever comes."""

    came: Callable[[], None]
    has_room: Callable[[], None]
    turned: Callable[[bool], None]
    is_open = True

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def write(self, views: Sequence[memoryview]) -> int:
        """All of it."""
        said = b"".join(views)
        self._write(said)
        return len(said)

    def read_into(self, views: Sequence[memoryview]) -> int:
        """Nothing."""
        return 0

    def want(self, wanted: bool) -> None:
        """Nothing will come of it."""
