"""The benchmarks: every figure beside its floor in C or in Python itself, in one run, as the median of paired rounds.

Prints ratios against the limits that the project set itself, and absolute medians for orientation. Times depend on
the machine and are stored nowhere.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import forks

from vmm import Device, Machine
from vmm.control import guest_set
from vmm.engine.kvm_replay import warm_dispatch_ns

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTED_PORT, END_PORT = 0x510, 0xF4
EXITS, CREATIONS = 20_000, 100
ALL = ["exits", "stats", "trace", "record", "quiet", "warm", "create", "start", "vcpus", "fork", "alive", "laps"]


class Counted(Device):
    """The Python device behind the counted port."""

    name = "counted"

    def __init__(self) -> None:
        self.total = 0

    def write(self, offset: int, size: int, value: int) -> None:
        self.total += 1


def guest(count: int) -> bytes:
    """floor.c's guest: `count` port writes, then one to the end port."""
    return (
        b"\x66\xb9" + count.to_bytes(4, "little") + b"\xba" + COUNTED_PORT.to_bytes(2, "little")
        + b"\xee\x66\x49\x75\xfb\xe6" + bytes([END_PORT])
    )  # fmt: skip


def exits_through_python(count: int = EXITS) -> float:
    """Nanoseconds per exit that a Python device handles, statistics on."""
    with Machine(image=guest(count), mode="real") as machine:
        device = Counted()
        machine.ports.claim(COUNTED_PORT, 1, device)
        return _timed(machine, count, lambda: device.total)


def exits_traced(traced: bool = True, count: int = EXITS) -> float:
    """Nanoseconds per exit that a Python device handles, with and without a trace."""
    with Machine(image=guest(count), mode="real") as machine:
        device = Counted()
        machine.ports.claim(COUNTED_PORT, 1, device)
        if traced:
            machine.trace()
        return _timed(machine, count, lambda: device.total)


def exits_uncounted(count: int = EXITS) -> float:
    """Nanoseconds per exit that a Python device handles, statistics off."""
    with Machine(image=guest(count), mode="real", statistics=False) as machine:
        device = Counted()
        machine.ports.claim(COUNTED_PORT, 1, device)
        return _timed(machine, count, lambda: device.total)


def exits_recorded(count: int = EXITS) -> float:
    """Nanoseconds per exit that a Python device handles while the traffic is recorded."""
    with tempfile.TemporaryDirectory() as folder, Machine(image=guest(count), mode="real") as machine:
        device = Counted()
        machine.ports.claim(COUNTED_PORT, 1, device)
        recorder = machine.record(os.path.join(folder, "recording"))
        spent = _timed(machine, count, lambda: device.total)
        recorder.close()
        return spent


def exits_quiet(count: int = EXITS) -> float:
    """Nanoseconds per exit that the run step answers by itself."""
    with Machine(image=guest(count), mode="real") as machine:
        machine.vcpus[0].make_quiet("io", COUNTED_PORT, 1, True, 0)
        return _timed(machine, count, lambda: machine.exits[f"io.out[{COUNTED_PORT:#x}]"].quiet)


def _timed(machine: Machine, count: int, done: Callable[[], int]) -> float:
    start = time.perf_counter_ns()
    outcome = machine.run()
    spent = time.perf_counter_ns() - start
    if outcome.kind != "debug-exit" or done() != count:
        raise SystemExit(f"bench: {outcome}, {done()} of {count} exits")
    return spent / count


def creation(count: int = CREATIONS) -> float:
    """Nanoseconds to make a machine, run it to its first exit, and close it."""
    image = b"\xe6" + bytes([END_PORT])  # its first exit is its last
    start = time.perf_counter_ns()
    for _ in range(count):
        with Machine(image=image, mode="real") as machine:
            machine.run()
    return (time.perf_counter_ns() - start) / count


def two_vcpus(count: int = EXITS) -> float:
    """Exits a second of two vCPUs together, over those of one alone."""
    rates = []
    for vcpus in (1, 2):
        image = b"\x66\xb9" + count.to_bytes(4, "little") + b"\xba\x10\x05\xee\x66\x49\x75\xfb\xfa\xf4"  # ... cli; hlt
        with Machine(image=image, mode="real", vcpus=vcpus, irqchip="none") as machine:
            machine.ports.claim(COUNTED_PORT, 1, Counted())
            start = time.perf_counter_ns()
            machine.run()
            rates.append(vcpus * count / (time.perf_counter_ns() - start))
    return rates[1] / rates[0]


def process(*words: str) -> float:
    """Nanoseconds of a whole process."""
    start = time.perf_counter_ns()
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter_ns() - start


def paired(rounds: int, ours: Callable[[], float], floor: Callable[[], float]) -> tuple[float, float, float]:
    """(median ratio, median of ours, median of the floor) over rounds that take turns."""
    ours(), floor()
    pairs = [(ours(), floor()) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    return ratio, statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def row(name: str, figure: str, limit: str, good: bool, detail: str) -> None:
    """One line of the table."""
    print(f"{name:<30} {figure:>9}  {limit:<22} {'ok' if good else 'OVER':<5} {detail}", flush=True)


def parser_of(words: str | None, rounds: int) -> argparse.ArgumentParser:
    """Of a benchmark that is described by `words`."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit is broken")
    return parser


def main() -> int:
    """Runs all or the chosen benchmarks; 1 when one is over its limit and --strict was given."""
    parser = parser_of(__doc__, 15)
    parser.add_argument("only", nargs="*", help=" ".join(ALL))
    arguments = parser.parse_args()
    rounds, over = arguments.rounds, 0
    wanted = arguments.only or ALL
    print(f"{'benchmark':<30} {'median':>9}  {'limit (aim)':<22}")
    with tempfile.TemporaryDirectory() as scratch:
        floor, fork_floor = (os.path.join(scratch, name) for name in ("floor", "floor_fork"))
        for program in (floor, fork_floor):
            source = os.path.join(HERE, f"{os.path.basename(program)}.c")
            subprocess.run(["gcc", "-O2", "-pthread", "-Wall", "-Werror", "-o", program, source], check=True)

        def in_c(mode: str, *counts: int, program: str = floor) -> Callable[[], float]:
            words = [program, mode, *map(str, counts)]
            return lambda: float(subprocess.run(words, check=True, capture_output=True).stdout)

        def ratio(name: str, limit: float, aim: float, ours: Callable[[], float], base: Callable[[], float]) -> int:
            figure, mine, its = paired(rounds, ours, base)
            detail = f"{mine / 1000:.2f} us, C {its / 1000:.2f} us"
            row(name, f"x{figure:.3f}", f"x{limit} (x{aim})", figure <= limit, detail)
            return int(figure > limit)

        if "exits" in wanted:
            over += ratio("port exit to a Python device", 1.25, 1.18, exits_through_python, in_c("exits", EXITS))
        if "quiet" in wanted:
            over += ratio("quiet port exit", 1.05, 1.02, exits_quiet, in_c("exits", EXITS))
        if "create" in wanted:
            over += ratio("create, first exit, close", 1.20, 1.10, creation, in_c("create", CREATIONS))
        if "vcpus" in wanted:
            rounds_of = [(two_vcpus(), in_c("exits", EXITS)() / in_c("pair", EXITS)()) for _ in range(rounds)]
            figure, host = (statistics.median(column) for column in zip(*rounds_of, strict=True))
            over += figure < min(1.6, 0.8 * host)
            detail = f"the host gives C x{host:.2f}"
            row("two vCPUs over one", f"x{figure:.2f}", "x1.6, or 0.8 of C's", figure >= min(1.6, 0.8 * host), detail)
        if "fork" in wanted:
            with forks.master() as master:
                base = in_c("fork", forks.CHILDREN, program=fork_floor)
                over += ratio("fork to the child's first exit", 1.15, 1.08, lambda: forks.forks(master), base)
        if "alive" in wanted:
            over += _alive(rounds, in_c("alive", forks.ALIVE, program=fork_floor))
        for pages in (1, 10, 1000) if "laps" in wanted else ():
            count = forks.LAPS if pages <= 10 else forks.LAPS // 50
            base = in_c("reset", count, pages, program=fork_floor)
            name = f"lap of a fuzzer, {pages} page{'s' if pages > 1 else ''}"
            over += ratio(name, 1.30, 1.10, functools.partial(forks.laps, pages, count), base)
    if "stats" in wanted:
        figure, mine, its = paired(rounds, exits_through_python, exits_uncounted)
        over += figure > 1.05
        detail = f"{mine / 1000:.2f} us, uncounted {its / 1000:.2f} us"
        row("port exit with statistics", f"x{figure:.3f}", "x1.05 (x1.03)", figure <= 1.05, detail)
    if "trace" in wanted:
        figure, mine, its = paired(rounds, exits_traced, lambda: exits_traced(False))
        over += figure > 1.3
        detail = f"{mine / 1000:.2f} us, untraced {its / 1000:.2f} us"
        row("port exit while traced", f"x{figure:.3f}", "x1.3 (x1.05)", figure <= 1.3, detail)
    if "record" in wanted:
        figure, mine, its = paired(rounds, exits_recorded, exits_through_python)
        row("port exit while recorded", f"x{figure:.3f}", "", True, f"{mine / 1000:.2f} us, else {its / 1000:.2f} us")
    if "warm" in wanted:
        figure = statistics.median(warm_dispatch_ns(Counted()) for _ in range(rounds))
        over += figure > 300
        row("warm dispatch, replayed exit", f"{figure:.0f} ns", "300 ns (220 ns)", figure <= 300, "")
    if "start" in wanted:
        over += _start(max(rounds, 25))
    return 1 if over and arguments.strict else 0


def _alive(rounds: int, base: Callable[[], float]) -> int:
    """A thousand children at a time: what making one takes, and what one holds."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a child has three
    with forks.master() as master:
        master.fork().close()
        pairs = [(forks.alive(master), base()) for _ in range(max(rounds // 3, 1))]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    figure = statistics.median(ours / its for (ours, _), its in pairs)
    held = statistics.median(held for (_, held), _ in pairs)
    mine, its = statistics.median(ours for (ours, _), _ in pairs), statistics.median(its for _, its in pairs)
    detail = f"{mine / 1000:.2f} us, C {its / 1000:.2f} us"
    row("1,000 children alive, each", f"x{figure:.3f}", "x1.3", figure <= 1.3, detail)
    row("memory of an idle child", f"{held:.2f} MiB", "1 MiB", held < 1, "")
    return int(figure > 1.3) + int(held >= 1)


def _start(rounds: int) -> int:
    """Whole processes: the command, and the hello guest through it."""
    command = os.path.join(os.path.dirname(sys.executable), "vmm")
    image = guest_set.build("hello-real")
    python = lambda: process(sys.executable, "-I", "-c", "pass")  # noqa: E731
    figure, mine, its = paired(rounds, lambda: process(command, "--version"), python)
    row(
        "vmm --version",
        f"x{figure:.2f}",
        "x1.5 of python -I",
        figure <= 1.5,
        f"{mine / 1e6:.1f} ms, python {its / 1e6:.1f} ms",
    )
    hello = lambda: process(command, "run", "--mode", "real", image)  # noqa: E731
    process(*[command, "run", "--mode", "real", image])
    pairs = [(hello(), python()) for _ in range(rounds)]
    extra = statistics.median(a - b for a, b in pairs) / 1e6
    row("hello guest, whole process", f"+{extra:.1f} ms", "+7 ms (+4 ms)", extra <= 7, "over python -I -c pass")
    return int(figure > 1.5) + int(extra > 7)


if __name__ == "__main__":
    sys.exit(main())
