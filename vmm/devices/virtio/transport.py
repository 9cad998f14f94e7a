"""What all transports have in common: a device's status, the features that are agreed on, its queues, its interrupts.

A vCPU's thread reads and writes registers, the reactor works for the device; `lock` keeps the two apart. The flags of
pending interrupts are told and acknowledged without it, so that no vCPU waits there for a disk.
Source: virtio 1.2, sections 2.1 (status), 2.2 (features), 2.6 (virtqueues), 3.1 (initialisation).
"""

from __future__ import annotations

from ...bus.device import Device
from ...errors import GuestError, SnapshotError
from ...state import State
from .device import F_VERSION_1
from .packed import PackedQueue
from .queue import SplitQueue
from .ring import F_EVENT_INDEX, F_INDIRECT, F_PACKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...memory.guest_memory import GuestMemory
    from .device import VirtioDevice
    from .ring import Ring, VirtQueue

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET, FAILED = 1, 2, 4, 8, 0x40, 0x80
_SETTABLE = ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED
RING_FEATURES = F_INDIRECT | F_EVENT_INDEX | F_PACKED | F_VERSION_1
MOST_ENTRIES = 1 << 15
CONFIG_CHANGED = -1
"""In place of a queue's index: the interrupt for the configuration space."""


class QueueSetup:
    """What a driver has said of one queue."""

    __slots__ = ("available", "descriptors", "ready", "size", "used", "vector")

    FIELDS = ("size", "ready", "descriptors", "available", "used", "vector")

    def __init__(self, size: int, vector: int) -> None:
        self.size = size
        self.ready = False
        self.descriptors = self.available = self.used = 0
        """Guest physical addresses."""
        self.vector = vector
        """Of MSI-X; of no meaning elsewhere."""


class Transport(Device):
    """The common part of one device's transport. `post` has a function called soon on the reactor."""

    no_vector = 0xFFFF

    def __init__(
        self, device: VirtioDevice, name: str, memory: GuestMemory, lock: Any,
        post: Callable[[Callable[[], None]], None], told: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        self.device = device
        self.name = name
        self.offered = device.features | RING_FEATURES & device.ring_features
        self._memory = memory
        self._lock = lock
        self._post = post
        self._told = told
        self._queues: dict[int, Ring] = {}
        self._watch: Callable[[Ring], None] = lambda queue: None
        device.changed, device.again, device.guarded = self.config_changed, self.kick, self._guarded
        self._start()

    def _start(self) -> None:
        """The state after a reset."""
        self.status = 0
        self.accepted = 0
        self._offer_page = self._accept_page = self._selected = 0
        self.generation = 0
        self.setups = [QueueSetup(size, self.no_vector) for size in self.device.queue_sizes]

    def interrupt(self, index: int) -> None:
        """Tells the driver of queue `index`, or CONFIG_CHANGED. Any thread; never waits. The transport's own."""
        raise NotImplementedError

    def lower(self) -> None:
        """No interrupt is pending any more."""

    # -- the reactor's side --

    def kick(self, index: int) -> None:
        """The driver rang for queue `index`, if there is such. Any thread."""
        if index < len(self.setups):
            self._post(lambda: self.notified(index))

    def notified(self, index: int) -> None:
        """On the reactor: works for queue `index`, if that is live."""
        with self._lock:
            if index in self._queues and self.status & (DRIVER_OK | NEEDS_RESET) == DRIVER_OK:
                self._work(lambda: self.device.notified(index))

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except GuestError as error:
            self._break(error.fault)
        except Exception:
            self._break("the device failed")
            raise

    def _guarded(self, work: Callable[..., None]) -> Callable[..., None]:
        def guarded(*values: Any) -> None:
            with self._lock:
                if self.status & (DRIVER_OK | NEEDS_RESET) == DRIVER_OK:
                    self._work(lambda: work(*values))

        return guarded

    def _break(self, words: str) -> None:
        """The driver has broken the contract, or the device has: nothing more until a reset."""
        self.status |= NEEDS_RESET
        self._told(f"{words}; the device waits for a reset")
        if self.status & DRIVER_OK:
            self.config_changed()

    def config_changed(self) -> None:
        """See VirtioDevice.changed."""
        self.generation = self.generation + 1 & 0xFF
        if self.status & DRIVER_OK:
            self.interrupt(CONFIG_CHANGED)

    # -- the driver's side, by registers --

    @property
    def setup(self) -> QueueSetup | None:
        """Of the queue that is selected; None where there is none."""
        return self.setups[self._selected] if self._selected < len(self.setups) else None

    def read_features(self) -> int:
        """The 32 offered ones on the page that is selected."""
        return self.offered >> 32 * self._offer_page & 0xFFFF_FFFF if self._offer_page < 2 else 0

    def write_features(self, value: int) -> None:
        """The driver accepts those on its page; too late once FEATURES_OK stands."""
        if self._accept_page < 2 and not self.status & FEATURES_OK:
            shift = 32 * self._accept_page
            self.accepted = self.accepted & ~(0xFFFF_FFFF << shift) | value << shift

    def write_status(self, value: int) -> None:
        """The driver moves on, or with 0 starts anew."""
        with self._lock:
            if not value:
                self.reset()
                return
            new = value & _SETTABLE & ~self.status
            if new & FEATURES_OK and (self.accepted & ~self.offered or not self.accepted & F_VERSION_1):
                new &= ~FEATURES_OK  # the driver looks, and sees that it was refused
            if new & DRIVER_OK and not (self.status | new) & FEATURES_OK:
                self._break("the driver is ready before its features are agreed on")
                new &= ~DRIVER_OK
            self.status |= new
            if new & DRIVER_OK and not self.status & NEEDS_RESET:
                self._work(lambda: self._activate(None))

    def _activate(self, positions: dict[int, list[int]] | None) -> None:
        """Makes the queues that are set up; or those that were saved, to stand where they stood: what the driver has
        said of others since it was ready, they do not heed."""
        live: dict[int, VirtQueue] = {}
        for index, setup in enumerate(self.setups):
            if setup.ready if positions is None else index in positions:
                queue = self._queues[index] = self._made(index, setup)
                live[index] = queue  # type: ignore[assignment]  # both layouts are VirtQueues
                if positions is not None:
                    queue.load(positions[index])
        self.device.activate(live, self.accepted)

    def _made(self, index: int, setup: QueueSetup) -> Ring:
        size, is_packed = setup.size, bool(self.accepted & F_PACKED)
        if not 0 < size <= self.device.queue_sizes[index] or (size & size - 1 and not is_packed):
            raise GuestError(self.name, f"queue {index} cannot have {size} entries")
        places = (setup.descriptors, setup.available, setup.used)
        layout = PackedQueue if is_packed else SplitQueue
        queue = layout(self._memory, index, size, places, self.accepted, lambda: self.interrupt(index))
        self._watch(queue)
        return queue

    def watch_queues(self, watch: Callable[[Any], None]) -> None:
        """Calls `watch` with each queue before the device has it, and with those that it has. Before the machine
        runs."""
        self._watch = watch
        for queue in self._queues.values():
            watch(queue)

    # -- a device of the board --

    def reset(self) -> None:
        """As after power-on."""
        with self._lock:
            self.device.reset()
            self._release()
            self._start()
            self.lower()

    def _release(self) -> None:
        queues, self._queues = self._queues, {}
        for queue in queues.values():
            queue.release()

    def settle(self) -> None:
        """See VirtioDevice.settle(). As it may interrupt, it comes before the state of any controller is taken."""
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        if self.status & (DRIVER_OK | NEEDS_RESET) == DRIVER_OK:
            try:
                self.device.settle()
            except GuestError as error:
                self._break(error.fault)

    def save(self) -> State:
        with self._lock:
            self._settle()
            fields: dict[str, Any] = {
                "device": self.device.save(),
                "status": self.status,
                "accepted": self.accepted,
                "pages": [self._offer_page, self._accept_page, self._selected, self.generation],
                "setups": [[int(getattr(each, name)) for name in QueueSetup.FIELDS] for each in self.setups],
                "positions": [[index, *queue.save()] for index, queue in self._queues.items()],
            }
        return State(self._schema, 1, fields | self._own())

    def load(self, state: State) -> None:
        own = list(self._own())
        names = ["device", "status", "accepted", "pages", "setups", "positions", *own]
        fields = state.expect(self._schema, 1, names)
        self._check(fields)
        self.reset()
        with self._lock:
            self.device.load(fields["device"])
            self.status, self.accepted = fields["status"], fields["accepted"]
            self._offer_page, self._accept_page, self._selected, self.generation = fields["pages"]
            for setup, values in zip(self.setups, fields["setups"], strict=True):
                for name, value in zip(QueueSetup.FIELDS, values, strict=True):
                    setattr(setup, name, bool(value) if name == "ready" else value)
            self._load_own({name: fields[name] for name in own})
            if self.status & DRIVER_OK and not self.status & NEEDS_RESET:
                try:
                    self._activate({index: list(rest) for index, *rest in fields["positions"]})
                except GuestError as error:
                    raise SnapshotError(f"{self._schema}: {error.fault}") from None
        for index in self._queues:
            self.kick(index)  # a ring that was heard and not yet answered, for all that the state knows

    @property
    def _schema(self) -> str:
        return f"vmm.virtio_{type(self).__name__.lower()}"

    def _own(self) -> dict[str, Any]:
        """What the transport itself adds to the state."""
        return {}

    def _load_own(self, fields: dict[str, Any]) -> None:
        """Takes that back, checked."""

    def _check(self, fields: dict[str, Any]) -> None:
        rows = (fields["pages"], *_lists(fields["setups"]), *_lists(fields["positions"]))
        shapes = [4] + [len(QueueSetup.FIELDS)] * len(self.setups)
        numbers = [fields["status"], fields["accepted"], *(number for row in rows for number in row)]
        is_known = isinstance(fields["device"], State) and [len(row) for row in rows][: len(shapes)] == shapes
        if not is_known or any(type(each) is not int or not 0 <= each < 1 << 64 for each in numbers):
            raise SnapshotError(f"{self._schema}: this is no state of {self.name}")

    def close(self) -> None:
        with self._lock:
            self.device.close()
            self._release()


def _lists(rows: Any) -> list[list[Any]]:
    return rows if isinstance(rows, list) and all(isinstance(row, list) for row in rows) else [[None]]
