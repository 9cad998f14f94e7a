"""i8254 programmable interval timer: three 16-bit counters on one 1.193182 MHz clock; counter 0 drives an interrupt.

Guest side: offsets 0-2 the counters, 3 the control word.  Host side: gate and output of counter 2 (for port 0x61).
Counts and levels are worked out from guest time when somebody asks; the alarm is set for counter 0's next edge alone.

The line of counter 0 follows the changes of its OUT pin, with these liberties:
- OUT is high after a reset (the chip leaves it undefined) while the line is down until OUT next rises, so programming
  a freshly reset timer makes no interrupt.
- A brief low that a count makes (the one pulse of modes 2 and 4, a half of mode 3 under 100 us) is shown at its end,
  as a fall and a rise in one moment: an edge-triggered input sees every rise, for one alarm each.
- Rises that come closer than MINIMAL_PERIOD, or while the host is late, become one rise. The phase is kept, and no
  count that the guest reads is touched by it. A rise found late keeps the line up until the next edge.
Not modelled: gates 0 and 1 (tied high); see Counter for more.  Source: Intel 8254 datasheet 231164.
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from .pit_counter import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bus.irq import IrqLine
    from ..bus.timers import Timers

FREQUENCY = 1_193_182
"""Clock pulses a second."""
MINIMAL_PERIOD = 100_000
"""Nanoseconds of guest time from one alarm of counter 0 to the next, unless the guest programs it in between."""

_SECOND = 1_000_000_000


class Pit(Device):
    """The chip. `irq0` gets the output of counter 0; `timers` is its clock and rings for it."""

    name = "pit"

    def __init__(self, timers: Timers, irq0: IrqLine) -> None:
        self._timers = timers
        self._line = irq0
        self._alarm = timers.alarm(self._ring)
        self.reset()

    @property
    def gate2(self) -> bool:
        """The level at the GATE pin of counter 2."""
        return self._counters[2].gate

    @property
    def output2(self) -> bool:
        """The level of the OUT pin of counter 2."""
        return self._counters[2].out(self.ticks())

    def set_gate2(self, gate: bool) -> None:
        """Drives the GATE pin of counter 2."""
        self._counters[2].set_gate(self.ticks(), gate)

    def ticks(self) -> int:
        """Clock pulses since guest time 0."""
        return self._timers.now() * FREQUENCY // _SECOND

    def read(self, offset: int, size: int) -> int:
        """A byte of a counter; wider reads take one byte from each offset. The control word cannot be read (0xff)."""
        if size > 1:
            return sum(self.read(offset + i, 1) << 8 * i for i in range(size))
        if offset > 2:
            return 0xFF
        return self._counters[offset].read(self._now(offset))

    def write(self, offset: int, size: int, value: int) -> None:
        """A byte to a counter or the control word; wider writes give one byte to each offset."""
        if size > 1:
            for i in range(size):
                self.write(offset + i, 1, value >> 8 * i & 0xFF)
        elif offset < 3:
            self._change(offset, value, self._counters[offset].write)
        elif offset == 3:
            self._command(value)

    def reset(self) -> None:
        """No counter counts, nothing is latched, gate 2 and the line are down."""
        self._counters = [Counter(True), Counter(True), Counter(False)]
        self._served = self.ticks()
        self._alarm.cancel()
        self._line.set(False)

    def save(self) -> State:
        """The counters, and up to which pulse the line has been told of rises. Times are guest time."""
        counters = [counter.save() for counter in self._counters]
        return State("vmm.pit", 1, {"counters": counters, "served": self._served, "line": self._line.asserted})

    def load(self, state: State) -> None:
        """Becomes the timer that was saved, in a guest time that goes on from the moment of saving."""
        fields = state.expect("vmm.pit", 1, ("counters", "served", "line"))
        saved, served, line = fields["counters"], fields["served"], fields["line"]
        if not isinstance(saved, list) or len(saved) != 3:
            raise SnapshotError("vmm.pit: counters should be a list of three")
        if type(served) is not int or not 0 <= served < 1 << 62 or type(line) is not bool:
            raise SnapshotError(f"vmm.pit: served cannot be {served!r} with a line of {line!r}")
        self._counters = [Counter.loaded(each, f"counter {index}") for index, each in enumerate(saved)]
        self._served = served
        self._line.set(line)
        self._schedule(0)

    def _command(self, value: int) -> None:
        index = value >> 6
        if index == 3:
            for each in range(3):
                if value >> each + 1 & 1:
                    t = self._now(each)
                    if not value & 0x20:
                        self._counters[each].latch_count(t)
                    if not value & 0x10:
                        self._counters[each].latch_status(t)
        elif value & 0x30:
            self._change(index, value & 0x3F, self._counters[index].program)
        else:
            self._counters[index].latch_count(self._now(index))

    def _now(self, index: int) -> int:
        """The pulse at which counter `index` is looked at. A due edge reaches the line before the count shows it."""
        now = self._timers.now()
        if index == 0 and self._alarm.deadline is not None and now >= self._alarm.deadline:
            self._ring()
        return now * FREQUENCY // _SECOND

    def _change(self, index: int, value: int, action: Callable[[int, int], None]) -> None:
        """Programs counter `index`; for counter 0, the line hears of what came before and of what OUT does now."""
        t = self.ticks()
        if index:
            action(t, value)
            return
        counter = self._counters[0]
        self._serve(t)
        before = counter.out(t)
        action(t, value)
        out = counter.out(t)
        if out and not before:
            self._line.set(False)
            self._line.set(True)
        elif not out and not counter.brief():
            self._line.set(False)
        self._schedule(0)

    def _ring(self) -> None:
        now = self._timers.now()
        self._serve(now * FREQUENCY // _SECOND)
        self._schedule(now + MINIMAL_PERIOD)

    def _serve(self, t: int) -> None:
        """Tells the line what OUT of counter 0 did since the last time. A rise found late stands until the next one."""
        counter = self._counters[0]
        if counter.last_rise(t) > self._served:
            self._line.set(False)
            self._line.set(True)
        elif not counter.out(t) and not counter.brief():
            self._line.set(False)
        self._served = t

    def _schedule(self, earliest: int) -> None:
        """Sets the alarm for the first edge of counter 0 that the line has not seen, but not before `earliest` (ns)."""
        counter = self._counters[0]
        edge = counter.risen if counter.risen > self._served else counter.next_edge(self._served)
        if edge is None:
            self._alarm.cancel()
            return
        deadline = max(-(-edge * _SECOND // FREQUENCY), earliest)
        if deadline != self._alarm.deadline:
            self._alarm.set(deadline)
