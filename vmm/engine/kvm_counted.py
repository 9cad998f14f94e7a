"""What the run step of one vCPU has counted, timed and traced, as records of observe/."""

from __future__ import annotations

from kvm_bindings import ffi, lib

from ..errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kvm_bindings._kvm import CData

    from ..observe.exits import ExitCount, FlightEntry
    from ..observe.trace import TracedExit
    from ..observe.vcpu_time import VcpuTime
    from .protocol import TraceTrigger


class Counted:
    """The part of a KvmVcpu that only looks."""

    index: int
    _step: CData
    _triggered: CData | None

    def exit_counts(self, names: Callable[[str, int], str]) -> list[ExitCount]:
        """See protocol.Vcpu."""
        from .kvm_exits import exit_counts

        return exit_counts(self._step, self.index, names)

    def begin_time(self, zero_ns: int) -> None:
        """See protocol.Vcpu."""
        lib.step_begin_time(self._step, zero_ns)

    @property
    def interval_ns(self) -> int:
        """See protocol.Vcpu."""
        from .kvm_exits import interval_ns

        return interval_ns(self._step)

    def flight(self, names: Callable[[str, int], str], zero_ns: int) -> list[FlightEntry]:
        """See protocol.Vcpu."""
        from .kvm_exits import flight_entries

        return flight_entries(self._step, self.index, names, zero_ns)

    def start_trace(self, limit: int) -> None:
        """See protocol.Vcpu."""
        error = lib.step_trace(self._step, limit)
        if error:
            raise HostError(f"no memory for a trace of {limit} exits (errno {-error})", "trace fewer exits")

    def trigger_trace(self, triggers: Sequence[TraceTrigger], after: int, other: Counted | None = None) -> None:
        """See protocol.Vcpu."""
        from .kvm_trace import set_triggers

        flag = ffi.new("uint32_t *") if other is None else other._triggered
        set_triggers(self._step, triggers, after, flag)
        self._triggered = flag  # the step has a pointer to it

    @property
    def trace_triggered(self) -> bool:
        """See protocol.Vcpu."""
        return self._triggered is not None and self._triggered[0] != 0

    def end_trace(self, more: int) -> None:
        """See protocol.Vcpu."""
        lib.step_trace_end(self._step, more)
        if self._triggered is not None:
            self._triggered[0] = 1

    def traced(self, names: Callable[[str, int], str], zero_ns: int) -> tuple[list[TracedExit], int]:
        """See protocol.Vcpu."""
        from .kvm_trace import traced_exits

        return traced_exits(self._step, self.index, names, zero_ns)

    @property
    def exit_total(self) -> int:
        """See protocol.Vcpu."""
        return int(self._step.exits)

    def times(self) -> VcpuTime:
        """See protocol.Vcpu."""
        from .kvm_exits import vcpu_time

        return vcpu_time(self._step, self.index)

    @property
    def handler_ns(self) -> int:
        """See protocol.Vcpu."""
        return int(self._step.handler_ticks) * int(self._step.ns_per_tick_32) >> 32

    def guest_clock(self) -> tuple[int, int]:
        """See protocol.Vcpu."""
        step = self._step
        return step.clocked_ticks * step.ns_per_tick_32 >> 32, int(step.guest_clock_ns)

    def uncount(self) -> None:
        """See protocol.Vcpu."""
        lib.step_uncount(self._step)
