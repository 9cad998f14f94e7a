"""A balloon in Debian's kernel gives memory back to the host, and so do free page reports."""

from __future__ import annotations

import os
import threading
import time

import pytest

from vmm.units import MiB

pytestmark = pytest.mark.timeout(300)


def resident() -> int:
    """Bytes of host memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def until(condition, seconds: float = 120):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_memory_comes_back_when_it_is_asked_for_and_by_itself(linux, with_virtio):
    use = "dd if=/dev/zero of=/dev/shm/file bs=1M count=150; rm /dev/shm/file; echo ready"
    script = f"{use}; read line </dev/ttyS0; poweroff -f"
    with linux(with_virtio, script, memory=256 * MiB, balloon=True) as machine:
        machine.start(deadline=240)
        most = 0

        def is_ready() -> bool:
            nonlocal most
            most = max(most, resident())
            return b"ready" in machine.console_output

        assert until(is_ready), machine.console_output
        assert until(lambda: resident() < most - 30 * MiB), "the host has free pages back"
        assert machine.balloon.reported > 50 * MiB
        assert until(lambda: machine.balloon.statistics(10.0)["free"] > 100 * MiB), "what is being reported is not free"
        free = machine.balloon.statistics(10.0)["free"]
        assert free < 256 * MiB

        machine.balloon.target = 128 * MiB
        assert until(lambda: machine.balloon.size == 128 * MiB), machine.balloon.size
        assert machine.balloon.statistics(10.0)["free"] < free - 100 * MiB
        machine.balloon.target = 0
        assert until(lambda: machine.balloon.size == 0)
        assert machine.balloon.statistics(10.0)["free"] > free - 30 * MiB
        machine.feed(b"\n")
        outcome = machine.wait(60)
    assert outcome.kind == "power-off"
    assert threading.active_count() < 5
