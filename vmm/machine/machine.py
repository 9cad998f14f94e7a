"""A virtual machine: built from a MachineConfig, run to an Outcome, looked into before, between and after.

    with Machine(image="hello.bin", mode="real") as machine:
        print(machine.run(deadline=1.0))
        print(machine.console_output)

Not here: consoles, keys and the screen (outside.py), devices (board.py, schematic/, wiring.py), threads (crew.py,
vcpu_thread.py), the words of a crash (postmortem.py).
"""

from __future__ import annotations

import time
from _thread import allocate_lock, get_ident

from ..cpu.control import CR0_PG
from ..engine.select import select
from ..errors import ConfigError, HostError, StateError
from ..units import SECOND
from . import lifecycle, outcome, wiring
from .board import Board
from .config import WITH_LOCAL_APICS, MachineConfig
from .crew import Crew, InterruptHeld
from .defaults import settled
from .forks import Forks
from .lifecycle import CREATED, ENDED, PAUSED, RUNNING, move
from .outcome import Outcome
from .outside import Outside, in_turn
from .run import Run
from .saving import Saving
from .schematic.image import is_linux as is_linux_image
from .schematic.image import load as load_image
from .schematic.image import read as read_image
from .schematic.image import with_drive
from .start_state import start_state, waking_state
from .stillness import Still
from .validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from ..boot.loader import BootState
    from ..bus.bus import Bus
    from ..memory.guest_memory import GuestMemory, Image
    from ..observe.crash import CrashReport
    from ..observe.hidden_exits import HiddenExits
    from ..observe.msr_accesses import MsrAccess
    from ..observe.statistics import ExitStatistics
    from .recorder import Recorder
    from .tracing import Tracing

    ExitHook = Callable[[str, int, int, int, str], None]

FAR = 1e9
"""Seconds (30 years) that no deadline lies beyond."""
VCPU_STACK = 4 * 1024
"""What separates the stacks of vCPUs that start together, in bytes, where there is so much below the first."""


class Machine(Outside, Still, Saving, Forks):
    """One machine. Closing it, or leaving its `with`, gives back every fd, mapping and thread."""

    is_watching_msrs = False
    """Whether watch_msrs() was called."""
    _engine: Any = None
    _ran = 0
    _driver = 0

    def __init__(self, config: MachineConfig | None = None, **fields: Any) -> None:
        """From a config, from the fields of one, or from a config with some fields replaced.

        ConfigError or BootError when the request is wrong, HostError when the host cannot; nothing is left behind.
        """
        self.config = with_drive(_config(config, fields))
        validate(self.config)
        image, path = read_image(self.config)
        self.marks = [("the image is read", time.monotonic_ns())]
        """What was done when, in the host's monotonic nanoseconds: (words, time)."""
        is_linux = is_linux_image(self.config, image)
        self.config = settled(self.config, is_linux)
        self._assemble(is_linux, lambda board: load_image(board, image, path))
        try:
            self._set_up_cpus()
        except BaseException:
            self.close()
            raise

    def _assemble(
        self, is_linux: bool, load: Callable[[Board], BootState], large_pages: bool = True, below: Image | None = None
    ) -> None:
        """Everything but the registers: the board, its memory filled by `load`, and the engine, wired together.
        `large_pages` and `below` as of GuestMemory."""
        self.state = CREATED
        self.born_ns = time.monotonic_ns()
        """When it was made, in the host's monotonic nanoseconds."""
        self._turn = allocate_lock()
        """Held by the one thread that drives, joins or closes."""
        self._waits = []
        self.mirrors = []
        self._board = Board(self.config, time.monotonic_ns, time.time_ns, is_linux, large_pages, below)
        self._mark("memory and board are laid out")
        try:
            self.boot = load(self._board)
            del load  # it holds the image, and a kernel's file is large
            self._mark("the image is in memory")
            self._engine = select(self._board.memory, self._board.ports, self._board.mmio, self.config)
        except BaseException:
            self._board.close()
            raise
        self._mark("KVM has made the machine")
        self.vcpus = self._engine.vcpus
        if not self.config.statistics:
            for vcpu in self.vcpus:
                vcpu.uncount()
        lock = None
        if self.config.vcpus > 1:
            from threading import RLock

            lock = RLock()
            wiring.guard_devices(self._board, lock)
            for vcpu in self.vcpus[1:]:
                vcpu.share_output(self.vcpus[0], lock)
        self._run = Run(self.vcpus, self._board.timers, self.config.irqchip, time.monotonic_ns, lock)
        self._crew = Crew(self._run)
        self._board.memory_changed = self._engine.change_memory
        wiring.connect(self._board, self._engine, self._run)

    def _mark(self, words: str) -> None:
        self.marks.append((words, time.monotonic_ns()))

    # -- what a machine is made of --

    @property
    def memory(self) -> GuestMemory:
        """Guest physical memory: read(gpa, size), write(gpa, data), read_int(gpa, size), ..."""
        return self._board.memory

    @property
    def ports(self) -> Bus:
        """I/O ports: ports.claim(start, size, device) adds a device of yours."""
        return self._board.ports

    @property
    def mmio(self) -> Bus:
        """Guest physical addresses without memory behind them: mmio.claim(start, size, device, width=8)."""
        return self._board.mmio

    def on_exit(self, wanted: ExitHook | str, hook: ExitHook | None = None) -> None:
        """Calls `hook(direction, address, size, value, device)` after each port and MMIO access the guest makes.

        on_exit(hook) is told of all, on_exit("device=com1,direction=out", hook) of those that an observe.exit_filter
        takes (not by RIP). ConfigError for what is no filter.
        Before the machine runs. The hook runs on the vCPU's thread; accesses are no longer answered without Python.
        """
        self._expect(CREATED, "add a hook")
        if not callable(wanted):
            from ..observe.exit_filter import filtered

            hook = filtered(wanted, hook)
        else:
            hook = wanted
        for bus in (self.ports, self.mmio):
            earlier = bus.observer
            bus.observer = hook if earlier is None else in_turn(earlier, hook)
            bus.changed()
        wiring.make_quiet(self._board, self.vcpus)

    def trace(self, limit: int = 200_000, trigger: str = "", after: int = 1_000, at: str = "") -> Tracing:
        """Records the timeline from now on: of each vCPU the last `limit` exits, or with `trigger` those before the
        console says it and `after` more, or with `at` those before an exit that this observe.exit_filter takes and
        `after` more. Once, before the machine runs. Its to_json() opens in Perfetto. ConfigError for what is none."""
        self._expect(CREATED, "trace")
        from .tracing import Tracing

        tracing = Tracing(self, limit, trigger, after, at)
        if self._board.virtio is not None:
            tracing.watch_requests(self._board.virtio, limit)
        self._board.set_input = tracing.watch_interrupts(self._board.set_input)
        if self.config.irqchip == "user":
            self.vcpus[0].acknowledge = tracing.watch_vectors(self.vcpus[0].acknowledge)
        return tracing

    def record(self, path: str) -> Recorder:
        """Records what its devices are asked and answer from now on, to be driven again by `vmm replay`; close() of
        what it gives ends the file. Once, before the machine runs. HostError when the file cannot be written,
        ConfigError with virtio devices, whose work nobody could drive again."""
        self._expect(CREATED, "record")
        if self.config.has_virtio:
            raise ConfigError.of("record", "what virtio devices do by themselves is not recorded: leave them out")
        from .recorder import Recorder

        return Recorder(self, self._board, path)

    @property
    def local_apics(self) -> Any:
        """The engine's local APICs, where they alone are the kernel's; else None."""
        return self._engine.local_apics

    def watch_msrs(self) -> None:
        """Has each MSR that the guest touches counted, for `exits.msrs`; it is answered as without, but slower. Once,
        before the machine runs. HostError where this host's KVM has no MSR filter."""
        self._expect(CREATED, "watch MSRs")
        self._engine.watch_msrs()
        self.is_watching_msrs = True

    def watch_hidden(self) -> None:
        """Has the exits that KVM answers by itself counted too, for `exits.hidden`, from the kernel's tracepoints.

        Once, before the machine runs. HostError, with the remedy, where the host does not allow it.
        """
        self._expect(CREATED, "watch hidden exits")
        self._engine.watch_hidden()

    # -- running --

    def run(self, deadline: float | None = None) -> Outcome:
        """Runs the guest to its end, or for `deadline` seconds, and returns the Outcome. vCPU 0 runs on this thread.

        After a deadline or stop() it may be called again and goes on. StateError when the machine runs or has ended.
        """
        if not self._turn.acquire(blocking=False):
            raise StateError("run", self.state)
        try:
            with InterruptHeld(self.stop) as interrupt:
                self._driver = get_ident()
                if self.state == RUNNING and self._crew.is_gone:  # a second Ctrl-C cut the last run's end off
                    self._finish()
                self._begin(deadline)
                if interrupt.came:  # before there was a run to stop
                    self.stop()
                self._drive()
                while self._goes_on():
                    self._drive()
        finally:
            self._driver = 0
            self._turn.release()
        return self._verdict()

    def _drive(self) -> None:
        """From begin to end."""
        try:
            self._crew.start(self.vcpus[1:])
            self._crew.drive_here(self.vcpus[0])
        finally:
            if self._run.is_running:  # an exception
                self._run.end(Outcome(kind=outcome.STOPPED, words="stopped from outside"))
            self._finish()

    def start(self, deadline: float | None = None) -> None:
        """Runs the guest on threads of its own; wait() gives the Outcome."""
        if not self._turn.acquire(blocking=False):
            raise StateError("run", self.state)
        try:
            self._begin(deadline)
            self._crew.start(self.vcpus)
        finally:
            self._turn.release()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The Outcome of what start() began, or None when `timeout` seconds pass before."""
        self._expect_outside("wait")
        end = None if timeout is None else time.monotonic() + timeout
        if not self._turn.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            return None
        try:
            while self.state == RUNNING:
                if not self._crew.join(end):
                    return None
                self._finish()
                if self._goes_on():
                    self._crew.start(self.vcpus)
        finally:
            self._turn.release()
        return self._verdict()

    def stop(self, words: str = "stopped from outside", value: int = 0) -> None:
        """Ends the run soon, from any thread or signal handler; it may be resumed. Does nothing when none is on."""
        self._run.end(Outcome(kind=outcome.STOPPED, words=words, value=value))

    def close(self) -> None:
        """Ends the run and gives everything back. Legal twice."""
        self._expect_outside("close")
        if self.state == RUNNING:
            self.stop("closed")
        with self._turn:
            if self.state == RUNNING:
                self._finish()
            self.state = move(self.state, "close")
            self._master = self._logged = None
        for mirror in self.mirrors[:]:
            mirror.end()
        with self._turn:
            if self._engine is not None:
                self._engine.close()
            self._board.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- looking in --

    @property
    def outcome(self) -> Outcome | None:
        """How the last run ended; None before the first."""
        return self._run.outcome

    def registers(self, vcpu: int = 0) -> dict[str, int]:
        """rax ... r15, rip, rflags of a vCPU that does not run. StateError while it does, or after close()."""
        self._expect_still("read registers")
        return self.vcpus[vcpu].registers()  # type: ignore[no-any-return]

    def set_registers(self, vcpu: int = 0, **values: int) -> None:
        """Changes some of them; as registers()."""
        self._expect_still("set registers")
        self.outdate()
        try:
            self.vcpus[vcpu].set_registers(values)
        except KeyError as error:
            raise ConfigError.of("registers", f"there is no {error.args[0]}") from None

    def special_registers(self, vcpu: int = 0) -> dict[str, Any]:
        """Control registers, segments as dicts, gdt and idt as (base, limit); as registers()."""
        self._expect_still("read registers")
        return self.vcpus[vcpu].special_registers()  # type: ignore[no-any-return]

    @property
    def exits(self) -> ExitStatistics:
        """Every exit so far: counted, timed, attributed. Legal until close(), while the guest runs too."""
        self._expect_open("read statistics")
        from .postmortem import statistics

        return statistics(self)

    def vcpu_here(self) -> Any:
        """The vCPU that the calling thread runs: for hooks and devices, which may read its registers."""
        return self._run.drivers[get_ident()]

    @property
    def exit_count(self) -> int:
        """How many exits there were so far, at a glance. As `exits`."""
        return sum(vcpu.exit_total for vcpu in self.vcpus)

    @property
    def ran_ns(self) -> int:
        """Nanoseconds spent in runs so far."""
        return self._ran + (time.monotonic_ns() if self.state == RUNNING else 0)

    def device_at(self, reason: str, address: int) -> str:
        """The name of the device behind a port (reason "io") or a guest physical address ("mmio"), or ""."""
        return (self.ports if reason == "io" else self.mmio).name_at(address)

    def functions(self) -> dict[str, int]:
        """The guest's functions and labels with their linear addresses, from its image or the file given as `symbols`;
        none where it has none. ConfigError for a file that cannot be read."""
        from .postmortem import functions_of

        return functions_of(self)

    def kernel_counters(self) -> tuple[dict[str, Any], dict[int, dict[str, Any]], str]:
        """KVM's own statistics: (the VM's, each vCPU's, the kind of host); empty where the kernel has none."""
        return self._engine.kernel_counters()  # type: ignore[no-any-return]

    def msr_accesses(self) -> list[MsrAccess]:
        """What watch_msrs() has seen so far, unordered. Legal until close()."""
        return self._engine.msr_accesses()  # type: ignore[no-any-return]

    def hidden_exits(self) -> HiddenExits | None:
        """What watch_hidden() has seen so far; None without it. Legal until close()."""
        return self._engine.hidden_exits()  # type: ignore[no-any-return]

    def crash_report(self) -> CrashReport:
        """Everything about the vCPU that ended the run, in words. StateError while it runs or after close()."""
        self._expect_still("report")
        from .postmortem import crash_report

        return crash_report(self)

    # -- inside --

    def _expect(self, state: str, wanted: str) -> None:
        if self.state != state:
            raise StateError(wanted, self.state)

    def _expect_open(self, wanted: str) -> None:
        if self.state == lifecycle.CLOSED:
            raise StateError(wanted, self.state)

    def _expect_outside(self, wanted: str) -> None:
        """A thread of the run cannot wait for its own end: from devices, hooks and signal handlers call stop()."""
        if self._driver == get_ident() or self._crew.is_mine():
            raise StateError(wanted, f"{self.state}, by this very thread")

    def _expect_still(self, wanted: str) -> None:
        if self.state in (RUNNING, lifecycle.CLOSED):
            raise StateError(wanted, self.state)

    def _set_up_cpus(self) -> None:
        """Registers and tables of the vCPUs that start now: all of them, or the first when the kernel has the APICs."""
        state = start_state(self.config, self.boot, self.memory)
        self.vcpus[0].start_at(state)
        if self._board.is_linux:  # which keeps to what firmware set up, and would do without PAT
            for vcpu in self.vcpus:
                vcpu.cache_memory()
        if self.boot.mode == "paged" and not self.vcpus[0].special_registers()["cr0"] & CR0_PG:
            raise HostError(
                "this host's KVM has no paging outside long mode (PVM)", "use long mode here, or a host with VMX or SVM"
            )
        if len(self.vcpus) == 1 or self.config.irqchip in WITH_LOCAL_APICS:
            return
        room = min(VCPU_STACK, state.rsp // len(self.vcpus) & ~0xF)
        for vcpu in self.vcpus[1:]:
            twin = state.copy()
            twin.rbx, twin.rsp = vcpu.index, state.rsp - vcpu.index * room
            vcpu.start_at(twin)

    def _begin(self, deadline: float | None) -> None:
        if deadline is not None and deadline != deadline:
            raise ConfigError.of("deadline", "not a number of seconds")
        ends = None if deadline is None else int(min(max(deadline, 0.0), FAR) * SECOND)
        self.state = move(self.state, "run")
        if self._run.outcome is not None and self._run.outcome.kind == outcome.SUSPENDED:
            self.vcpus[0].start_at(waking_state(self._board.waking_vector()))
        self._set_off(None if ends is None else time.monotonic_ns() + ends)

    def _set_off(self, ends: int | None, again: bool = False) -> bool:
        """Before the threads start. With `again` it is the same run that goes on; False when that has ended by now."""
        if again and not self._run.begin_again(ends):
            return False
        self.state = RUNNING
        self.outdate()
        started = time.monotonic_ns()
        for vcpu in self.vcpus:
            vcpu.begin_time(started - self._ran)
        self._ran -= started
        if not again:
            self._run.begin(ends)
        self._board.timers.resume()
        if self._board.virtio is not None:
            self._board.virtio.resume(self._engine)
        return True

    def _finish(self) -> None:
        """All vCPUs have stopped or are about to: joins them and leaves the running state."""
        self._crew.join()
        if self._board.virtio is not None:
            self._board.virtio.pause()
        self._board.timers.pause()
        self._ran += time.monotonic_ns()
        verdict = self._run.outcome
        is_last = verdict is not None and verdict.kind not in outcome.RESUMABLE
        for vcpu in self.vcpus:
            try:
                vcpu.finish_access(is_last)
            except OSError as error:  # KVM will not have this vCPU at all; most often the run ended with just that
                if verdict is None or verdict.kind in outcome.RESUMABLE:
                    verdict = self._run.outcome = Outcome(kind=outcome.FAILED, words=str(error), vcpu=vcpu.index)
        if verdict is not None and verdict.kind == outcome.INTERNAL_ERROR:
            from .postmortem import explained

            self.state = ENDED
            self._run.outcome = explained(self, verdict)
        self.state = PAUSED if verdict is not None and verdict.kind in outcome.RESUMABLE else ENDED

    def _verdict(self) -> Outcome:
        self._crew.raise_failure()
        if self._run.outcome is None:
            raise StateError("give an outcome", self.state)
        return self._run.outcome


def _config(config: MachineConfig | None, fields: dict[str, Any]) -> MachineConfig:
    if not fields.keys() <= MachineConfig._names:
        from ..errors import nearest

        known = MachineConfig._fields
        unknown = [name for name in fields if name not in known]
        raise ConfigError([(name, f"there is no such field{nearest(name, known)}") for name in unknown])
    for name in ("memory", "memory_max"):
        if isinstance(fields.get(name), str):
            from ..units import parse_size

            try:
                fields[name] = parse_size(fields[name], "m")
            except ValueError as error:
                raise ConfigError.of(name, str(error)) from None
    return MachineConfig(**fields) if config is None else config.replace(**fields)
