"""Debian's driver for virtio-mem: memory that comes and goes while the guest runs, as `free` sees it."""

from __future__ import annotations

import re
import time

import pytest

from vmm.units import MiB

pytestmark = pytest.mark.timeout(300)


def until(condition, seconds: float = 120):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("virtio", ["mmio", "pci"])
def test_a_running_guest_is_made_larger_and_smaller(linux, with_virtio, virtio):
    script = "while free -m | grep Mem: && read line </dev/ttyS0 && test $line = go; do true; done; poweroff -f"
    with linux(with_virtio, script, words="quiet memhp_default_state=online_movable", memory=256 * MiB,
               memory_max=1024 * MiB, virtio=virtio) as machine:  # fmt: skip
        machine.start(deadline=240)
        totals = []

        def ask() -> int:
            """What `free` says next, in MiB."""
            seen = len(totals)
            if seen:
                machine.feed(b"go\n")
            said = until(lambda: [int(each) for each in re.findall(rb"Mem: +(\d+)", machine.console_output)][seen:])
            assert said, machine.console_output
            totals.append(said[0])
            return said[0]

        first = ask()
        assert machine.memory.resize(768 * MiB) == 768 * MiB
        assert until(lambda: machine.memory.plugged() == 512 * MiB), machine.memory.plugged()
        assert until(lambda: ask() > first + 480, 30), totals
        machine.memory.resize(320 * MiB)
        assert until(lambda: machine.memory.plugged() == 64 * MiB), machine.memory.plugged()
        assert until(lambda: ask() < first + 100, 30), totals
        machine.feed(b"end\n")
        assert machine.wait(60).kind == "power-off"
