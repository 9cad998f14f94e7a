"""What a network card asks of the host's side of its cable.

A frame goes with a header of 12 bytes before it, `struct virtio_net_hdr_v1` of <linux/virtio_net.h>: checksums that are
to be done and segments that are to be cut. Source: virtio 1.2, section 5.1.6.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Link(Protocol):
        """One queue in each direction. Nothing here waits."""

        @property
        def fd(self) -> int:
            """Readable when a frame may have come, writable when one may be sent."""

        def need(self) -> int:
            """Bytes that the next frame may take with its header, 0 when none waits. LinkLost."""

        def receive_into(self, views: Sequence[memoryview]) -> int:
            """Fills `views`, 1024 at most, with header and frame; how many bytes, 0 when none waits. What has no room
            is lost. LinkLost."""

        def send_from(self, views: Sequence[memoryview]) -> bool:
            """Sends header and frame in `views`, 1024 at most; what the host does not take as a frame is lost. False,
            and nothing sent, when there is no room now. LinkLost."""

    class Network(Protocol):
        """What a card is plugged into."""

        @property
        def links(self) -> Sequence[Link]:
            """One for each pair of queues."""

        @property
        def mtu(self) -> int:
            """That the guest should use; 0 where it is the guest's affair."""

        @property
        def segments(self) -> bool:
            """Whether headers mean something: frames without a checksum, and frames that are to be cut, both ways."""

        def accept(self, checksum: bool, tcp4: bool, tcp6: bool, ecn: bool) -> None:
            """What frames the guest takes: without a checksum, and not yet cut."""

        def use(self, count: int) -> None:
            """The first `count` links carry frames from now on."""

        def close(self) -> None:
            """Pulls the cable. Legal twice."""


HEADER = 12
"""Bytes before each frame."""
LONGEST = 65535 + 14 + HEADER
"""Of a frame that is not yet cut."""


class LinkLost(Exception):
    """The host's side is gone, for good; says how."""
