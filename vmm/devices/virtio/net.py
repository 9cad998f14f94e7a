"""A network card: pairs of queues over the links of a network of the host's.

Frames go between guest memory and the host with their headers as they are, by one scatter read or write each. With
mergeable buffers a frame takes as many of the driver's as it needs, and those that wait for the next are kept.
Not modelled: filters by address or VLAN, hashes, changes of offloads while it runs.
Source: virtio 1.2, section 5.1.
"""

from __future__ import annotations

from struct import Struct

from ...bus.network import HEADER, LinkLost
from ...errors import GuestError, SnapshotError
from ...state import State
from .chain import MOST_PARTS
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...bus.network import Link, Network
    from ...bus.rate_limit import RateLimit
    from .chain import Chain
    from .ring import VirtQueue

ENTRIES = 256
"""Of each queue."""
(F_CSUM, F_GUEST_CSUM, F_MTU, F_MAC, F_GUEST_TSO4, F_GUEST_TSO6, F_GUEST_ECN, F_HOST_TSO4, F_HOST_TSO6, F_HOST_ECN,
 F_MERGEABLE, F_STATUS, F_CONTROL, F_PAIRS) = (
    1 << bit for bit in (0, 1, 3, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 22)
)  # fmt: skip
SEGMENTS = F_CSUM | F_GUEST_CSUM | F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_ECN | F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_ECN
LINK_UP = 1
MOST = 64
"""Frames of one queue at a time; then others on the reactor have their turn."""
_CONFIG = Struct("<6sHHH")
_COUNT_AT = 10
"""Where in the header the number of buffers is that a frame took."""
_SET_PAIRS = bytes((4, 0))
"""Class and command."""
_OK, _WRONG = b"\0", b"\1"
_SCHEMA = "vmm.virtio-net"


class Waiting:
    """Buffers of the driver's for frames to come, oldest first."""

    def __init__(self) -> None:
        self.chains: list[tuple[Chain, int]] = []
        """Each with its size in bytes."""
        self.views: list[memoryview] = []
        """Of all of them."""
        self.size = 0


class Net(VirtioDevice):
    """On `network`, with the address `mac` of 6 bytes; `trouble` is told when the network is gone."""

    name = "virtio-net"
    device_id = 1

    def __init__(self, network: Network, mac: bytes, trouble: Callable[[str], None] = lambda words: None) -> None:
        super().__init__()
        self._network = network
        self._mac = mac
        self._trouble = trouble
        self.is_up = bool(network.links[0].fd >= 0)
        """Whether the driver sees a link."""
        pairs = len(network.links)
        self.features = F_MAC | F_STATUS | F_MERGEABLE
        self.features |= SEGMENTS if network.segments else 0
        self.features |= F_MTU if network.mtu else 0
        self.features |= F_CONTROL | F_PAIRS if pairs > 1 else 0
        self.queue_sizes = (ENTRIES,) * 2 * pairs + ((64,) if pairs > 1 else ())
        self._waiting = [Waiting() for _ in network.links]
        self._blocked: set[int] = set()
        """Pairs whose link had no room for a frame."""
        self._pairs = 0
        """That carry frames."""
        self.limit: RateLimit | None = None
        """On frames of both directions."""

    @property
    def config(self) -> bytes:
        return _CONFIG.pack(self._mac, LINK_UP if self.is_up else 0, len(self._waiting), self._network.mtu)

    # -- life --

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        super().activate(queues, features)
        self._use(max(1, self._pairs))
        if not self.is_up:
            self.changed()  # it may have had a link where it was saved

    def _use(self, pairs: int) -> None:
        """So many pairs carry frames from now on."""
        self._pairs = pairs
        self._network.use(pairs)
        wanted = (F_GUEST_CSUM, F_GUEST_TSO4, F_GUEST_TSO6, F_GUEST_ECN)
        self._network.accept(*(bool(self.accepted & feature) for feature in wanted))
        for pair in range(pairs):
            self.again(2 * pair)

    def reset(self) -> None:
        super().reset()
        self._waiting = [Waiting() for _ in self._waiting]
        self._pairs = 0
        self._network.accept(False, False, False, False)

    def settle(self) -> None:
        """Buffers that wait for frames go back to where they were taken from."""
        for pair, waiting in enumerate(self._waiting):
            for chain, _ in reversed(waiting.chains):
                self.queues[2 * pair].unpop(chain)
            self._waiting[pair] = Waiting()

    def save(self) -> State:
        return State(_SCHEMA, 1, {"mac": self._mac, "pairs": self._pairs})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("mac", "pairs"))
        mac, pairs = fields["mac"], fields["pairs"]
        if not isinstance(mac, bytes) or len(mac) != 6 or type(pairs) is not int:
            raise SnapshotError(f"{_SCHEMA}: this is no state of a network card")
        if not 0 <= pairs <= len(self._waiting):
            raise SnapshotError(f"{_SCHEMA}: {pairs} pairs of queues, {len(self._waiting)} are here")
        self._mac, self._pairs = mac, pairs

    def close(self) -> None:
        self._waiting = [Waiting() for _ in self._waiting]
        self._network.close()

    def _lost(self, error: LinkLost) -> None:
        if self.is_up:
            self.is_up = False
            self._trouble(f"{error}; the guest's link is down")
            self.changed()

    # -- work --

    def notified(self, index: int) -> None:
        if index == (2 * len(self._waiting) if self.accepted & F_PAIRS else 2) and self.accepted & F_CONTROL:
            serve(self.queues[index], self._command)
        elif index & 1:
            self.transmit(index // 2)
        else:
            self.receive(index // 2)

    def receive(self, pair: int) -> None:
        """Frames may have come, or buffers for them. With the device to itself."""
        queue = self.queues.get(2 * pair)
        if queue is None or pair >= self._pairs or not self.is_up:
            return
        link = self._network.links[pair]
        try:
            queue.hush()
            for _ in range(MOST):
                if not self._receive_one(queue, link, pair):
                    return
            self.again(2 * pair)
        except LinkLost as error:
            self._lost(error)
        finally:
            queue.flush()

    def _receive_one(self, queue: VirtQueue, link: Link, pair: int) -> bool:
        """False when there is no frame, or no room for one."""
        if self.limit is not None and self.limit.holds(2 * pair, self.again):
            return False
        need, waiting = link.need(), self._waiting[pair]
        if not need or not self._gather(queue, waiting, need):
            return False
        size = link.receive_into(waiting.views if self.accepted & F_MERGEABLE else waiting.chains[0][0].writable)
        if not size:
            return False
        if self.limit is not None:
            self.limit.spend(size)
        self._deliver(queue, waiting, size)
        return True

    def _gather(self, queue: VirtQueue, waiting: Waiting, need: int) -> bool:
        """Room for `need` bytes; without mergeable buffers the next buffer, whatever its size."""
        if not self.accepted & F_MERGEABLE:
            need = 1
        while waiting.size < need:
            chain = queue.pop()
            if chain is None:
                if not queue.listen():
                    return False
                queue.hush()
                continue
            size = chain.size
            if chain.readable or size < HEADER:
                raise GuestError(self.name, f"a buffer for frames of {size} bytes")
            waiting.chains.append((chain, size))
            waiting.views += chain.writable
            waiting.size += size
            if len(waiting.views) > MOST_PARTS:
                raise GuestError(self.name, f"{waiting.size} bytes for frames in {len(waiting.views)} pieces")
        return True

    def _deliver(self, queue: VirtQueue, waiting: Waiting, size: int) -> None:
        """The frame that is in the first buffers goes to the driver."""
        chains, views = waiting.chains, waiting.views
        first, room = chains[0]
        count, parts = 1, len(first.writable)
        while room < size:
            chain, each = chains[count]
            count += 1
            room += each
            parts += len(chain.writable)
        if len(views[0]) >= HEADER:
            views[0][_COUNT_AT:HEADER] = count.to_bytes(2, "little")
        else:
            first.write(count.to_bytes(2, "little"), at=_COUNT_AT)
        left, push = size, queue.push
        for chain, each in chains[:count]:
            push(chain, each if each < left else left)
            left -= each
        del chains[:count], views[:parts]
        waiting.size -= room

    def has_room(self, pair: int) -> None:
        """The host takes frames again. With the device to itself."""
        try:
            has_room = self._network.links[pair].flush()
        except LinkLost as error:
            self._lost(error)
            return
        if has_room and pair in self._blocked:
            self._blocked.discard(pair)
            self.transmit(pair)

    def transmit(self, pair: int) -> None:
        """The driver may have frames. With the device to itself."""
        queue = self.queues.get(2 * pair + 1)
        if queue is None:
            return
        done = 0
        try:
            while True:
                queue.hush()
                while done < MOST and (chain := queue.pop()) is not None:
                    if not self._transmit_one(chain, pair):
                        queue.unpop(chain)
                        return
                    queue.push(chain, 0)
                    done += 1
                if done == MOST:
                    self.again(2 * pair + 1)
                    return
                if not queue.listen():
                    return
        finally:
            queue.flush()

    def _transmit_one(self, chain: Chain, pair: int) -> bool:
        """False when it must come again. What goes to a link that is down is lost."""
        if chain.writable or chain.size < HEADER:
            raise GuestError(self.name, f"a frame of {chain.size} bytes to send")
        if not self.is_up:
            return True
        if self.limit is not None and self.limit.holds(2 * pair + 1, self.again):
            return False
        try:
            is_sent = self._network.links[pair].send_from(chain.readable)
        except LinkLost as error:
            self._lost(error)
            return True
        if not is_sent:
            self._blocked.add(pair)
        elif self.limit is not None:
            self.limit.spend(chain.size)
        return is_sent

    def _command(self, chain: Chain) -> int:
        """How many pairs of queues the driver uses; nothing else is offered."""
        if not chain.writable:
            raise GuestError(self.name, "a command without a place for its answer")
        command = chain.read(min(chain.readable_size, 4))
        pairs = int.from_bytes(command[2:], "little")
        is_known = len(command) == 4 and command[:2] == _SET_PAIRS and self.accepted & F_PAIRS
        if not is_known or not 1 <= pairs <= len(self._waiting):
            return chain.write(_WRONG)
        self._use(pairs)
        return chain.write(_OK)
