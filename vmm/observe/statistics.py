"""All exits of a run as something to ask questions of: how many, where, how long; and as JSON.

Times are in nanoseconds throughout. `docs/exits-json.md` describes the JSON. Not modelled: the order of exits, of
which the flight recorder keeps the last few.
"""

from __future__ import annotations

from ..errors import BudgetError, ConfigError
from ..records import Record
from .exit_json import exit_as_json, exit_from_json, flight_as_json, flight_from_json
from .exits import ExitCount, FlightEntry, percentile
from .hidden_exits import HiddenExits
from .kernel_stats import KernelCounters
from .location import Location, check_direction, check_reason, location_text, parse_location
from .msr_accesses import MsrAccess
from .over_time import added as added_over_time
from .vcpu_time import VcpuTime, added

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from .budget import Broken
    from .functions import FunctionExits
    from .program import Program

SCHEMA, VERSION = "vmm.exits", 1


class ExitView(Record):
    """The sum of some exits. It is true if there were any."""

    reason: str = ""
    direction: str = ""
    size: int = 0
    address: int | None = None
    device: str = ""
    """These five say what all the exits in the sum have in common; a default where they differ."""
    count: int
    """Exits."""
    elements: int
    """Elements moved: more than `count` where string I/O moved several in one exit."""
    quiet: int
    """How many of `count` were answered without Python."""
    share: float
    """`count` as a part of all exits of the statistics, 0 to 1."""
    guest: int
    """Time inside KVM_RUN before these exits."""
    total: int
    """Time from these exits to the next KVM_RUN: dispatch and device together."""
    dispatch: int = 0
    """The part of `total` that was no device's, by samples: the way to it."""
    max: int
    """The longest single one of these times."""
    histogram: tuple[int, ...]
    """How often such a time fell in which bucket; see exits.BUCKETS."""
    over_time: tuple[int, ...]
    """How many came in which interval of the run, each ExitStatistics.interval_ns long."""
    rips: tuple[tuple[int, int], ...]
    """(guest RIP, exits), most frequent first."""

    @property
    def p50(self) -> int:
        """The handler time that half of the exits did not exceed, to the next power of two."""
        return percentile(self.histogram, 0.50, self.max)

    @property
    def p90(self) -> int:
        """The handler time that nine of ten exits did not exceed, to the next power of two."""
        return percentile(self.histogram, 0.90, self.max)

    @property
    def p99(self) -> int:
        """The handler time that 99 of 100 exits did not exceed, to the next power of two."""
        return percentile(self.histogram, 0.99, self.max)

    @property
    def location(self) -> str:
        """What ExitStatistics[...] takes to find these exits again."""
        return location_text(self.reason, self.direction, self.size, self.address)

    def __bool__(self) -> bool:
        return self.count > 0

    def _repr_html_(self) -> str:
        """What a notebook shows: the histogram."""
        from .html.notebook import view

        return view(self)


class HotRip(Record):
    """A guest instruction that exited."""

    rip: int
    symbol: str
    """Its name, or "" if no symbol holds it."""
    count: int
    share: float
    """`count` as a part of all exits of the statistics, 0 to 1."""
    location: str
    """What it accessed: where it accessed several things, the one it met most often."""
    device: str


class ExitStatistics:
    """The exits of one machine, or of one of its vCPUs. Immutable; made by Machine.exits or from_json()."""

    def __init__(
        self,
        exits: Iterable[ExitCount] = (),
        *,
        wall_ns: int = 0,
        guest_ns: int | None = None,
        handler_ns: int | None = None,
        idle_ns: int = 0,
        interval_ns: int = 0,
        times: Iterable[VcpuTime] = (),
        msrs: Iterable[MsrAccess] | None = None,
        hidden: HiddenExits | None = None,
        kernel: KernelCounters | None = None,
        flight: Iterable[FlightEntry] = (),
        symbols: Callable[[int], str] = lambda address: "",
        program: Callable[[], Program] | None = None,
    ) -> None:
        """`guest_ns` and `handler_ns` are added up over the vCPUs; left out, they are summed from `exits`.
        `idle_ns` is the time asleep in a HLT that came to the VMM, `interval_ns` the length of over_time's
        intervals. `times` has an entry for each vCPU and says the same more finely; left out, what these say is made of
        the others.

        `symbols` names an address ("main+0x12"), or answers "". `program` reads the guest's program, for by_function().
        """
        self.exits = tuple(exits)
        self.wall_ns = wall_ns
        self.guest_ns = sum(exit.guest_ns for exit in self.exits) if guest_ns is None else guest_ns
        self.idle_ns = idle_ns
        self.interval_ns = interval_ns
        self.handler_ns = sum(exit.handler_ns for exit in self.exits) if handler_ns is None else handler_ns
        self.times = tuple(times)
        """For each vCPU where its time went; empty where that was not recorded."""
        self.msrs = None if msrs is None else tuple(msrs)
        """The MSRs that the guest touched, for each vCPU; None where nobody watched."""
        self.hidden = hidden
        """Exits as the processor made them, with those that KVM answered by itself; None where nobody watched."""
        self.kernel = kernel
        self.flight = tuple(flight)
        self.symbols = symbols
        self._program = program
        self.total = sum(exit.count for exit in self.exits)
        """Exits in all."""
        known = {time.vcpu for time in self.times} | set(kernel.vcpus if kernel else ())
        self.vcpus = tuple(sorted({exit.vcpu for exit in self.exits} | known))
        """The vCPUs that are known to have run."""

    def of_vcpu(self, vcpu: int) -> ExitStatistics:
        """The same for one vCPU alone; guest and handler time are summed from its exits."""
        times = [time for time in self.times if time.vcpu == vcpu]
        return ExitStatistics(
            (exit for exit in self.exits if exit.vcpu == vcpu),
            wall_ns=self.wall_ns,
            interval_ns=self.interval_ns,
            idle_ns=sum(time.asleep_ns for time in times),
            times=times,
            msrs=None if self.msrs is None else (access for access in self.msrs if access.vcpu == vcpu),
            hidden=self.hidden and self.hidden.of_vcpu(vcpu),
            kernel=self.kernel and self.kernel.of_vcpu(vcpu),
            flight=(entry for entry in self.flight if entry.vcpu == vcpu),
            symbols=self.symbols,
            program=self._program,
        )

    @property
    def time(self) -> VcpuTime:
        """Where the time of all vCPUs together went."""
        if self.times:
            return added(self.times)
        dispatch = sum(exit.dispatch_ns for exit in self.exits)
        return VcpuTime(
            run_ns=self.guest_ns,
            device_ns=max(0, self.handler_ns - dispatch),
            dispatch_ns=dispatch,
            asleep_ns=self.idle_ns,
        )

    def select(
        self,
        reason: str = "",
        *,
        direction: str = "",
        size: int = 0,
        address: int | range | None = None,
        device: str = "",
        vcpu: int | None = None,
    ) -> ExitView:
        """The sum of the exits that fit all that is given. ConfigError for a reason or direction that cannot be."""
        if reason:
            check_reason(reason, (exit.reason for exit in self.exits), "reason")
        check_direction(reason, direction, "direction")
        addresses = range(address, address + 1) if isinstance(address, int) else address
        where = Location(reason=reason, direction=direction, size=size, addresses=addresses, device=device, vcpu=vcpu)
        return self._sum([exit for exit in self.exits if where.holds(exit)])

    def count(self, reason: str = "", **where: Any) -> int:
        """How many exits fit; takes what select() takes."""
        return self.select(reason, **where).count

    def sum_of(self, where: Location) -> ExitView:
        """The sum of the exits that `where` means."""
        return self._sum([exit for exit in self.exits if where.holds(exit)])

    def broken(self, rules: str | Iterable[str]) -> list[Broken]:
        """The rules of a budget (budget.py) that do not hold. ConfigError for what is no rule."""
        from .budget import broken, parse_budget

        return broken(parse_budget(rules if isinstance(rules, str) else "\n".join(rules)), self)

    def check(self, rules: str | Iterable[str]) -> None:
        """BudgetError, with the rows that broke, unless all rules hold: check(["io[0x3f8] <= 400"])."""
        rows = self.broken(rules)
        if rows:
            raise BudgetError(rows)

    def __getitem__(self, location: str) -> ExitView:
        """The sum of the exits at a location such as "io.out[0x3f8]"; see location.py. ConfigError if it is none."""
        where = parse_location(location, (exit.reason for exit in self.exits))
        return self._sum([exit for exit in self.exits if where.holds(exit)])

    def __bool__(self) -> bool:
        return self.total > 0

    def __repr__(self) -> str:
        return f"<{self.total:,} exits at {len(self.by_location()):,} locations>"

    def _repr_html_(self) -> str:
        """What a notebook shows: exits over time, and a table."""
        from .html.notebook import statistics

        return statistics(self)

    def _repr_pretty_(self, printer: Any, is_cycle: bool) -> None:
        """What IPython shows in a terminal: the table of --stats."""
        from .exit_table import render

        printer.text(repr(self) if is_cycle else render(self))

    def by_reason(self) -> dict[str, ExitView]:
        """One sum for each reason that occurred, most exits first."""
        return self._by(lambda exit: exit.reason)

    def by_location(self) -> dict[str, ExitView]:
        """One sum for each location, most exits first: reason, direction, size and address, over all vCPUs."""
        return self._by(lambda exit: location_text(exit.reason, exit.direction, exit.size, exit.address))

    def by_device(self) -> dict[str, ExitView]:
        """One sum for each device that was accessed, most exits first."""
        return self._by(lambda exit: exit.device)

    def by_rip(self) -> list[HotRip]:
        """The recorded guest RIPs, most exits first."""
        counts: dict[int, int] = {}
        hottest: dict[int, tuple[int, ExitView]] = {}
        for view in self.by_location().values():
            for rip, count in view.rips:
                counts[rip] = counts.get(rip, 0) + count
                if rip not in hottest or count > hottest[rip][0]:
                    hottest[rip] = (count, view)
        return [
            HotRip(
                rip=rip,
                symbol=self.symbols(rip),
                count=count,
                share=count / self.total,
                location=hottest[rip][1].location,
                device=hottest[rip][1].device,
            )
            for rip, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        ]

    def by_function(self) -> list[FunctionExits]:
        """The guest's functions, most exits first; their counts add up to `total`."""
        from .functions import by_function

        return by_function(self.exits, self.program())

    def program(self) -> Program:
        """The guest's program, as far as it is known; statistics from JSON know its functions."""
        from .program import Program, unknown

        if self._program is not None:
            program = self._program()
            program.relocate(self.exits)
            return program
        named = {rip: self.symbols(rip) for exit in self.exits for rip, _ in exit.rips}
        return Program.of_names(named) if any(named.values()) else unknown()

    def _by(self, key: Callable[[ExitCount], str]) -> dict[str, ExitView]:
        groups: dict[str, list[ExitCount]] = {}
        for exit in self.exits:
            if exit.count and key(exit):
                groups.setdefault(key(exit), []).append(exit)
        views = {name: self._sum(group) for name, group in groups.items()}
        return dict(sorted(views.items(), key=lambda entry: (-entry[1].count, entry[0])))

    def _sum(self, exits: Sequence[ExitCount]) -> ExitView:
        count = sum(exit.count for exit in exits)
        rips: dict[int, int] = {}
        for exit in exits:
            for rip, times in exit.rips:
                rips[rip] = rips.get(rip, 0) + times
        common = {}
        for name in ("reason", "direction", "size", "address", "device"):
            values = {getattr(exit, name) for exit in exits}
            if len(values) == 1:
                common[name] = values.pop()
        return ExitView(
            **common,
            count=count,
            elements=sum(exit.elements for exit in exits),
            quiet=sum(exit.quiet for exit in exits),
            share=count / self.total if self.total else 0.0,
            guest=sum(exit.guest_ns for exit in exits),
            total=sum(exit.handler_ns for exit in exits),
            dispatch=sum(exit.dispatch_ns for exit in exits),
            max=max((exit.handler_max_ns for exit in exits), default=0),
            histogram=tuple(
                sum(exit.histogram[at] for exit in exits if at < len(exit.histogram))
                for at in range(max((len(exit.histogram) for exit in exits), default=0))
            ),
            over_time=added_over_time(exit.over_time for exit in exits),
            rips=tuple(sorted(rips.items(), key=lambda entry: (-entry[1], entry[0]))),
        )

    def render(self, width: int = 80) -> str:
        """The table that `vmm run --stats` prints, in lines of at most `width` cells."""
        from .exit_table import render

        return render(self, width)

    def as_json(self) -> dict[str, Any]:
        """What docs/exits-json.md describes: dicts, lists, strings, integers and None."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "wall_ns": self.wall_ns,
            "guest_ns": self.guest_ns,
            "handler_ns": self.handler_ns,
            "idle_ns": self.idle_ns,
            "interval_ns": self.interval_ns,
            "times": [time.as_json() for time in self.times],
            "total": self.total,
            "msrs": None if self.msrs is None else [access.as_json() for access in self.msrs],
            "exits": [exit_as_json(exit, self.symbols) for exit in self.exits],
            "hidden": self.hidden and self.hidden.as_json(self.symbols),
            "kernel": self.kernel and self.kernel.as_json(),
            "flight": [flight_as_json(entry, self.symbols) for entry in self.flight],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> ExitStatistics:
        """The statistics that as_json() gave, symbols included. ConfigError if `document` is something else."""
        found = (document.get("schema"), document.get("version")) if isinstance(document, dict) else ("?", "?")
        if found != (SCHEMA, VERSION):
            raise ConfigError.of("schema", f"expected {SCHEMA} version {VERSION}, found {found[0]} version {found[1]}")
        symbols: dict[int, str] = {}
        try:
            kernel = document["kernel"]
            return cls(
                [exit_from_json(entry, symbols) for entry in document["exits"]],
                wall_ns=int(document["wall_ns"]),
                guest_ns=int(document["guest_ns"]),
                handler_ns=int(document["handler_ns"]),
                idle_ns=int(document["idle_ns"]),
                interval_ns=int(document.get("interval_ns", 0)),
                msrs=None if (msrs := document.get("msrs")) is None else map(MsrAccess.from_json, msrs),
                hidden=None if (hidden := document.get("hidden")) is None else HiddenExits.from_json(hidden, symbols),
                times=[VcpuTime.from_json(entry) for entry in document.get("times", ())],
                kernel=None if kernel is None else KernelCounters.from_json(kernel),
                flight=[flight_from_json(entry, symbols) for entry in document["flight"]],
                symbols=lambda address: symbols.get(address, ""),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise ConfigError.of(SCHEMA, f"a field is missing or not of its kind: {fault}") from None
