"""A memory balloon: the driver hands pages to the host, and takes them back when the balloon shall be smaller.

Host side: `target`, in bytes, is how large the host wants it; `actual` how large the driver says it is. `discard(gpa,
size)` takes memory away that the guest does not use: it reads as anything later. Free page reporting gives such memory
without the balloon. Source: virtio 1.2, section 5.5; the driver packs its queues, as all known devices do: one that is
not offered has no index.
"""

from __future__ import annotations

from struct import Struct, iter_unpack

from ...errors import GuestError, SnapshotError
from ...state import State
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .chain import Chain
    from .ring import VirtQueue

PAGE = 4096
F_STATISTICS, F_DEFLATE_ON_OOM, F_REPORTING = 1 << 1, 1 << 2, 1 << 5
INFLATE, DEFLATE, STATISTICS, REPORTING = range(4)
MOST_PAGES = 1 << 18
"""Page numbers that one request may have."""
STATISTICS_NAMES = (
    "swap-in", "swap-out", "major-faults", "minor-faults", "free", "total", "available", "disk-caches",
    "hugetlb-allocations", "hugetlb-failures",
)  # fmt: skip
"""By their tags; memory in bytes. Section 5.5.6.3."""
_CONFIG = Struct("<IIII")
_SCHEMA = "vmm.virtio-balloon"


class Balloon(VirtioDevice):
    """`contains(gpa, size)` tells whether there is RAM."""

    name = "virtio-balloon"
    device_id = 5
    features = F_STATISTICS | F_DEFLATE_ON_OOM | F_REPORTING
    queue_sizes = (128, 128, 8, 64)

    def __init__(self, contains: Callable[[int, int], bool], discard: Callable[[int, int], None]) -> None:
        super().__init__()
        self._contains = contains
        self._discard = discard
        self._target = 0
        self._actual = 0
        self.statistics: dict[str, int] = {}
        """What the driver said last, by STATISTICS_NAMES."""
        self.heard: Callable[[], None] = lambda: None
        """Told, on the reactor, that there are new statistics."""
        self._held: Chain | None = None
        """The request for statistics that is given back when they are wanted anew."""
        self.reported = 0
        """Bytes that the driver reported free so far."""

    # -- the host's side --

    @property
    def target(self) -> int:
        """Bytes that the host wants to have; setting it tells the driver. Any thread."""
        return self._target * PAGE

    @target.setter
    def target(self, size: int) -> None:
        self._target = max(0, min(size // PAGE, 0xFFFF_FFFF))
        self.changed()

    @property
    def actual(self) -> int:
        """Bytes that the driver has given."""
        return self._actual * PAGE

    def ask(self) -> None:
        """Has the driver tell its statistics again. On the reactor, with the device to itself."""
        queue, held = self.queues.get(STATISTICS), self._held
        if queue is not None and held is not None:
            self._held = None
            queue.push(held, 0)
            queue.flush()

    # -- the driver's side --

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(self._target, self._actual, 0, 0)

    def write_config(self, offset: int, data: bytes) -> None:
        if offset == 4 and len(data) == 4:
            self._actual = int.from_bytes(data, "little")

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        super().activate(queues, features)
        if STATISTICS in queues:
            self.again(STATISTICS)  # Linux rings for its first statistics before it says that it is ready

    def notified(self, index: int) -> None:
        queue = self.queues[index]
        if index == STATISTICS:
            self._hear(queue)
        elif not serve(queue, (self._inflated, self._deflated, self._inflated, self._freed)[index], most=32):
            self.again(index)

    def _inflated(self, chain: Chain) -> int:
        for gpa, size in _runs(_numbers(chain)):
            if not self._contains(gpa, size):
                raise GuestError(self.name, f"no RAM at {gpa:#x}, {size} bytes of which the driver gives")
            self._discard(gpa, size)
        return 0

    def _deflated(self, chain: Chain) -> int:
        _numbers(chain)
        return 0

    def _freed(self, chain: Chain) -> int:
        for gpa, size in chain.places:
            first, end = -(-gpa // PAGE) * PAGE, (gpa + size) // PAGE * PAGE
            if first < end:
                self._discard(first, end - first)
                self.reported += end - first
        return 0

    def _hear(self, queue: VirtQueue) -> None:
        """One request waits here until the host asks; a driver that sends more has them back."""
        again = True
        while again:
            while (chain := queue.pop()) is not None:
                content = chain.read(chain.readable_size // 10 * 10) if chain.readable_size <= PAGE else b""
                found = {tag: value for tag, value in iter_unpack("<HQ", content) if tag < len(STATISTICS_NAMES)}
                self.statistics = {STATISTICS_NAMES[tag]: value for tag, value in sorted(found.items())}
                if self._held is not None:
                    queue.push(self._held, 0)
                self._held = chain
                self.heard()
            queue.flush()
            again = queue.listen()

    def reset(self) -> None:
        self._held = None
        self._actual = 0
        super().reset()

    def close(self) -> None:
        self._held = None

    # -- state --

    def settle(self) -> None:
        self.ask()

    def save(self) -> State:
        return State(_SCHEMA, 1, {"target": self._target, "actual": self._actual})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("target", "actual"))
        if any(type(value) is not int or not 0 <= value < 1 << 32 for value in fields.values()):
            raise SnapshotError(f"{_SCHEMA}: pages are numbers of 32 bits")
        self._target, self._actual = fields["target"], fields["actual"]


def _numbers(chain: Chain) -> list[int]:
    """The page numbers in a request."""
    size = chain.readable_size
    if size % 4 or size > 4 * MOST_PAGES:
        raise GuestError("virtio-balloon", f"a request with {size} bytes of page numbers")
    return [number for (number,) in iter_unpack("<I", chain.read(size))]


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """(guest physical address, size) of what neighbouring pages make together."""
    first = last = -2
    for number in sorted(set(numbers)):
        if number != last + 1:
            if first >= 0:
                yield first * PAGE, (last + 1 - first) * PAGE
            first = number
        last = number
    if first >= 0:
        yield first * PAGE, (last + 1 - first) * PAGE
