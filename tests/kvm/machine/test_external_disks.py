"""Machines whose disks another process serves: saved, copied and limited while they are busy."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from vmm import ConfigError, HostError, Machine, SnapshotError
from vmm.control import guest_run
from vmm.machine.disk_options import FORMATS

pytestmark = pytest.mark.skipif(
    not (shutil.which("qemu-storage-daemon") and shutil.which("qemu-img")),
    reason="needs qemu-storage-daemon and qemu-img: apt install qemu-utils",
)


@pytest.fixture
def disk(tmp_path):
    """disk(ending): an empty one of 64 KiB."""

    def disk(ending: str) -> str:
        path = tmp_path / f"disk.{ending}"
        subprocess.run(["qemu-img", "create", "-q", "-f", FORMATS[ending], path, "64K"], check=True)
        return str(path)

    return disk


@pytest.fixture
def busy():
    """busy(disk, **fields): guests/virtio-busy with that disk, after a moment of its run."""
    made: list[Machine] = []

    def busy(disk: str, **fields) -> Machine:
        made.append(Machine(guest_run.config_of("virtio-busy"), disks=(disk,), **fields))
        outcome = made[-1].run(deadline=0.05)
        assert outcome.kind == "deadline", f"the guest was done too early: {outcome}"
        return made[-1]

    yield busy
    for each in made:
        each.close()


def ends_well(machine: Machine) -> None:
    outcome = machine.run(deadline=60)
    assert (outcome.kind, outcome.value) == ("debug-exit", 0), outcome


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
@pytest.mark.parametrize("manner", ["", ",overlay"])
def test_a_busy_machine_is_saved_and_goes_on(busy, disk, tmp_path, manner, irqchip):
    path, snapshot = disk("qcow2"), str(tmp_path / "busy.snap")
    machine = busy(f"{path}{manner}", irqchip=irqchip)
    machine.snapshot(snapshot)
    if manner:
        ends_well(machine)  # beside its other self
    machine.close()
    with Machine.restore(snapshot) as restored:
        ends_well(restored)


@pytest.mark.parametrize("ending", FORMATS)
def test_an_image_of_any_format_is_the_same_when_its_machine_is_restored(busy, disk, tmp_path, ending):
    path, snapshot = disk(ending), str(tmp_path / "busy.snap")
    with busy(path) as machine:
        machine.snapshot(snapshot)
        with pytest.raises(ConfigError, match=r"disk\."):  # which one engine at a time may have
            Machine.restore(snapshot)
    with Machine.restore(snapshot) as restored:
        ends_well(restored)
    with pytest.raises(SnapshotError, match="it was written to since"):
        Machine.restore(snapshot)


def test_children_of_a_busy_machine_each_have_their_own_disk(busy, disk):
    path = disk("vmdk")
    before = Path(path).read_bytes()
    with busy(f"{path},overlay") as machine:
        first, second = machine.fork(), machine.fork()
        with first, second:
            ends_well(first)
            ends_well(machine)
            with second.fork() as third:
                ends_well(third)
            ends_well(second)
    assert Path(path).read_bytes() == before


def test_what_cannot_be_is_said_in_words(busy, disk, tmp_path):
    path = disk("vdi")
    with busy(path) as machine:
        with pytest.raises(ConfigError, match=r"disks\[0\]: .*disk\.vdi is written in place"):
            machine.fork()
        with pytest.raises(ConfigError, match="of which nobody keeps a log"):
            machine.snapshot(str(tmp_path / "snap"), track=True)
    with busy(f"{disk('vmdk')},overlay") as machine, machine.fork() as child:
        with pytest.raises(ConfigError, match="of which nobody keeps a log"):
            child.reset_to(machine)
        ends_well(child)


def test_limits_hold_and_change_while_it_runs(disk):
    path = disk("qcow2")
    with Machine(guest_run.config_of("virtio-busy"), disks=(f"{path},operations=20",)) as machine:
        assert machine.run(deadline=1.5).kind == "deadline"  # 4000 requests
        with pytest.raises(ConfigError, match="is written in place"):
            machine.fork()
        begun = time.monotonic()
        machine.snapshot(f"{path}.snap")
        assert time.monotonic() - begun < 5
        machine.limit("virtio-blk0", operations=100_000, bandwidth=1 << 30, burst=2.0)
        ends_well(machine)
        os.kill(machine.device("virtio-blk0").device._engine._process.pid, 9)
        time.sleep(0.2)
        with pytest.raises(HostError, match="no limit"):
            machine.limit("virtio-blk0", operations=1)


def test_a_driver_that_breaks_its_ring_is_asked_for_a_reset(busy, disk):
    words: list[str] = []
    machine = busy(disk("qcow2"), warn=words.append)
    transport = machine.device("virtio-blk0")
    index = transport.setups[0].available + 2
    machine.memory.write_int(index, 2, machine.memory.read_int(index, 2) + 500)
    assert machine.run(deadline=2).kind == "deadline"  # the guest waits for ever
    assert transport.status & 0x40
    said = "virtio-blk0: the engine has hung up, as it does on rings that cannot be; the device waits for a reset"
    assert any(said in word for word in words), words
