"""A limit on what a device does a second: bytes, operations, or both, with a burst after a rest.

An operation begins when nothing is owed, and owes what it took: one may be larger than the burst, and the long run
still keeps to the rate. Host side: set() at any time, from any thread.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000_000_000
BURST = SECOND // 10


class Bucket:
    """`rate` units a second; what `burst` nanoseconds bring may be saved up. 0 is no limit."""

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self._rate = rate
        self._burst = burst
        self._free_at = now - burst
        """When all that was taken is paid for; what lies before now is saved up."""

    def wait(self, now: int) -> int:
        """Nanoseconds until the next may begin."""
        return max(0, self._free_at - now) if self._rate else 0

    def spend(self, count: int, now: int) -> None:
        """So many were taken."""
        if self._rate:
            self._free_at = max(self._free_at, now - self._burst) + count * SECOND // self._rate


class RateLimit:
    """Of one device. `clock` counts nanoseconds, `call_at` has a function called at a time of it."""

    def __init__(self, clock: Callable[[], int], call_at: Callable[[int, Callable[[], None]], None]) -> None:
        self._clock = clock
        self._call_at = call_at
        self._held: dict[int, Callable[[int], None]] = {}
        """Queues that wait, and how they go on."""
        self._buckets: tuple[Bucket, ...] = ()
        self.asked = (0, 0, BURST)
        """What was set last: bytes, operations, burst."""

    def set(self, bandwidth: int = 0, operations: int = 0, burst: int = BURST) -> None:
        """From now on `bandwidth` bytes and `operations` a second, 0 for any number; `burst` is in nanoseconds."""
        now = self._clock()
        self.asked = (bandwidth, operations, burst)
        self._buckets = (Bucket(bandwidth, burst, now), Bucket(operations, burst, now))
        for index, again in list(self._held.items()):
            again(index)

    def holds(self, index: int, again: Callable[[int], None]) -> bool:
        """Whether queue `index` must wait now; `again(index)` is called when it need not."""
        if not self._buckets:
            return False
        now = self._clock()
        delay = max(bucket.wait(now) for bucket in self._buckets)
        if not delay:
            return False
        if index not in self._held:
            self._held[index] = again
            self._call_at(now + delay, lambda: self._release(index))
        return True

    def _release(self, index: int) -> None:
        self._held.pop(index)(index)

    def spend(self, size: int) -> None:
        """One operation of so many bytes was done."""
        if self._buckets:
            now = self._clock()
            for bucket, count in zip(self._buckets, (size, 1), strict=True):
                bucket.spend(count, now)
