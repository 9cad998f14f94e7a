"""The run step's counters as records that anybody can read."""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.exit_reasons import short_name

from ..observe.exits import ExitCount, FlightEntry
from ..observe.over_time import trimmed
from ..observe.vcpu_time import VcpuTime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kvm_bindings._kvm import CData

    Names = Callable[[str, int], str]

_DIRECTIONS = {lib.STEP_KIND_IO: ("in", "out"), lib.STEP_KIND_MMIO: ("read", "write")}
_REASONS = {lib.STEP_KIND_IO: "io", lib.STEP_KIND_MMIO: "mmio", lib.STEP_KIND_HYPERCALL: "hypercall"}


def reason_of(location: CData) -> str:
    """The short name of a row's exit reason."""
    if location.kind == lib.STEP_KIND_MSR:
        return "wrmsr" if location.is_write else "rdmsr"
    return _REASONS.get(location.kind) or short_name(location.address)


def address_of(location: CData) -> int | None:
    """A row's port, address or MSR; None for reasons without one and for the rows that stand for many."""
    return None if location.kind == lib.STEP_KIND_OTHER or not location.key else int(location.address)


def direction_of(location: CData) -> str:
    """ "in", "out", "read", "write" or nothing."""
    return _DIRECTIONS[location.kind][location.is_write] if location.kind in _DIRECTIONS else ""


def device_of(location: CData, names: Names) -> str:
    """The name of the device behind a row."""
    address = address_of(location)
    return names(reason_of(location), address) if address is not None and location.kind in _DIRECTIONS else ""


def dispatch_ticks(location: CData, usual: float) -> int:
    """The part of a row's handler time that was on the way to its device: all of it where no device answers.

    Of those that came to Python STEP_SAMPLES in STEP_SAMPLING tell; `usual` stands for a row of which none did.
    """
    if location.kind not in _DIRECTIONS:
        return int(location.handler_ticks)
    each = location.marked_ticks / location.marked_count if location.marked_count else usual
    estimate = int(location.own_ticks + each * (location.count - location.own_count))
    return min(estimate, int(location.handler_ticks))


def usual_dispatch(step: CData) -> float:
    """Ticks from an exit to its handler, the mean of what was sampled at all locations; 0 if nothing was."""
    rows = [step.rows[row] for row in range(1, step.locations)]
    marked = sum(row.marked_count for row in rows)
    return sum(row.marked_ticks for row in rows) / marked if marked else 0.0


def vcpu_time(step: CData, vcpu: int) -> VcpuTime:
    """The times of one vCPU. What the host cannot say of the time in KVM_RUN is left open."""
    scale, usual = step.ns_per_tick_32, usual_dispatch(step)
    dispatch = sum(dispatch_ticks(step.rows[row], usual) for row in range(1, step.locations))
    return VcpuTime(
        vcpu=vcpu,
        run_ns=step.guest_ticks * scale >> 32,
        device_ns=(step.handler_ticks - dispatch) * scale >> 32,
        dispatch_ns=(dispatch + step.around_ticks) * scale >> 32,
        setup_ns=step.setup_ticks * scale >> 32,
        asleep_ns=step.idle_ticks * scale >> 32,
    )


def exit_counts(step: CData, vcpu: int, names: Names) -> list[ExitCount]:
    """One record for each location with exits, most frequent first."""
    scale, usual = step.ns_per_tick_32, usual_dispatch(step)
    rips: dict[int, list[tuple[int, int]]] = {}
    for entry in step.rips:
        if entry.count:
            rips.setdefault(entry.location, []).append((entry.rip, entry.count))
    counts = []
    for row in range(1, step.locations):
        location = step.rows[row]
        if not location.count:
            continue
        counts.append(
            ExitCount(
                vcpu=vcpu,
                reason=reason_of(location),
                direction=direction_of(location),
                address=address_of(location),
                size=location.size,
                count=location.count,
                elements=location.elements,
                quiet=location.quiet_count,
                guest_ns=location.guest_ticks * scale >> 32,
                handler_ns=location.handler_ticks * scale >> 32,
                dispatch_ns=dispatch_ticks(location, usual) * scale >> 32,
                handler_max_ns=location.handler_max_ticks * scale >> 32,
                histogram=tuple(location.histogram),
                over_time=tuple(trimmed(list(step.over_time[row]))),
                rips=tuple(sorted(rips.get(row, ()), key=lambda pair: -pair[1])),
                device=device_of(location, names),
            )
        )
    return sorted(counts, key=lambda count: -count.count)


def interval_ns(step: CData) -> int:
    """How long one interval of exits over time is by now."""
    return int((1 << step.interval) * step.ns_per_tick_32 >> 32)


def flight_entries(step: CData, vcpu: int, names: Names, zero_ns: int) -> list[FlightEntry]:
    """The last exits, oldest first."""
    now_ticks, now_ns = lib.step_ticks(), lib.step_ns()
    scale = step.ns_per_tick_32
    entries = []
    for number in range(max(0, step.flights - lib.STEP_FLIGHT), step.flights):
        entry = step.flight[number % lib.STEP_FLIGHT]
        location = step.rows[entry.location]
        entries.append(
            FlightEntry(
                vcpu=vcpu,
                at_ns=max(0, now_ns - ((now_ticks - entry.ticks) * scale >> 32) - zero_ns),
                reason=reason_of(location),
                direction=direction_of(location),
                address=address_of(location),
                size=location.size,
                value=entry.value,
                rip=entry.rip,
                device=device_of(location, names),
            )
        )
    return entries


def recorded_exit(run: CData, port: int, size: int, is_write: bool, value: int = 0) -> None:
    """Puts a port access into `run` as the kernel would, for a step that replays it."""
    run.exit_reason = lib.KVM_EXIT_IO
    run.io.direction = lib.KVM_EXIT_IO_OUT if is_write else lib.KVM_EXIT_IO_IN
    run.io.size, run.io.port, run.io.count = size, port, 1
    run.io.data_offset = ffi.sizeof("struct kvm_run")
    ffi.buffer(ffi.cast("uint8_t *", run) + run.io.data_offset, size)[:] = value.to_bytes(size, "little")
