"""A cable that leads nowhere: what a child of a machine has in place of its parent's network."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class NoNetwork:
    """Implements Network and Link."""

    mtu = 0
    segments = True
    fd = -1

    def __init__(self, count: int) -> None:
        self.links = (self,) * count

    def need(self) -> int:
        """See Link."""
        return 0

    def receive_into(self, views: Sequence[memoryview]) -> int:
        """See Link."""
        return 0

    def send_from(self, views: Sequence[memoryview]) -> bool:
        """See Link: lost."""
        return True

    def accept(self, checksum: bool, tcp4: bool, tcp6: bool, ecn: bool) -> None:
        """See Network."""

    def use(self, count: int) -> None:
        """See Network."""

    def close(self) -> None:
        """See Network."""
