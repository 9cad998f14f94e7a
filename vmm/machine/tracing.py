"""The recorder of a machine's timeline: vCPUs' trace rings, interrupt lines, serial text, virtio requests, all bounded.

Only recording here; what becomes of it is observe/trace.py's.
"""

from __future__ import annotations

import time
from collections import deque

from ..errors import ConfigError
from ..observe import trace
from ..observe.exit_filter import ExitFilter
from . import layout
from .trace_trigger import triggers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..observe.request_trace import TracedRequest
    from .machine import Machine
    from .schematic.virtio import VirtioDevices

LIMIT = 200_000
"""Exits a vCPU and changes of interrupt lines kept, the last ones of each."""
TEXT = 1 << 20
"""Bytes of serial text kept, in whole chunks."""
AFTER = 1_000
"""Exits a vCPU that are kept after the trigger."""


class Tracing:
    """What `machine.trace()` gives. Read it when the machine does not run."""

    def __init__(self, machine: Machine, limit: int, trigger: str, after: int, at: str = "") -> None:
        if limit < 1 or after < 0:
            raise ConfigError.of("trace", f"a trace of {limit} exits and {after} after its trigger keeps nothing")
        self._machine = machine
        self._trigger, self._after = trigger.encode(), after
        self._tail = b""
        self._more = after
        """Marks and serial text that are kept yet once it is triggered."""
        self._said: deque[tuple[int, bytes]] = deque(maxlen=limit)
        self._text = 0
        self._marks: deque[trace.Mark] = deque(maxlen=limit)
        places = triggers(at, machine.ports, machine.mmio) if at else []
        for vcpu in machine.vcpus:
            vcpu.start_trace(limit)
            vcpu.trigger_trace(places, after, None if vcpu is machine.vcpus[0] else machine.vcpus[0])
        machine.listen("com1", self._hear)
        self._requests: Sequence[TracedRequest] = ()

    def watch_requests(self, virtio: VirtioDevices, limit: int) -> None:
        """Has the last `limit` requests of virtio devices, too."""
        from .schematic.virtio.requests import RequestWatch

        self._requests = RequestWatch(virtio.transports, limit, self._now, self._is_over).requests

    def watch_interrupts(self, set_input: Callable[[int, bool], None]) -> Callable[[int, bool], None]:
        """`set_input` of the board with every edge marked."""

        def marked(gsi: int, level: bool) -> None:
            self._mark(f"GSI {gsi} {'up' if level else 'down'}")
            set_input(gsi, level)

        return marked

    def watch_vectors(self, acknowledge: Callable[[], int]) -> Callable[[], int]:
        """A vCPU's `acknowledge` with every injected vector marked."""

        def marked() -> int:
            vector = acknowledge()
            self._mark(f"inject vector {vector:#x}")
            return vector

        return marked

    def _now(self) -> int:
        return time.monotonic_ns() - self._machine.born_ns

    @property
    def triggered(self) -> bool:
        """Whether the console has said the trigger's words, or an exit has come that its place holds."""
        return bool(self._machine.vcpus[0].trace_triggered)

    def _is_over(self) -> bool:
        if not self.triggered:
            return False
        self._more -= 1
        return self._more < 0

    def _mark(self, name: str) -> None:
        if not self._is_over():
            self._marks.append(trace.Mark(self._now(), trace.INTERRUPTS, name))

    def _hear(self, data: bytes) -> None:
        if self._is_over():
            return
        if len(self._said) == self._said.maxlen:
            self._text -= len(self._said.popleft()[1])
        self._said.append((self._now(), data))
        self._text += len(data)
        while self._text > TEXT:
            self._text -= len(self._said.popleft()[1])
        if self._trigger:
            heard = self._tail + data
            if self._trigger in heard:
                for vcpu in self._machine.vcpus:
                    vcpu.end_trace(self._after)
            self._tail = heard[-len(self._trigger) :]

    def exits(self) -> tuple[list[trace.TracedExit], int]:
        """(every exit that is kept, by time; how many older ones were lost)."""
        found = [vcpu.traced(self._machine.device_at, self._machine.born_ns) for vcpu in self._machine.vcpus]
        exits = [exit for exits, _ in found for exit in exits]
        return sorted(exits, key=lambda exit: exit.left_ns), sum(lost for _, lost in found)

    def to_json(self, wanted: str = "") -> str:
        """Chrome trace-event JSON; `wanted` are the words of an ExitFilter. StateError after close()."""
        chosen = ExitFilter(wanted)
        requests = [each for each in self._requests if not chosen.devices or each.device in chosen.devices]
        exits, lost = self.exits()
        marks = list(self._marks)
        marks += trace.serial_lines(self._said, exits, layout.COM[0][0])
        marks += trace.post_codes(exits)
        return trace.to_json(trace.events(exits, sorted(marks), chosen, requests), lost)
