"""Forks and laps beside C that makes the same ioctls (floor_fork.c): the second half of bench.py.

Master: 128 MiB, 32-bit without paging, no interrupt controller. A child runs to its first exit; closing it is apart.
"""

from __future__ import annotations

import struct
import time

from vmm import Machine

MEMORY = 128 << 20
INPUT = 0x11_0000
CHILDREN, ALIVE, LAPS = 100, 1000, 3000


def master(pages: int = 0) -> Machine:
    """floor_fork.c's guest, at its end point: it writes to `pages` pages, then to port 0xf4, and again."""
    code = (
        b"\xe6\xf4\xb9" + struct.pack("<I", pages) + b"\xbf\x00\x00\x20\x00\xe3\x0b\x88\x07\x81\xc7\x00\x10\x00\x00"
        b"\x49\x75\xf5\xeb\xe5"
    )
    machine = Machine(image=code, mode="protected", memory=MEMORY, irqchip="none")
    expect_end(machine.run(deadline=5.0).kind)
    return machine


def expect_end(kind: str) -> None:
    """Stops the benchmark when a guest did anything else."""
    if kind != "debug-exit":
        raise SystemExit(f"bench: a guest ended by {kind}")


def forks(machine: Machine, count: int = CHILDREN) -> float:
    """Nanoseconds from a fork to the child's first exit."""
    spent = 0
    for _ in range(count):
        start = time.perf_counter_ns()
        child = machine.fork()
        outcome = child.run()
        spent += time.perf_counter_ns() - start
        expect_end(outcome.kind)
        child.close()
    return spent / count


def alive(machine: Machine, count: int = ALIVE) -> tuple[float, float]:
    """(nanoseconds to make each of so many children and run it to its first exit, MiB of host memory that each takes
    while all are alive and idle: page tables and the kernel's own included)."""
    before, start, children = _used(), time.perf_counter_ns(), []
    try:
        for _ in range(count):
            children.append(machine.fork())
            children[-1].run()
        spent = time.perf_counter_ns() - start
        return spent / count, (_used() - before) / count / 1024
    finally:
        for child in children:
            child.close()


def _used() -> int:
    """KiB of host memory that nobody else could have."""
    with open("/proc/meminfo", encoding="ascii") as file:
        found = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return found["MemTotal"] - found["MemAvailable"]


def laps(pages: int, count: int = LAPS) -> float:
    """Nanoseconds of a lap: 64 bytes of input in, to the end point, `pages` pages and the registers put back."""
    with master(pages) as machine, machine.fork() as child, child.laps(machine, (INPUT, 4096)) as loop:
        data = bytes(64)
        loop.lap(1.0)
        loop.back()
        start = time.perf_counter_ns()
        for _ in range(count):
            loop.write_input(data)
            outcome = loop.lap(1.0)
            loop.back()
        spent = time.perf_counter_ns() - start
        expect_end(outcome.kind)
        return spent / count
