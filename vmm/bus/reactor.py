"""One thread of the host's for a machine's devices that wait for fds: what they do is done there, off the vCPUs.

Callbacks are called one at a time. While it stands still (pause() to resume()) none is under way and none begins: what
came meanwhile waits. A callback must not wait itself, neither for a vCPU nor for whoever pauses.
"""

from __future__ import annotations

import os
import select
import time
from _thread import allocate_lock, get_ident
from collections import deque
from heapq import heappop, heappush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

READ, WRITE, HANG_UP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLRDHUP
EDGE, ONCE = select.EPOLLET, select.EPOLLONESHOT
"""What to wait for; with EDGE once each time that it comes about, also when nobody reads it away; with ONCE not again
before the next change(), not even for the other side's end, which is told otherwise without being asked for."""
MOST = 64
"""Events that are taken at once."""


class Reactor:
    """Made without a thread; that comes with the first resume()."""

    def __init__(self, on_failure: Callable[[Exception], None]) -> None:
        """`on_failure` is told of callbacks that raise, on the reactor's thread."""
        self._on_failure = on_failure
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, READ | EDGE)
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._moments: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._gate = allocate_lock()
        """Held while callbacks run, and by whoever has it stand still."""
        self._gate.acquire()
        self._door = allocate_lock()
        """So that one who wants the gate has it next, however much there is to do."""
        self._door.acquire()
        self._is_still = True
        self._thread: Thread | None = None
        self._ident = 0
        self._is_closing = False

    # -- for devices --

    def add(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Calls `callback(events)` when any of `events` holds for `fd`. Any thread."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Waits for other events; 0 for none. Any thread."""
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Forgets `fd`, before it is closed. Any thread; does nothing for one that is not there."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call(self, job: Callable[[], None]) -> None:
        """Has `job` done soon. Any thread."""
        self._calls.append(job)
        os.eventfd_write(self._wake, 1)

    def call_at(self, moment: int, job: Callable[[], None]) -> None:
        """Has `job` done at `moment`, in nanoseconds of time.monotonic_ns(). Any thread."""
        self._count += 1
        heappush(self._moments, (moment, self._count, job))
        if get_ident() != self._ident:
            os.eventfd_write(self._wake, 1)

    # -- for the machine --

    def resume(self) -> None:
        """Goes on, or begins. Does nothing while it runs."""
        if not self._is_still or self._is_closing:
            return
        if self._thread is None:
            from threading import Thread

            self._thread = Thread(target=self._loop, name="reactor", daemon=True)
            self._thread.start()
        self._is_still = False
        self._gate.release()
        self._door.release()

    def pause(self) -> None:
        """Returns when nothing is under way; nothing begins until resume(). Twice is once."""
        if not self._is_still:
            self._door.acquire()
            self._is_still = True
            self._gate.acquire()

    def close(self) -> None:
        """Ends the thread and gives back the fds. Legal twice."""
        if self._is_closing:
            return
        self.pause()
        self._is_closing = True
        self._callbacks.clear()
        self._calls.clear()
        if self._thread is not None:
            os.eventfd_write(self._wake, 1)
            self._gate.release()
            self._door.release()
            self._thread.join()
        self._epoll.close()
        os.close(self._wake)

    # -- the thread --

    def _loop(self) -> None:
        import _signal  # type: ignore[import-not-found]  # not `signal`, whose enums cost milliseconds

        self._ident = get_ident()
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())  # they are for the threads of vCPUs
        while True:
            events = self._epoll.poll(self._patience(), MOST)
            if self._is_still:
                with self._door:
                    pass
            with self._gate:
                if self._is_closing:
                    return
                self._dispatch(events)

    def _patience(self) -> float | None:
        """Seconds until something is due; None when nothing will be by itself."""
        if self._calls:
            return 0
        return max(0, self._moments[0][0] - time.monotonic_ns()) / 1e9 if self._moments else None

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        for fd, what in events:
            callback = self._callbacks.get(fd)
            if callback is not None:
                self._do(callback, what)
        for _ in range(len(self._calls)):
            self._do(self._calls.popleft())
        while self._moments and self._moments[0][0] <= time.monotonic_ns():
            self._do(heappop(self._moments)[2])

    def _do(self, callback: Callable[..., None], *values: int) -> None:
        try:
            callback(*values)
        except Exception as error:
            self._on_failure(error)
