"""Brings a machine's memory from a page server while it runs: what the guest waits for, before what its like touched
first, before the rest.

One thread, which is the only one that reads and writes the connection. Should the server be lost, the machine's run
ends with words for that, and no page that never came is ever seen: neither by the guest, nor by a device.
"""

from __future__ import annotations

import os
import select
import struct
import threading
import time

from ...errors import HostError, SnapshotError
from ...memory import arriving
from ...memory.arriving import Arriving
from ...memory.pages import PAGE
from . import wire
from .page_server import LARGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...engine.kvm_userfault import Userfault
    from ...memory.pages import Run
    from .wire import Wire

AROUND = 64 << 10
"""Bytes that are asked for where somebody waits for one page: its neighbours are often next."""
AHEAD = 256 << 10
"""Bytes that are asked for at a time where nobody waits."""
MOST_UNDERWAY = 4
"""Requests that wait for an answer before one is sent that nobody waits for."""


MOST_REQUESTS = 128
"""Requests that wait for an answer, at most."""
MOST_FAULTS = 64
"""Faults that are looked at before anything else is."""
LEAVING = 1.0
"""Seconds that a vCPU has to come back when its run is over."""


class Pager:
    """`order` is what to bring when nobody waits for anything; `lost` is told why no more comes. `is_leaving` tells
    whether the run is over and a vCPU has not come back: KVM may not let it before it has its page."""

    def __init__(
        self, line: Wire, fault: Userfault, size: int, runs: Sequence[Run], order: Sequence[Run],
        lost: Callable[[str], None], is_leaving: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._line = line
        self._fault = fault
        self._size = size
        self._lost = lost
        self._is_leaving = is_leaving
        self._order = _chunks(order)
        self._underway: dict[int, tuple[int, float]] = {}
        """Of each request, by its offset: (size, when it was sent)."""
        self._waited: set[int] = set()
        """Pages that somebody waits for in the kernel."""
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_stopped = False
        self._leaving_since = 0.0
        self.arriving = Arriving(fault, size, runs, self._ring)
        self._thread = threading.Thread(target=self._work, name="vmm pages", daemon=True)
        self._thread.start()

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def stop(self) -> None:
        """Nobody wants the memory any more, which may be unmapped then. Legal twice, from any thread but its own."""
        self._is_stopped = True
        if self._bell >= 0:
            self._ring()
            self._line.cut()
            self._thread.join()
            self.arriving.end()
            self._line.close()
            bell, self._bell = self._bell, -1
            os.close(bell)

    def _work(self) -> None:
        try:
            self._bring_all()
        except Exception as error:  # whatever it is: without this thread the guest would wait for ever
            if not self._is_stopped:
                self._give_up(str(error))
            return
        if not self._is_stopped:
            self.arriving.end()

    def _give_up(self, why: str) -> None:
        """The run ends before anybody is refused a page, so that this is what it ends with."""
        runs = self.arriving.lose(why)
        self._lost(why)
        try:
            for offset, size in runs:
                self._fault.forbid(offset, size)
        except HostError:  # the host has no room for a mapping in so many pieces: then all of it
            self.arriving.lose_all()
            self._fault.forbid(0, self._size)

    def _bring_all(self) -> None:
        poll = select.poll()
        for fd in (self._fault.fd, self._line.fileno(), self._bell):
            poll.register(fd, select.POLLIN)
        while not self._is_stopped and (self.arriving.left or self._underway):
            self._ask_ahead()
            ready = [fd for fd, _ in poll.poll(self._patience())]
            self._expect_patience()  # also where faults come without end: a signal has the kernel ask again and again
            if self._bell in ready:
                os.eventfd_read(self._bell)
            while self.arriving.wishes:
                self._ask(*self.arriving.wishes.popleft())
            if self._fault.fd in ready:
                self._answer_faults()
            if self._line.fileno() in ready:
                self._take()

    def _patience(self) -> int | None:
        """Milliseconds until to look whether an answer is overdue."""
        if not self._underway:
            return None
        return int(1000 * (LEAVING / 4 if self._waited else wire.PATIENCE))

    def _expect_patience(self) -> None:
        """HostError when an answer is overdue."""
        now = time.monotonic()
        if self._underway and min(since for _, since in self._underway.values()) + wire.PATIENCE <= now:
            raise HostError(f"the page server has been silent for {wire.PATIENCE:.0f} s")
        if not (self._waited and self._is_leaving()):
            self._leaving_since = 0.0
        elif not self._leaving_since:
            self._leaving_since = now
        elif now - self._leaving_since > LEAVING:
            raise HostError("the run was to end while the guest waited for a page")

    def _answer_faults(self) -> None:
        for _ in range(MOST_FAULTS):
            offset = self._fault.next()
            if offset is None:
                return
            state = self.arriving.touched(offset)
            if state in (arriving.MISSING, arriving.COMING):
                self._waited.add(offset)
            if state == arriving.MISSING:
                start = offset // AROUND * AROUND
                self._ask(offset, PAGE)  # what is waited for comes first
                self._ask(start, min(AROUND, self._size - start))
            elif state == arriving.HERE:
                self._fault.wake(offset)  # it came in the meantime

    def _ask(self, offset: int, size: int) -> None:
        """For all that is missing in this range."""
        while (run := self.arriving.ask(offset, size)) is not None:
            for start, length in _chunks([run], LARGEST):
                while len(self._underway) >= MOST_REQUESTS:
                    self._take()  # else the server might wait for us to read, and we for it
                self._underway[start] = length, time.monotonic()
                self._line.send(wire.GET, struct.pack("<2Q", start, length))

    def _ask_ahead(self) -> None:
        while len(self._underway) < MOST_UNDERWAY:
            chunk = next(self._order, None)
            if chunk is None:
                return
            self._ask(*chunk)

    def _take(self) -> None:
        _, content = self._line.receive(wire.PAGES)
        offset = int.from_bytes(content[:8], "little")
        size, _ = self._underway.pop(offset, (0, 0.0))
        if not size or size != len(content) - 8:
            raise SnapshotError("the page server sent what nobody asked for")
        self.arriving.put(offset, memoryview(content)[8:])
        if self._waited:
            self._waited.difference_update(range(offset, offset + size, PAGE))


def _chunks(runs: Sequence[Run], size: int = AHEAD) -> Iterator[Run]:
    for offset, length in runs:
        for at in range(offset, offset + length, size):
            yield at, min(size, offset + length - at)
