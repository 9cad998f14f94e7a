"""The contract between a machine and whatever executes its guest: KVM today, a software engine perhaps tomorrow.

An engine holds memory and vCPUs. A vCPU's `run` answers port and MMIO accesses through the buses it was given, and
comes back only with news: a Stop. Nothing here is KVM's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any, Protocol, Self

    from ..cpu.modes import InitialState
    from ..memory.guest_memory import GuestMemory, Region
    from ..memory.template import Template
    from ..observe.exits import ExitCount, FlightEntry
    from ..observe.hidden_exits import HiddenExits
    from ..observe.msr_accesses import MsrAccess
    from ..observe.trace import TracedExit
    from ..observe.vcpu_time import VcpuTime
    from ..state import State

    TraceTrigger = tuple[str, int, int, bool, int, int]
    """(kind, first address, last, is a write, first RIP, last): kind is "io", "mmio" or "" for any exit and address;
    an exit without a direction is no write."""

    class Vcpu(Protocol):
        """One virtual CPU. Except where said, methods belong to the thread that called attach()."""

        index: int
        acknowledge: Callable[[], int]
        """Gives the vector of the interrupt to inject; called after want_interrupt(True) once the guest can take it."""

        def attach(self, block_signals: bool = False) -> None:
            """Binds the vCPU to this thread, with all signals but the kick blocked on request."""

        def detach(self) -> None:
            """Ends the binding."""

        def run(self) -> Stop:
            """Runs the guest until there is news."""

        def finish_access(self, is_last: bool = False) -> None:
            """Completes a port or MMIO access that the last exit left half done, without running the guest.

            With is_last the guest has ended: what only registers would show may wait until somebody reads them.
            """

        def kick(self, stop: bool = False) -> None:
            """Makes run() return INTERRUPTED soon; with `stop`, again and again until clear_stop().

            Any thread; from the vCPU's own, inside a handler, run() returns once the handler is done.
            """

        def clear_stop(self) -> None:
            """Ends the effect of kick(stop=True)."""

        def want_interrupt(self, wanted: bool) -> None:
            """Whether an interrupt waits to be injected. Any thread."""

        def interrupt_wanted(self) -> bool:
            """Whether want_interrupt(True) stands."""

        def is_halted(self) -> bool:
            """Whether it sleeps in a HLT that the engine keeps to itself."""

        def gets_timer_nmis(self) -> bool:
            """Whether the kernel's timer reaches it as an NMI, which wakes a HLT with interrupts off."""

        def is_unstarted(self) -> bool:
            """Whether it waits to be started by another vCPU."""

        def share_signals(self) -> None:
            """Lets SIGHUP, SIGINT and SIGTERM, where the process handles them, end run() too; for the vCPU that the
            main thread runs."""

        def unshare_signals(self) -> None:
            """Ends share_signals."""

        def make_quiet(
            self, kind: str, address: int, size: int, is_write: bool, constant: int | None,
            ring: Callable[[bytes], None] | None = None, limit: int = 0,
        ) -> None:  # fmt: skip
            """Lets the engine answer a location: with a constant, or by gathering bytes for `ring`; neither ends it.
            With a `limit` not more bytes are gathered, and not for long, since the guest waits for what follows."""

        def share_output(self, other: Self, lock: Any) -> None:
            """Gathers what this vCPU writes together with what `other` does, in one order. `lock` guards every handler.
            Before either runs."""

        def set_alarm(self, deadline: int) -> None:
            """run() returns INTERRUPTED at `deadline` (host monotonic ns), 0 for never."""

        def doze_mark(self) -> int:
            """A number for doze(): a kick after this call keeps doze from sleeping."""

        def doze(self, mark: int, deadline: int) -> None:
            """Sleeps until a kick, a signal or `deadline` (0: none)."""

        def start_at(self, state: InitialState) -> None:
            """Sets all registers."""

        def cache_memory(self) -> None:
            """Sets the memory type of all addresses to write-back, as firmware does before it starts a system."""

        def registers(self) -> dict[str, int]:
            """rax ... r15, rip, rflags; while the vCPU does not run."""

        def set_registers(self, values: dict[str, int]) -> None:
            """Changes some of these."""

        def special_registers(self) -> dict[str, Any]:
            """cr0 ... cr8, efer, apic_base, gdt and idt as (base, limit), and segments as dicts of their fields."""

        def translate(self, address: int) -> int | None:
            """The guest physical address behind a linear one, as the vCPU would find it now; None where nothing is
            mapped. While it does not run."""

        @property
        def port_rip(self) -> int:
            """RIP of the one-byte instruction (in or out by DX) whose port access is being handled."""

        def port_address(self) -> int:
            """The same as a linear address; slower."""

        def exit_counts(self, names: Callable[[str, int], str]) -> list[ExitCount]:
            """Statistics so far; `names(reason, address)` gives the device. Any thread."""

        def begin_time(self, zero_ns: int) -> None:
            """Exits over time count from `zero_ns` of the host's monotonic clock; before a run."""

        @property
        def interval_ns(self) -> int:
            """How long each interval of an exit count's over_time is; it doubles as a run goes on. Any thread."""

        def flight(self, names: Callable[[str, int], str], zero_ns: int) -> list[FlightEntry]:
            """The last exits, oldest first, their times counted from `zero_ns` of the host's monotonic clock."""

        def start_trace(self, limit: int) -> None:
            """From now on the last `limit` exits are kept whole. Once, before it runs. HostError without memory."""

        def trigger_trace(self, triggers: Sequence[TraceTrigger], after: int, other: Self | None = None) -> None:
            """Ends the trace, of this vCPU and of all that are given it as `other`, `after` exits of each behind the
            first that one of `triggers` holds for. After start_trace(), before it runs. ConfigError for too many."""

        @property
        def trace_triggered(self) -> bool:
            """Whether that exit has come. Any thread."""

        def end_trace(self, more: int) -> None:
            """Keeps `more` exits yet and none after them; the first call counts. Any thread."""

        def traced(self, names: Callable[[str, int], str], zero_ns: int) -> tuple[list[TracedExit], int]:
            """(the exits kept, oldest first, times as in flight(); how many older ones were lost)."""

        @property
        def exit_total(self) -> int:
            """How many exits so far. Any thread."""

        def times(self) -> VcpuTime:
            """Where this vCPU's time went so far, as far as the engine knows. Any thread."""

        @property
        def handler_ns(self) -> int:
            """Nanoseconds from exits to the next entry. Any thread."""

        def guest_clock(self) -> tuple[int, int]:
            """(nanoseconds of run() that the kernel's clock of guest time watched, its answer), of runs that ended."""

        def uncount(self) -> None:
            """Exits are neither counted nor timed from now on. Before it runs."""

    class Irqchip(Protocol):
        """All interrupt controllers of a machine, where they are the engine's."""

        def set_input(self, gsi: int, level: bool) -> None:
            """Takes the level of an interrupt line."""

    class LocalApics(Protocol):
        """The local APICs, where they alone are the engine's."""

        ended: Callable[[int], None]
        """Told, on the vCPU's thread, the vector of an interrupt that the guest ended and that was watched."""

        def send(self, address: int, data: int) -> bool:
            """Delivers a message; whether a local APIC took it."""

        def watch(self, messages: Collection[tuple[int, int]]) -> None:
            """Which messages' ends are told: (address, data), 48 at most."""

    class WriteCollector(Protocol):
        """What the engine collects of the bytes that a guest writes to one port, without an exit for each."""

        def collect(self, wanted: bool) -> None:
            """From the next write on. It comes through the port's ring of make_quiet() with the next exit. Any thread.
            Does nothing where the engine cannot."""

    class Latch(Protocol):
        """Flags that a guest reads and clears. Any thread."""

        @property
        def value(self) -> int:
            """Those that are set."""

        def set(self, flags: int) -> None:
            """Adds some."""

        def clear(self, flags: int) -> None:
            """Takes some away."""

    class DirtyLog(Protocol):
        """Which pages of guest memory were written. While no vCPU runs."""

        def forget(self) -> None:
            """What was written until now does not count."""

        def pages(self) -> list[list[int]]:
            """For each of the memory's mappings the numbers of the pages written since the last call."""

        def put_back(self, template: Template) -> int:
            """Such pages hold again what `template`, which the memory lies over, does; how many."""

    class Laps(Protocol):
        """The quick way back for a machine that runs from one moment again and again. While its vCPU does not run."""

        def always(self, gpa: int, size: int) -> memoryview:
            """These bytes of guest memory, for input: their pages are put back each time. Once; release it before the
            machine closes."""

        def back(self) -> None:
            """Memory and registers are what they were. Clocks go on. HostError when the engine does not do it."""

        def close(self) -> None:
            """Lets go of the memory. Once, and the last call."""

        @property
        def copied(self) -> int:
            """Pages put back so far."""

    class Engine(Protocol):
        """What executes one machine."""

        name: str
        vcpus: Sequence[Vcpu]

        @property
        def irqchip(self) -> Irqchip | None:
            """The interrupt controllers, if they are here."""

        @property
        def local_apics(self) -> LocalApics | None:
            """The local APICs, if they alone are here."""

        def add_memory(self, memory: GuestMemory) -> None:
            """Makes every region of `memory` the guest's."""

        def change_memory(self, removed: Sequence[Region], added: Sequence[Region]) -> None:
            """Takes regions away from the guest and gives it others, at once for all vCPUs; from a device's handler."""

        def collector(self, port: int) -> WriteCollector:
            """For a port whose byte writes have a ring on every vCPU. One for a machine, before it runs."""

        def doorbell(self, address: int, size: int, value: int | None = None) -> int:
            """An eventfd, the engine's to close: from now on a guest's write of `size` bytes to guest physical
            `address`, of this `value` alone where one is given, signals it, and is no exit."""

        def latch(self, read_at: int, clear_at: int) -> Latch:
            """Flags that a guest reads, 4 bytes at guest physical `read_at`, and clears, by writing them at `clear_at`,
            without anybody here. Before the vCPUs run."""

        def remove_doorbell(self, fd: int) -> None:
            """Ends that, and closes the eventfd."""

        def send_message(self, address: int, data: int) -> bool:
            """Delivers a message to the local APICs, where they are the engine's; whether one took it. Any thread."""

        def interrupt_fd(self, gsi: int) -> int | None:
            """An eventfd, the engine's to close: a write to it is an edge on the line `gsi`. None where the interrupt
            controllers are not the engine's."""

        def log_writes(self, memory: GuestMemory) -> DirtyLog:
            """From the first call on what is written to `memory`, which the engine holds, is logged; the log."""

        def laps(self, memory: GuestMemory, template: Template, state: EngineState) -> Laps | None:
            """The way back to `state`, of this kind of machine, and to `template`, which `memory` lies over; None where
            there is no quick one: with several vCPUs, or interrupt controllers or ROM windows of the engine's."""

        def share_memory(self, memory: GuestMemory) -> Template:
            """What `memory` holds now, for others to lie over. `memory` lies over it too: its pages are shared until
            written to. While no vCPU runs. HostError where there is no room."""

        def lay_over(self, memory: GuestMemory, template: Template) -> None:
            """From now on `memory` holds what `template` does. While no vCPU runs."""

        def save(self, into: EngineState | None = None, parts: int = ...) -> EngineState:
            """The state of all that is the engine's but memory, while no vCPU runs: accesses under way are completed
            first. Given an old state `into`, it is taken into that, the named parts alone, and nothing is allocated.
            HostError when the engine does not give it."""

        def load(self, state: EngineState, parts: int = ..., elapsed_ns: int = 0) -> None:
            """Becomes what was saved, of this or another engine of the same kind, while no vCPU runs. Clocks go on
            `elapsed_ns` after what they were. Without APICS, vCPUs that were not started then must not be now.
            SnapshotError when it cannot, and then it is in no state to run."""

        def needs(self, state: EngineState) -> dict[str, object]:
            """What it needs of a host: "features", "capabilities", "tsc_khz", as kvm_needs.lacking() takes them."""

        def state_to_fields(self, state: EngineState) -> State:
            """The same for a file."""

        def state_from_fields(self, saved: State) -> EngineState:
            """The same from a file. SnapshotError for what is no such state."""

        def watch_msrs(self) -> None:
            """Makes each MSR access of the guest an exit, counted and answered as ever. Before it runs. HostError."""

        def msr_accesses(self) -> list[MsrAccess]:
            """What watch_msrs() has seen so far. Any thread."""

        def watch_hidden(self) -> None:
            """Records the exits that it answers by itself too. Before it runs. HostError where the host forbids it."""

        def hidden_exits(self) -> HiddenExits | None:
            """What watch_hidden() has seen so far; None where nobody called it. Any thread."""

        def close(self) -> None:
            """Gives everything back. Legal twice."""

    class EngineState(Protocol):
        """The engine's own record of a machine. It may be loaded many times."""


REGISTERS = 1
"""Parts of a state. General and special registers and events: next to nothing, they travel with an exit and an entry.
Each of the others costs calls of the kernel for each vCPU."""
EXTENDED = 2
"""FPU and vector registers, XCR0."""
DEBUG_REGISTERS = 4
"""Debug registers."""
MSRS = 8
"""MSRs, and what a guest that runs guests has in flight."""
APICS = 16
"""Local APICs and who is started or halted; interrupt controllers and PIT, where they are the engine's."""
CLOCKS = 32
"""TSCs and the paravirtual clock."""
ALL_PARTS = REGISTERS | EXTENDED | DEBUG_REGISTERS | MSRS | APICS | CLOCKS

HALTED = "halted"
SHUTDOWN = "shutdown"
RESET = "reset"
DEBUG = "debug"
INTERRUPTED = "interrupted"
ENTRY_FAILURE = "entry-failure"
INTERNAL_ERROR = "internal-error"
FAILED = "failed"


class Stop:
    """Why run() returned: `reason` is one of the constants above, `words` are for a reader, `detail` has the data."""

    __slots__ = ("detail", "reason", "words")

    def __init__(self, reason: str, words: str = "", detail: dict[str, Any] | None = None) -> None:
        self.reason = reason
        self.words = words
        self.detail = detail or {}

    def __repr__(self) -> str:
        return f"Stop({self.reason!r}, {self.words!r}, {self.detail!r})"
