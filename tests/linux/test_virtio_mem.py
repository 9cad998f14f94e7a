"""Debian's driver for virtio-mem: memory that comes and goes while the guest runs, as `free` and the host see it."""

from __future__ import annotations

import os
import re
import time

import pytest

from vmm.control import cli
from vmm.control.live.door import Door
from vmm.control.live.sockets import running
from vmm.units import MiB

pytestmark = pytest.mark.timeout(300)

USED = 50
"""MiB that the guest fills, and frees."""
SCRIPT = f"""
while free -m | grep Mem: && read line </dev/ttyS0 && test $line != end; do
  test $line != use || {{ dd if=/dev/zero of=/dev/shm/file bs=1M count={USED}; rm /dev/shm/file; }} 2>/dev/null
done
poweroff -f"""


def until(condition, seconds: float = 120):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def resident() -> float:
    """MiB of host memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MiB


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return str(folder)


@pytest.mark.parametrize("virtio", ["mmio", "pci"])
def test_a_running_guest_is_made_larger_and_smaller(linux, with_virtio, runtime, capsys, virtio):
    with linux(with_virtio, SCRIPT, words="quiet memhp_default_state=online_movable", memory=256 * MiB,
               memory_max=512 * MiB, virtio=virtio) as machine, Door(machine, 0):  # fmt: skip
        machine.start(deadline=240)
        totals = []

        def ask(word: bytes = b"go") -> int:
            """What `free` says next, in MiB."""
            seen = len(totals)
            if seen:
                machine.feed(word + b"\n")
            said = until(lambda: [int(each) for each in re.findall(rb"Mem: +(\d+)", machine.console_output)][seen:])
            assert said, machine.console_output
            totals.append(said[0])
            return said[0]

        def resize(size: int) -> None:
            """As a user does it, from outside."""
            assert cli.main(["set", str(os.getpid()), f"memory={size}M", "--wait", "2m"]) == 0
            assert f"memory={size}M" in capsys.readouterr().out

        first = ask()
        assert until(lambda: running(runtime)), "it listens"
        resize(512)
        assert machine.memory.plugged() == 256 * MiB
        assert until(lambda: ask() > first + 230, 30), totals
        before = resident()
        ask(b"use")
        used = resident()
        assert used - before > USED * 0.9, "new memory is used first"
        resize(256)
        assert machine.memory.plugged() == 0
        assert used - resident() > USED * 0.8, "the host has it back"
        assert until(lambda: ask() < first + 40, 30), totals
        machine.feed(b"end\n")
        assert machine.wait(60).kind == "power-off"
