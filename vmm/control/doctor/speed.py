"""What an exit, an instruction and a machine cost on this host, measured by three tiny guests.

Times of exits are the time inside KVM_RUN, from machine.exits: what KVM and the CPU take, without any device.
"""

from __future__ import annotations

import time

from ...errors import VmmError
from ...records import Record
from ...units import SECOND
from .probe import BOOT, Probe
from .trial import machine_of

FIRST_PORT, PORTS, EXITS_EACH = 0x800, 16, 32
INSTRUCTIONS = 100_000
TRIALS = 5

EXITS = Probe(
    name="port exits",
    area=BOOT,
    mode="long",
    assembly="""
            mov edx, 0x800          # ports that nobody claims
        next:
            mov ecx, 32
        again:
            in al, dx
            dec ecx
            jnz again
            inc edx
            cmp edx, 0x810
            jne next
            mov al, 0x55
            out 0xf4, al
    """,
    code="ba00080000b920000000ecffc975fbffc281fa1008000075ecb055e6f4",
    loss="",
)
LOOP = Probe(
    name="a loop",
    area=BOOT,
    mode="long",
    assembly="""
            in al, 0x10
            mov ecx, 50000
        again:
            dec ecx
            jnz again
            mov al, 0x55
            out 0xf4, al
    """,
    code="e410b950c30000ffc975fcb055e6f4",
    loss="",
)
EMPTY = Probe(
    name="one exit",
    area=BOOT,
    mode="long",
    assembly="mov al, 0x55; out 0xf4, al",
    code="b055e6f4",
    loss="",
)
PROBES = (EXITS, LOOP, EMPTY)


class Speed(Record):
    """Nanoseconds, and instructions a second; 0 where the guest did not get through."""

    port_exit_ring0: int
    port_exit_ring3: int
    instructions_ring0: int
    instructions_ring3: int
    first_exit: int
    """From nothing to the first exit of a machine without irqchip."""
    close: int
    first_exit_irqchip: int
    """The same with --irqchip kernel."""
    close_irqchip: int


def measure() -> Speed:
    """All of it; some 0.2 s where KVM is slow, next to nothing elsewhere."""
    port_exits = [_port_exit(user) for user in (False, True)]
    rates = [_instructions(user, exit) for user, exit in zip((False, True), port_exits, strict=True)]
    plain, kernel = _life("none"), _life("kernel")
    return Speed(
        port_exit_ring0=port_exits[0],
        port_exit_ring3=port_exits[1],
        instructions_ring0=rates[0],
        instructions_ring3=rates[1],
        first_exit=plain[0],
        close=plain[1],
        first_exit_irqchip=kernel[0],
        close_irqchip=kernel[1],
    )


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def _port_exit(user: bool) -> int:
    """The median, over some ports, of their mean: a host that is busy for a moment spoils one port and no more."""
    try:
        with machine_of(EXITS.replace(user=user)) as machine:
            if machine.run(1.0).value != EXITS.answer:
                return 0
            exits = machine.exits
            views = [exits[f"io.in.1[{port:#x}]"] for port in range(FIRST_PORT, FIRST_PORT + PORTS)]
            return _median([view.guest // (view.count or 1) for view in views])
    except (VmmError, OSError):
        return 0


def _instructions(user: bool, exit_ns: int) -> int:
    """A second; `exit_ns` is what the exit at the loop's end costs."""
    try:
        with machine_of(LOOP.replace(user=user)) as machine:
            if machine.run(1.0).value != LOOP.answer:
                return 0
            spent = machine.exits["io.out.1[0xf4]"].guest - exit_ns
            return INSTRUCTIONS * SECOND // max(spent, 1)
    except (VmmError, OSError):
        return 0


def _life(irqchip: str) -> tuple[int, int]:
    """(from nothing to the first exit, closing): the median of TRIALS machines."""
    starts, ends = [], []
    for _ in range(TRIALS):
        born = time.monotonic_ns()
        try:
            with machine_of(EMPTY.replace(irqchip=irqchip)) as machine:
                if machine.run(1.0).value != EMPTY.answer:
                    return 0, 0
                done = time.monotonic_ns()
        except (VmmError, OSError):
            return 0, 0
        starts.append(done - born)
        ends.append(time.monotonic_ns() - done)
    return _median(starts), _median(ends)
