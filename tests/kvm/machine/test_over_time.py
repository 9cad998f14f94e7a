"""Exits over time: each exit is in the interval in which it came, however long the run, on whatever vCPU."""

from __future__ import annotations

import time

from vmm import Device
from vmm.observe.over_time import INTERVALS, trimmed

LOOP = "mov $20000, %ecx \n 1: out %al, $0x50 \n dec %ecx \n jnz 1b \n hlt"


def test_every_exit_is_in_one_interval(guest, recorder):
    machine = guest(LOOP, "protected")
    machine.ports.claim(0x50, 1, recorder)
    machine.run(deadline=20.0)
    exits = machine.exits
    for exit in exits.exits:
        assert sum(exit.over_time) == exit.count, exit
    filled = [count for count in exits["io.out[0x50]"].over_time if count]
    assert INTERVALS // 3 < len(filled) <= INTERVALS, "a busy guest fills half of the intervals or more"
    assert (len(filled) - 1) * exits.interval_ns <= exits.wall_ns
    assert exits["hlt"].over_time.index(1) == exits["io.out[0x50]"].over_time.index(filled[-1], len(filled) - 1)


def test_a_quiet_stretch_is_a_gap_of_its_length(guest, recorder):
    machine = guest("out %al, $0x50 \n 1: pause \n in $0x51, %al \n test %al, %al \n jz 1b \n out %al, $0x50 \n hlt",
                    "protected")  # fmt: skip
    machine.ports.claim(0x50, 1, recorder)
    machine.ports.claim(0x51, 1, Sleeper(0.05))
    machine.run(deadline=5.0)
    exits = machine.exits
    first, last = (at for at, count in enumerate(exits["io.out[0x50]"].over_time) if count)
    assert (last - first + 1) * exits.interval_ns >= 0.05e9
    assert (last - first - 1) * exits.interval_ns <= exits.wall_ns


def test_vcpus_share_one_clock(guest, recorder):
    machine = guest(LOOP.replace("hlt", "test %ebx, %ebx \n jz 2f \n in $0x51, %al \n out %al, $0x62 \n 2: cli \n hlt"),
                    "protected", vcpus=2)  # fmt: skip
    machine.ports.claim(0x50, 1, recorder)
    machine.ports.claim(0x62, 1, recorder)
    machine.ports.claim(0x51, 1, Sleeper(0.2))
    machine.run(deadline=20.0)
    exits = machine.exits
    for exit in exits.exits:
        assert sum(exit.over_time) == exit.count, exit
    spans = [[at for at, count in enumerate(exits.of_vcpu(vcpu)["io.out[0x50]"].over_time) if count] for vcpu in (0, 1)]
    assert abs(spans[0][0] - spans[1][0]) <= 4, "both began together"


def test_a_pause_between_two_runs_is_left_out(guest, recorder):
    machine = guest("1: out %al, $0x50 \n jmp 1b", "protected")
    machine.ports.claim(0x50, 1, recorder)
    machine.run(deadline=0.05)
    time.sleep(0.5)
    machine.run(deadline=0.05)
    exits = machine.exits
    assert len(trimmed(exits["io"].over_time)) * exits.interval_ns < 0.3e9


class Sleeper(Device):
    """A device whose read takes time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def read(self, offset: int, size: int) -> int:
        time.sleep(self.seconds)
        return 1
