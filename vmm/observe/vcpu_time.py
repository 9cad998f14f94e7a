"""Where a vCPU's time went: in the guest, in the kernel, at devices, in dispatch, in setting up, asleep.

All but the border between guest and kernel is measured at every exit. That border lies inside KVM_RUN, and only the
kernel knows it; `divided` takes the best there is and keeps silent where there is nothing.
Source of the kernel's clock: proc(5), guest_time of /proc/PID/stat.
"""

from __future__ import annotations

from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .kernel_stats import Counter

SHORTEST_NS = 200_000_000
"""Below so much time outside of sleep the kernel's clock says nothing: it looks 100 to 1000 times a second."""
EXACT, CLOCK = "tracepoints", "clock"
"""Sources of the border: the kernel's tracepoints, or its clock of guest time."""
_HALTED = ("halt_wait_ns", "halt_poll_success_ns", "halt_poll_fail_ns")
"""Counters of KVM that add up to the time of a HLT which the kernel keeps to itself."""


class VcpuTime(Record):
    """One vCPU, or several added up. All in ns, and no moment in two of them but for `run_ns`."""

    vcpu: int = 0
    run_ns: int = 0
    """Inside KVM_RUN: guest, kernel, and asleep there."""
    guest_ns: int | None = None
    """In guest mode; None where it is not known."""
    halted_ns: int = 0
    """Inside KVM_RUN, asleep in a HLT that the kernel keeps to itself."""
    device_ns: int = 0
    """In the handlers of devices, with what they wait for: a lock, a file."""
    dispatch_ns: int = 0
    """In the VMM, but at no device: on the way to one, after exits that no device answers, between runs of KVM_RUN."""
    setup_ns: int = 0
    """In making devices at their first access."""
    asleep_ns: int = 0
    """Asleep outside KVM_RUN, in a HLT that came to the VMM."""
    source: str = ""
    """What knows guest_ns: EXACT, CLOCK or ""."""
    why: str = ""
    """A sentence where nothing knows it."""

    @property
    def kernel_ns(self) -> int | None:
        """In KVM, or not scheduled while there; None where it is not known."""
        return None if self.guest_ns is None else max(0, self.run_ns - self.halted_ns - self.guest_ns)

    @property
    def spent_ns(self) -> int:
        """All of it."""
        return self.run_ns + self.device_ns + self.dispatch_ns + self.setup_ns + self.asleep_ns

    def parts(self) -> list[tuple[str, int]]:
        """(name, ns) of what is not 0; "guest+kernel" in one where they are not told apart."""
        kernel = self.kernel_ns
        if self.guest_ns is None or kernel is None:
            named = [("guest+kernel", self.run_ns - self.halted_ns)]
        else:
            named = [("guest", self.guest_ns), ("kernel", kernel)]
        named += [
            ("device", self.device_ns),
            ("dispatch", self.dispatch_ns),
            ("set-up", self.setup_ns),
            ("asleep", self.asleep_ns + self.halted_ns),
        ]
        return [(name, time) for name, time in named if time]

    def as_json(self) -> dict[str, Any]:
        """An entry of "times" in docs/exits-json.md."""
        return {**self.as_dict(), "kernel_ns": self.kernel_ns}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> VcpuTime:
        """Undoes as_json. KeyError, TypeError or ValueError if it cannot."""
        words = ("source", "why")
        values: dict[str, Any] = {name: str(entry[name]) if name in words else entry[name] for name in cls._fields}
        for name, value in values.items():
            if name not in words and not (type(value) is int or (value is None and name == "guest_ns")):
                raise TypeError(f"{name} is {value!r}")
        return cls(**values)


def divided(
    time: VcpuTime, counters: Mapping[str, Counter], clock: tuple[int, int], host: str, traced_ns: int | None = None
) -> VcpuTime:
    """`time` with what the kernel says of its KVM_RUN: sleep by `counters`, guest mode by tracepoints or by its clock.

    `clock` is (ns of KVM_RUN that it watched, ns of these in guest mode); `host` as in KernelCounters.
    """
    slept = sum(value for name in _HALTED if isinstance(value := counters.get(name, 0), int))
    time = time.replace(halted_ns=min(slept, time.run_ns))
    busy = time.run_ns - time.halted_ns
    if traced_ns is not None:
        return time.replace(guest_ns=min(traced_ns, busy), source=EXACT)
    watched, in_guest = clock
    if busy < SHORTEST_NS or watched < SHORTEST_NS:
        return time.replace(why="the run is too short for the kernel's clock")
    if not in_guest and host != "PVM":  # PVM runs ring 0 in the kernel: there 0 is an answer
        return time.replace(why="this kernel's clock does not tell guest from kernel")
    return time.replace(guest_ns=min(in_guest * time.run_ns // watched, busy), source=CLOCK)


def added(times: Iterable[VcpuTime]) -> VcpuTime:
    """All of them as one; the border between guest and kernel is known if it is for each that ran."""
    times = tuple(times)
    total = {
        name: sum(getattr(time, name) for time in times)
        for name in ("run_ns", "halted_ns", "device_ns", "dispatch_ns", "setup_ns", "asleep_ns")
    }
    open_ones = [time for time in times if time.guest_ns is None and time.run_ns]
    if open_ones or not times:
        return VcpuTime(**total, why=open_ones[0].why if open_ones else "")
    sources = {time.source for time in times if time.source}
    guest = sum(time.guest_ns or 0 for time in times)
    return VcpuTime(**total, guest_ns=guest, source=CLOCK if CLOCK in sources else EXACT)
