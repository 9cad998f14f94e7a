"""Exits as the processor made them, with those that KVM answers by itself, which no VMM ever sees.

Counted from the kernel's tracepoints, for each vCPU by the processor's reason and by the guest's instruction.
Not modelled: the order of exits; which of them a nested guest made.
"""

from __future__ import annotations

from ..records import Record
from .exits import percentile
from .msr_accesses import MsrAccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .program import Program


class HardwareExit(Record):
    """All exits of one vCPU for one of the processor's reasons."""

    vcpu: int
    reason: str
    """The vendor's name in lower case: "cpuid", "npf", "ept_violation", "external_interrupt"; "others" for those for
    which there was no room."""
    words: str
    """A sentence, or ""."""
    count: int
    to_user: int
    """How many of these KVM handed out; the rest is hidden."""
    kernel_ns: int
    """From these exits to the next entry, or to the return from KVM_RUN."""
    kernel_max_ns: int
    """The longest single one of these times."""
    asleep_ns: int
    """The part of them that was a sleep in HLT."""
    histogram: tuple[int, ...]
    """These times in log2 buckets (exits.BUCKETS)."""
    rips: tuple[tuple[int, int, int], ...] = ()
    """(guest RIP, exits, of these handed out), most exits first."""

    @property
    def hidden(self) -> int:
        """How many KVM answered by itself."""
        return self.count - self.to_user


class Tally(Record):
    """How often something happened on one vCPU: a CPUID leaf, an error code of a page fault, an injected vector."""

    vcpu: int
    key: int
    count: int


class HiddenExits(Record):
    """All that a run's tracepoints told."""

    exits: tuple[HardwareExit, ...]
    msrs: tuple[MsrAccess, ...] = ()
    """The MSR accesses that came to KVM."""
    cpuid: tuple[Tally, ...] = ()
    """By leaf << 32 | subleaf."""
    faults: tuple[Tally, ...] = ()
    """Guest addresses that the host had to map, by the error code of the fault."""
    interrupts: tuple[Tally, ...] = ()
    """Injected by KVM, by vector."""
    guest_ns: Mapping[int, int]
    """Of each vCPU, from an entry to the next exit."""
    lost: int = 0
    """Records for which perf had no room: with some lost all counts are too low."""

    @property
    def total(self) -> int:
        """Exits in all."""
        return sum(exit.count for exit in self.exits)

    @property
    def hidden(self) -> int:
        """How many of them KVM answered by itself."""
        return sum(exit.hidden for exit in self.exits)

    def of_vcpu(self, vcpu: int) -> HiddenExits:
        """One vCPU alone. `lost` stays that of all."""
        return HiddenExits(
            exits=tuple(one for one in self.exits if one.vcpu == vcpu),
            msrs=tuple(one for one in self.msrs if one.vcpu == vcpu),
            cpuid=tuple(one for one in self.cpuid if one.vcpu == vcpu),
            faults=tuple(one for one in self.faults if one.vcpu == vcpu),
            interrupts=tuple(one for one in self.interrupts if one.vcpu == vcpu),
            guest_ns={vcpu: self.guest_ns[vcpu]} if vcpu in self.guest_ns else {},
            lost=self.lost,
        )

    def by_reason(self) -> list[HardwareExit]:
        """One record for each reason over all vCPUs, most exits first."""
        sums: dict[str, HardwareExit] = {}
        for one in self.exits:
            sums[one.reason] = _sum(sums[one.reason], one) if one.reason in sums else one
        return sorted(sums.values(), key=lambda one: (-one.count, one.reason))

    def by_function(self, program: Program) -> list[HiddenFunction]:
        """The guest's functions, most hidden exits first; their counts add up to `hidden`."""
        rows: dict[str, dict[str, int]] = {}
        for one in self.exits:
            left = one.hidden
            for rip, count, to_user in one.rips:
                reasons = rows.setdefault(program.place(rip).function, {})
                reasons[one.reason] = reasons.get(one.reason, 0) + count - to_user
                left -= count - to_user
            if left > 0:
                reasons = rows.setdefault("", {})
                reasons[one.reason] = reasons.get(one.reason, 0) + left
        found = [
            HiddenFunction(
                function=name,
                count=sum(reasons.values()),
                reasons=tuple(sorted((kv for kv in reasons.items() if kv[1]), key=lambda kv: (-kv[1], kv[0]))),
            )
            for name, reasons in rows.items()
        ]
        return sorted((one for one in found if one.count), key=lambda one: (-one.count, one.function))

    def folded(self, program: Program) -> dict[tuple[str, ...], int]:
        """(KERNEL, function, reason) to hidden exits, for a flame graph."""
        return {
            (KERNEL, one.function or UNKNOWN, reason): count
            for one in self.by_function(program)
            for reason, count in one.reasons
        }

    def as_json(self, symbols: Callable[[int], str]) -> dict[str, Any]:
        """The "hidden" of docs/exits-json.md."""
        return {
            "lost": self.lost,
            "guest_ns": {str(vcpu): ns for vcpu, ns in self.guest_ns.items()},
            "exits": [_exit_as_json(one, symbols) for one in self.exits],
            "msrs": [one.as_json() for one in self.msrs],
            "cpuid": [
                {
                    "vcpu": one.vcpu,
                    "leaf": hex(one.key >> 32),
                    "subleaf": hex(one.key & 0xFFFF_FFFF),
                    "count": one.count,
                }
                for one in self.cpuid
            ],
            "faults": [
                {"vcpu": one.vcpu, "error_code": hex(one.key), "words": fault_words(one.key), "count": one.count}
                for one in self.faults
            ],
            "interrupts": [{"vcpu": one.vcpu, "vector": hex(one.key), "count": one.count} for one in self.interrupts],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], symbols: dict[int, str]) -> HiddenExits:
        """Undoes as_json; the names of RIPs go into `symbols`. KeyError, TypeError or ValueError if it cannot."""

        def tallies(name: str, key: Callable[[Mapping[str, Any]], int]) -> tuple[Tally, ...]:
            return tuple(Tally(vcpu=int(one["vcpu"]), key=key(one), count=int(one["count"])) for one in document[name])

        return cls(
            exits=tuple(_exit_from_json(one, symbols) for one in document["exits"]),
            msrs=tuple(MsrAccess.from_json(one) for one in document["msrs"]),
            cpuid=tallies("cpuid", lambda one: int(one["leaf"], 16) << 32 | int(one["subleaf"], 16)),
            faults=tallies("faults", lambda one: int(one["error_code"], 16)),
            interrupts=tallies("interrupts", lambda one: int(one["vector"], 16)),
            guest_ns={int(vcpu): int(ns) for vcpu, ns in document["guest_ns"].items()},
            lost=int(document["lost"]),
        )


KERNEL = "[kernel]"
"""What stands at the root of a folded stack of hidden exits."""
UNKNOWN = "[unknown]"


class HiddenFunction(Record):
    """The hidden exits that one function of the guest caused."""

    function: str
    """Its name; "" for all that no symbol holds, or whose instruction is not known."""
    count: int
    reasons: tuple[tuple[str, int], ...]
    """(reason, exits), most first."""


def fault_words(error_code: int) -> str:
    """What an access did whose address had to be mapped: the bits of the processor's error code (Intel SDM volume 3A,
    section 4.7), of which KVM keeps those of its own above bit 31."""
    access = "fetch" if error_code & 0x10 else "write" if error_code & 0x2 else "read"
    return f"{access}, {'not allowed' if error_code & 0x1 else 'not mapped'}"


def tallied(tallies: Iterable[Tally]) -> list[tuple[int, int]]:
    """(key, count) over all vCPUs, most frequent first."""
    sums: dict[int, int] = {}
    for one in tallies:
        sums[one.key] = sums.get(one.key, 0) + one.count
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))


def _sum(one: HardwareExit, other: HardwareExit) -> HardwareExit:
    rips = {rip: (count, to_user) for rip, count, to_user in one.rips}
    for rip, count, to_user in other.rips:
        before = rips.get(rip, (0, 0))
        rips[rip] = (before[0] + count, before[1] + to_user)
    return one.replace(
        count=one.count + other.count,
        to_user=one.to_user + other.to_user,
        kernel_ns=one.kernel_ns + other.kernel_ns,
        kernel_max_ns=max(one.kernel_max_ns, other.kernel_max_ns),
        asleep_ns=one.asleep_ns + other.asleep_ns,
        histogram=tuple(map(sum, zip(one.histogram, other.histogram, strict=True))),
        rips=tuple(sorted(((rip, *counts) for rip, counts in rips.items()), key=lambda place: (-place[1], place[0]))),
    )


def _exit_as_json(one: HardwareExit, symbols: Callable[[int], str]) -> dict[str, Any]:
    histogram = list(one.histogram)
    while histogram and not histogram[-1]:
        histogram.pop()
    return {
        **one.as_dict(),
        "histogram": histogram,
        "p50_ns": percentile(one.histogram, 0.50, one.kernel_max_ns),
        "p90_ns": percentile(one.histogram, 0.90, one.kernel_max_ns),
        "p99_ns": percentile(one.histogram, 0.99, one.kernel_max_ns),
        "rips": [
            {"rip": hex(rip), "symbol": symbols(rip), "count": count, "to_user": to_user}
            for rip, count, to_user in one.rips
        ],
    }


def _exit_from_json(entry: Mapping[str, Any], symbols: dict[int, str]) -> HardwareExit:
    from .exits import BUCKETS

    histogram = tuple(map(int, entry["histogram"]))
    symbols.update((int(place["rip"], 16), str(place["symbol"])) for place in entry["rips"])
    numbers = ("vcpu", "count", "to_user", "kernel_ns", "kernel_max_ns", "asleep_ns")
    return HardwareExit(
        reason=str(entry["reason"]),
        words=str(entry["words"]),
        histogram=histogram + (0,) * (BUCKETS - len(histogram)),
        rips=tuple((int(at["rip"], 16), int(at["count"]), int(at["to_user"])) for at in entry["rips"]),
        **{name: int(entry[name]) for name in numbers},
    )
