"""Drives a machine's devices with what recorder.py recorded, without a CPU and without /dev/kvm, and compares."""

from __future__ import annotations

from base64 import b64decode
from collections import deque

from ..errors import ConfigError
from ..observe.recording import PIC
from ..records import Record
from .board import Board
from .recorder import OUTSIDE
from .saved import plain
from .saved.overlays import with_overlays
from .schematic.image import load as load_image
from .schematic.image import read as read_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..bus.bus import Bus
    from ..observe.recording import Event, Reader

BEFORE = 8
"""Events before a difference that are told."""


class Difference(Record):
    """The first answer that is another."""

    number: int
    """Of the event, from 1."""
    event: Event
    what: str
    """What differs: "answer", "lines", "vector" or "failure"."""
    recorded: object
    given: object
    before: tuple[Event, ...]
    """The events before it, oldest first."""

    def as_json(self) -> dict[str, Any]:
        """For programs; events in words."""
        return {
            "number": self.number,
            "event": self.event.in_words(),
            "what": self.what,
            "recorded": self.recorded,
            "given": self.given,
            "before": [event.in_words() for event in self.before],
        }


class Replayer:
    """The devices of one recorded machine. `ports`, `mmio` take devices of the user's, as a Machine's do."""

    def __init__(self, reader: Reader) -> None:
        """ConfigError for a recording whose machine cannot be laid out here: its image or a drive is missing."""
        self._reader = reader
        header = reader.header
        plain.expect(header, "a recording", vmm=str, version=int, config=dict, image=(dict, type(None)), is_linux=bool)
        config = with_overlays(plain.config_from_plain(header["config"]))  # what the guest wrote is written again
        if header["image"] is not None:
            image = plain.from_plain(header["image"])
            if not isinstance(image, bytes):
                raise ConfigError.of("recording", "the image in it is damaged")
            config = config.replace(image=image)
        self._now: deque[int] = deque()
        self._wall: deque[int] = deque()
        self._memory: deque[bytes] = deque()
        self._sent: deque[int] = deque()
        self._last = {"now": 0, "wall": 0}
        self._lines: list[list[int]] = []
        self._failure = ""
        self._board = Board(config, lambda: 0, lambda: self._clock("wall", self._wall), header["is_linux"])
        board = self._board
        load_image(board, *read_image(config))
        board.timers.now = lambda: self._clock("now", self._now)  # type: ignore[method-assign]
        own_read = board.memory.read

        def read(gpa: int, size: int) -> bytes:
            recorded = self._memory.popleft() if self._memory else b""
            return recorded if len(recorded) == size else own_read(gpa, size)

        board.memory.read = read  # type: ignore[method-assign]
        set_input = board.set_input

        def noted_input(gsi: int, level: bool) -> None:
            self._lines.append([gsi, int(level)])
            set_input(gsi, level)

        board.set_input = noted_input
        board.send_message = lambda address, data: bool(self._sent.popleft() if self._sent else 0)
        board.interrupt = lambda up: self._lines.append([PIC, int(up)])
        for bus in (board.ports, board.mmio):
            bus.on_failure = self._failed

    @property
    def ports(self) -> Bus:
        """I/O ports."""
        return self._board.ports

    @property
    def mmio(self) -> Bus:
        """Guest physical addresses without memory."""
        return self._board.mmio

    def _clock(self, which: str, recorded: deque[int]) -> int:
        if recorded:
            self._last[which] = recorded.popleft()
        return self._last[which]

    def _failed(self, name: str, error: Exception) -> None:
        self._failure = f"{name}: {type(error).__name__}: {error}"

    def run(self, progress: Callable[[int], None] = lambda count: None) -> tuple[int, Difference | None]:
        """(how many events were replayed, the first difference). ConfigError for a damaged recording."""
        before: deque[Event] = deque(maxlen=BEFORE)
        count = 0
        for count, event in enumerate(self._reader.events(), 1):
            found = self._step(event)
            if found is not None:
                what, recorded, given = found
                return count, Difference(
                    number=count, event=event, what=what, recorded=recorded, given=given, before=tuple(before)
                )
            before.append(event)
            progress(count)
        return count, None

    def _step(self, event: Event) -> tuple[str, object, object] | None:
        around = event.around
        self._now, self._wall = deque(around.get("now", ())), deque(around.get("wall", ()))
        self._memory = deque(b64decode(text) for text in around.get("memory", ()))
        self._sent = deque(around.get("sent", ()))
        self._lines, self._failure = [], ""
        recorded, given = self._done(event)
        if self._failure:
            return "failure", "", self._failure
        if recorded != given:
            return ("vector" if event.kind == "acknowledge" else "answer"), recorded, given
        lines = around.get("lines", [])
        return None if lines == self._lines else ("lines", lines, self._lines)

    def _done(self, event: Event) -> tuple[object, object]:
        """(recorded, given) answer; equal where there is none."""
        board, values = self._board, event.values
        if event.is_access:
            address, size, value, _, _ = values
            bus = board.ports if event.kind in ("in", "out") else board.mmio
            handler, offset, width = bus.bind(address, size, event.kind in ("out", "write"))
            try:
                if event.kind in ("out", "write"):
                    handler(offset, width, value)
                    return None, None
                answer = int(handler(offset, width) or 0) & (1 << 8 * size) - 1
            except Exception as error:  # whatever a device does
                self._failed(bus.name_at(address), error)
                return None, None
            return value, answer
        if event.kind == "due":
            board.timers.run_due()
        elif event.kind == "acknowledge":
            return values[0], int(board.device("pic").acknowledge())
        elif event.kind == "eoi":
            board.device("ioapic").end_of_interrupt(values[0])
        else:
            self._call(*values)
        return None, None

    def _call(self, name: str, method: str, text: str) -> None:
        if method not in OUTSIDE.get(name, ()):
            raise ConfigError.of("recording", f"nobody outside calls {method} of {name}")
        content = b64decode(text)
        call = getattr(self._board.device(name), method)
        if method == "feed":
            call(content)
        elif method == "signal":
            call(int(content))
        elif content:
            call(content.decode())
        else:
            call()

    def close(self) -> None:
        """Gives memory and drives back."""
        self._board.close()
