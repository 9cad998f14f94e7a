"""Guest time and the alarms that devices set in it.

Time is in nanoseconds of a monotonic clock that starts near 0 and stands still while the machine is paused. Alarms
ring in the order of their times, on the thread that calls `run_due`: the machine's, never one of their own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Alarm:
    """A one-shot alarm of one device. It may set itself again from inside its callback."""

    __slots__ = ("_timers", "callback", "deadline")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers = timers
        self.callback = callback
        self.deadline: int | None = None
        """When it rings, in guest nanoseconds; None while it is not set."""

    def set(self, deadline: int) -> None:
        """Rings at `deadline`, or at once (on the next run_due) if that has passed. Replaces an earlier setting."""
        self.deadline = deadline
        self._timers.enter(deadline, self)

    def cancel(self) -> None:
        """Does not ring any more."""
        self.deadline = None


class Timers:
    """All alarms of one machine. `host_clock` gives monotonic ns of the host; `woken` hears of an earlier deadline."""

    def __init__(self, host_clock: Callable[[], int], woken: Callable[[], None] = lambda: None) -> None:
        self._host_clock = host_clock
        self._woken = woken
        self.on_failure: Callable[[Exception], None] | None = None
        """Told of a callback that raised; the other alarms ring all the same."""
        self._zero = host_clock()
        self._paused_at: int | None = None
        self._heap: list[tuple[int, int, Alarm]] = []
        self._entries = 0

    def now(self) -> int:
        """Guest time in nanoseconds."""
        return (self._host_clock() if self._paused_at is None else self._paused_at) - self._zero

    def alarm(self, callback: Callable[[], None]) -> Alarm:
        """A new alarm, not set."""
        return Alarm(self, callback)

    def enter(self, deadline: int, alarm: Alarm) -> None:
        """For Alarm.set alone."""
        from _heapq import heapify, heappush  # heapq without what it has in Python; most tiny guests set no alarm

        heap = self._heap
        if len(heap) > 64:
            standing = {entry[2]: entry for entry in heap if entry[2].deadline == entry[0]}
            if len(heap) > 8 * len(standing):
                heap[:] = standing.values()  # many settings, few alarms
                heapify(heap)
        first = self.next_deadline()
        self._entries += 1
        heappush(heap, (deadline, self._entries, alarm))
        if first is None or deadline < first:
            self._woken()

    @property
    def has_alarms(self) -> bool:
        """Whether any alarm may be set. Any thread."""
        return bool(self._heap)

    def next_deadline(self) -> int | None:
        """When the next alarm rings in guest time, or None when none is set or time stands still."""
        heap = self._heap
        while heap and heap[0][2].deadline != heap[0][0]:
            self._pop()
        return heap[0][0] if heap and self._paused_at is None else None

    def _pop(self) -> Alarm:
        from _heapq import heappop

        return heappop(self._heap)[2]

    def next_host_deadline(self) -> int | None:
        """The same in the host clock's nanoseconds."""
        deadline = self.next_deadline()
        return None if deadline is None else deadline + self._zero

    def run_due(self) -> None:
        """Rings every alarm whose time has come; an alarm set again for a time already past waits for the next call."""
        now = self.now()
        due: dict[Alarm, None] = {}  # ordered; an alarm set twice for one moment is there once
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            due[self._pop()] = None
        for alarm in due:
            if alarm.deadline is not None and alarm.deadline <= now:
                alarm.deadline = None
                try:
                    alarm.callback()
                except Exception as error:
                    if self.on_failure is None:
                        raise
                    self.on_failure(error)

    def close(self) -> None:
        """Forgets all alarms and whom to tell."""
        self._heap.clear()
        self._woken = self._nobody
        self.on_failure = None

    @staticmethod
    def _nobody() -> None:
        pass

    def pause(self) -> None:
        """Guest time stands still. Twice is once."""
        if self._paused_at is None:
            self._paused_at = self._host_clock()

    def resume(self) -> None:
        """Guest time goes on from where it stood."""
        if self._paused_at is not None:
            self._zero += self._host_clock() - self._paused_at
            self._paused_at = None
            if self._heap:
                self._woken()

    def set_now(self, now: int) -> None:
        """Moves guest time to `now` (a restored machine goes on from its saved time)."""
        self._zero = (self._host_clock() if self._paused_at is None else self._paused_at) - now
