"""Requests of virtio devices on the timeline: a device's are slices on a track, on several where they overlap.

Source of the format: see trace.py.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST_TRACK = 2001
"""Track ids from here on."""


class TracedRequest(NamedTuple):
    """One request, from where its device took it to where it gave it back. Times in ns since the machine was made."""

    began_ns: int
    ended_ns: int
    device: str
    queue: int
    kind: str
    """What the device calls it: "read", "flush"; where it says nothing "in", "out", or "in and out" by its buffers."""
    size: int
    """Bytes of all its buffers."""
    written: int
    """Bytes that the device filled."""

    @property
    def name(self) -> str:
        """ "virtio-blk0 read"."""
        return f"{self.device} {self.kind}"


def on_tracks(requests: Iterable[TracedRequest]) -> Iterator[tuple[int, str, TracedRequest]]:
    """(track, its name, request) of each by time, so that on no track one begins before another ends."""
    ends: dict[str, list[int]] = {}
    ids: dict[tuple[str, int], int] = {}
    for request in sorted(requests):
        lanes = ends.setdefault(request.device, [])
        lane = next((at for at, end in enumerate(lanes) if end <= request.began_ns), len(lanes))
        lanes[lane : lane + 1] = [request.ended_ns]
        track = ids.setdefault((request.device, lane), FIRST_TRACK + len(ids))
        yield track, request.device if not lane else f"{request.device} ({lane + 1})", request
