"""Exit statistics as plain data: how often, where, how long. Filled in by the engine, read by everybody else."""

from __future__ import annotations

from ..records import Record

BUCKETS = 40
"""Histogram buckets: bucket i counts times t with 2**i <= t < 2**(i + 1) ns; 0 holds 0 and 1, the last all more."""

REASONS = (
    "unknown", "exception", "io", "hypercall", "debug", "hlt", "mmio", "irq_window_open", "shutdown", "fail_entry",
    "intr", "set_tpr", "tpr_access", "nmi", "internal_error", "watchdog", "system_event", "ioapic_eoi", "hyperv",
    "rdmsr", "wrmsr", "dirty_ring_full", "ap_reset_hold", "bus_lock", "xen", "notify", "memory_fault", "tdx",
)  # fmt: skip
"""The reasons x86 guests can meet: the kernel's KVM_EXIT_ names in lower case, without X86_."""


class ExitCount(Record):
    """All exits of one vCPU that share a location: the same reason, direction, size and address."""

    vcpu: int
    """Index of the vCPU."""
    reason: str
    """Short kernel name in lower case: "io", "mmio", "hlt", "shutdown", "rdmsr", "internal_error", ..."""
    direction: str = ""
    """"in" or "out" for io, "read" or "write" for mmio, "" where the reason says it all."""
    address: int | None = None
    """Port, guest physical address or MSR number; None for reasons without one."""
    size: int = 0
    """Bytes of one element, 0 for reasons without data."""
    count: int
    """Exits."""
    elements: int
    """Elements moved: more than `count` where string I/O moved several in one exit."""
    quiet: int = 0
    """How many of `count` the run step answered by itself, without Python."""
    guest_ns: int
    """Nanoseconds inside KVM_RUN before these exits: guest and kernel together."""
    handler_ns: int
    """Nanoseconds from these exits to the next KVM_RUN: dispatch and device together."""
    dispatch_ns: int = 0
    """The part of `handler_ns` that was no device's: the way from KVM_RUN to it, an estimate from samples."""
    handler_max_ns: int
    """The longest single handler time."""
    histogram: tuple[int, ...]
    """Handler times in BUCKETS log2 buckets; see BUCKETS."""
    over_time: tuple[int, ...] = ()
    """How many of `count` came in which interval of the run; see over_time.py and ExitStatistics.interval_ns."""
    rips: tuple[tuple[int, int], ...] = ()
    """(guest RIP, count), most frequent first; empty when RIPs were not recorded."""
    device: str = ""
    """Name of the device that claims the address; "" where nobody does or the reason has none."""


class FlightEntry(Record):
    """One exit in the flight recorder."""

    vcpu: int
    at_ns: int
    """When, in nanoseconds since the machine was made."""
    reason: str
    direction: str = ""
    address: int | None = None
    size: int = 0
    value: int = 0
    """What was written, or what the read was answered with."""
    rip: int = 0
    device: str = ""


def percentile(histogram: tuple[int, ...], fraction: float, longest: int = 0) -> int:
    """The upper edge, in ns, of the bucket that holds the given fraction of all counts; 0 for an empty histogram.

    `longest`, the longest single time if it is known, is the answer where that edge lies above it.
    """
    wanted = sum(histogram) * fraction
    seen = 0
    for bucket, count in enumerate(histogram):
        seen += count
        if count and seen >= wanted:
            edge = int(2 << bucket)
            return min(edge, longest) if longest else edge
    return 0
