"""What every virtio device is to its transport: an id, features, queues, a configuration space, and work to do.

A device is called by one thread at a time, most of all its reactor's. A driver that breaks the contract is answered by
raising GuestError: the transport then stops the device and asks the driver for a reset.
Source: virtio 1.2, chapter 2 (basic facilities of a device).
"""

from __future__ import annotations

from ...state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .chain import Chain
    from .ring import VirtQueue

F_VERSION_1 = 1 << 32
FEW = 4
"""Requests after which serve() shows what is done. In the lab eight reads at once took x0.86 (mmio) and x0.77 (PCI) of
what they take when all are shown at the end, with as many interrupts (medians of three rounds)."""


def _nothing(*_: object) -> None:
    """Before there is a transport."""


class VirtioDevice:
    """Subclass it: give what is below, override what the device has."""

    name = "virtio"
    device_id = 0
    """Source: virtio 1.2, chapter 5."""
    features = 0
    """What it offers of its own bits; the transport adds those of rings and transports."""
    ring_features = -1
    """Which features of rings it can have: all, but where somebody else serves them."""
    queue_sizes: tuple[int, ...] = ()
    """The most entries of each of its queues, powers of two."""
    may_wait = False
    """Whether its work may wait for the host's storage: then it has a reactor of its own, and holds up no other."""

    changed: Callable[[], None] = staticmethod(_nothing)
    """Tells the driver that the configuration space is another. Set by the transport; any thread."""
    again: Callable[[int], None] = staticmethod(_nothing)
    """Has notified(index) called soon, after others' turn. Set by the transport; any thread."""

    def __init__(self) -> None:
        self.queues: dict[int, VirtQueue] = {}
        """Those that the driver has set up, while it drives the device."""
        self.guarded: Callable[[Callable[..., None]], Callable[..., None]] = lambda work: work
        """Makes of a function one that the reactor may call for an fd or a timer: it is called with the device to
        itself, not while the driver does not drive it, and GuestErrors do what they do in notified()."""
        self.accepted = 0
        """The features that the driver took."""

    @property
    def config(self) -> bytes:
        """The configuration space as it stands."""
        return b""

    def write_config(self, offset: int, data: bytes) -> None:
        """The driver writes there; most spaces are read-only."""

    def activate(self, queues: dict[int, VirtQueue], features: int) -> None:
        """The driver is ready: these queues, these features. Also after load()."""
        self.queues, self.accepted = queues, features

    def notified(self, index: int) -> None:
        """There may be something in queue `index`, which is one of `queues`. On the reactor."""

    def kind_of(self, chain: Chain) -> str:
        """What the request is, in a word, for a timeline: by its buffers, where the device has none. GuestError for
        none."""
        return "in and out" if chain.readable and chain.writable else "in" if chain.writable else "out"

    def reset(self) -> None:
        """The driver starts anew: nothing of its queues may be touched any more."""
        self.queues, self.accepted = {}, 0

    def settle(self) -> None:
        """Before its state is taken: what is in flight is finished or put back. The reactor stands still."""

    def save(self) -> State:
        """What it has beyond its queues."""
        return State(f"vmm.{self.name}", 1, {})

    def load(self, state: State) -> None:
        """Becomes what was saved; activate() comes after it. SnapshotError when it cannot."""
        state.expect(f"vmm.{self.name}", 1, ())

    def close(self) -> None:
        """Gives back what it holds of the host. Legal twice."""


def serve(queue: VirtQueue, answer: Callable[[Chain], int], most: int = 256) -> bool:
    """Answers what is in `queue`, each request by how many bytes it got, and shows the driver a few at a time: it goes
    on with them while the device does others. False when `most` were done and there are more: the caller has itself
    called again, after others' turn."""
    done = 0
    try:
        while True:
            queue.hush()
            while done < most and (chain := queue.pop()) is not None:
                queue.push(chain, answer(chain))
                done += 1
                if not done % FEW:
                    queue.flush()
            if done >= most:
                return False
            if not queue.listen():
                return True
    finally:
        queue.flush()  # last: the vCPU that it wakes may want the interpreter at once
