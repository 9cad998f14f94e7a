"""The run step's trace ring as records that anybody can read."""

from __future__ import annotations

from struct import iter_unpack

from kvm_bindings import ffi, lib

from ..errors import ConfigError
from ..observe.trace import TracedExit
from .kvm_exits import address_of, device_of, direction_of, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kvm_bindings._kvm import CData

    from .protocol import TraceTrigger

_ENTRY = "=5Q2I"
"""struct step_traced."""


_KINDS = {"": 0, "io": lib.STEP_KIND_IO, "mmio": lib.STEP_KIND_MMIO}


def set_triggers(step: CData, triggers: Sequence[TraceTrigger], after: int, flag: CData) -> None:
    """See protocol.Vcpu.trigger_trace; `flag` is shared by the vCPUs."""
    if len(triggers) > lib.STEP_TRIGGERS:
        raise ConfigError.of("trace", f"its trigger is {len(triggers)} ranges, of {lib.STEP_TRIGGERS} at most")
    for at, (kind, first, last, is_write, rip_first, rip_last) in enumerate(triggers):
        entry = step.triggers[at]
        entry.kind, entry.is_write = _KINDS[kind], is_write
        entry.first, entry.last, entry.rip_first, entry.rip_last = (
            min(edge, (1 << 64) - 1) for edge in (first, last, rip_first, rip_last)
        )
    step.trigger_count, step.trace_after = len(triggers), after
    step.triggered = flag if triggers else ffi.NULL


def traced_exits(
    step: CData, vcpu: int, names: Callable[[str, int], str], zero_ns: int
) -> tuple[list[TracedExit], int]:
    """(the exits of the ring, oldest first; how many older ones it has lost). Times count from `zero_ns`."""
    if step.trace == ffi.NULL:
        return [], 0
    now_ticks, now_ns, scale = lib.step_ticks(), lib.step_ns(), step.ns_per_tick_32
    zero = now_ns - zero_ns - (now_ticks * scale >> 32)
    limit, count = step.trace_limit, step.traces
    kept = min(count, limit)
    packed = bytes(ffi.buffer(step.trace, kept * ffi.sizeof("struct step_traced")))
    entries = list(iter_unpack(_ENTRY, packed))
    at = count % limit if count > limit else 0
    places: dict[int, tuple[str, str, int | None, int, str]] = {}
    exits = []
    for entered, left, resumed, rip, value, row, elements in entries[at:] + entries[:at]:
        place = places.get(row)
        if place is None:
            location = step.rows[row]
            address, device = address_of(location), device_of(location, names)
            place = places[row] = (reason_of(location), direction_of(location), address, location.size, device)
        start, end = zero + (entered * scale >> 32), zero + (left * scale >> 32)
        after = zero + (resumed * scale >> 32) if resumed else None
        exits.append(TracedExit(vcpu, start, end, after, *place, value, elements, rip))
    return exits, count - kept
