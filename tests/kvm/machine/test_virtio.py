"""Machines with virtio devices: what reaches the disk, and what is saved, copied and moved while they are busy."""

from __future__ import annotations

import gc
import os
import resource
import struct
import threading
import time

import pytest
from virtio_driver import Driver

from vmm import ConfigError, Machine
from vmm.control import guest_run

SECTOR = 512
WRITTEN = bytes((at * 7 + at // 256) & 0xFF for at in range(4 * SECTOR))
"""What guests/virtio-blk writes from sector 3 on, before it zeroes the second of the four."""


@pytest.fixture
def machine():
    """machine(name, **fields) is that guest's; all are closed at the end."""
    made: list[Machine] = []

    def make(name: str, **fields) -> Machine:
        made.append(Machine(guest_run.config_of(name), **fields))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def disk(tmp_path):
    """An empty one of 64 KiB."""
    path = tmp_path / "disk"
    path.write_bytes(bytes(64 << 10))
    return path


def ends_well(machine: Machine) -> None:
    outcome = machine.run(deadline=20)
    assert (outcome.kind, outcome.value) == ("debug-exit", 0), outcome


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_what_is_written_is_in_the_file(machine, disk, irqchip):
    ends_well(machine("virtio-blk", disks=(f"{disk},serial=vmm-disk0",), irqchip=irqchip))
    content = disk.read_bytes()
    assert content[3 * SECTOR : 4 * SECTOR] == WRITTEN[:SECTOR]
    assert content[4 * SECTOR : 5 * SECTOR] == bytes(SECTOR)
    assert content[5 * SECTOR : 7 * SECTOR] == WRITTEN[2 * SECTOR :]


def test_an_overlay_keeps_it_from_the_file(machine, disk):
    ends_well(machine("virtio-blk", disks=(f"{disk},overlay",)))
    assert not any(disk.read_bytes())


def test_a_zeroed_range_is_a_hole_in_the_file(machine, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xff" * (64 << 10))
    ends_well(machine("virtio-blk", disks=(str(disk),)))
    assert disk.read_bytes()[127 * SECTOR :] == bytes(SECTOR)


def test_a_full_host_is_an_error_of_the_request_and_a_line_for_the_user(machine, disk):
    words: list[str] = []
    blk = machine("virtio-blk", disks=(str(disk),), warn=words.append)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SECTOR, most))  # files have no room for more
    try:
        outcome = blk.run(deadline=5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert (outcome.kind, outcome.value) == ("debug-exit", 3), outcome
    assert len(words) == 1
    assert "virtio-blk0: " in words[0]
    assert str(disk) in words[0]


@pytest.mark.parametrize(
    ("disks", "fault"),
    [
        (("/nowhere",), "cannot open"),
        (("/etc/passwd,ro,overlay",), "goes not with"),
        (("x,queues=0",), "queues"),
        (("x,serial=012345678901234567890",), "20 ASCII"),
        ((",ro",), "names no file"),
        ((b"abc",), "whole sectors"),
        ((bytes(512),) * 15, "room for 14"),
    ],
)
def test_a_disk_that_cannot_be_is_refused_with_its_field(machine, disks, fault):
    with pytest.raises(ConfigError, match=fault) as error:
        machine("virtio-blk", disks=disks)
    assert error.value.breaches[0][0].startswith(("disks[", "virtio"))


def in_motion(machine: Machine, after: float) -> None:
    """Starts it and waits until it is amidst."""
    machine.start(deadline=30)
    time.sleep(after)


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
@pytest.mark.parametrize("after", [0.02, 0.05, 0.1])
def test_a_busy_machine_is_saved_and_goes_on_in_both_places(machine, tmp_path, after, irqchip):
    busy = machine("virtio-busy", irqchip=irqchip)
    in_motion(busy, after)
    busy.snapshot(str(tmp_path / "busy.snap"))
    outcome = busy.wait(20)
    assert (outcome.kind, outcome.value) == ("debug-exit", 0)
    with Machine.restore(str(tmp_path / "busy.snap")) as restored:
        ends_well(restored)


def test_differences_of_a_busy_machine(machine, tmp_path):
    busy = machine("virtio-busy")
    in_motion(busy, 0.01)
    busy.snapshot(str(tmp_path / "0.snap"), track=True)
    for number in range(1, 4):
        time.sleep(0.01)
        busy.snapshot(str(tmp_path / f"{number}.snap"), track=True, differential=True)
    assert busy.wait(20).value == 0
    for number in range(4):
        with Machine.restore(str(tmp_path / f"{number}.snap")) as restored:
            ends_well(restored)


def test_children_of_a_busy_machine_each_have_their_own_disk(machine, disk):
    busy = machine("virtio-busy", disks=(str(disk),))
    busy.run(deadline=0.05)
    content = disk.read_bytes()
    for _ in range(3):
        with busy.fork() as child:
            ends_well(child)
    assert disk.read_bytes() == content
    ends_well(busy)
    assert disk.read_bytes() != content


def test_a_machine_goes_back_and_forth(machine):
    busy = machine("virtio-busy")
    assert busy.run(deadline=0.03).kind == "deadline"
    master = busy.master()
    for _ in range(3):
        busy.run(deadline=0.02)
        busy.reset_to(master)
    ends_well(busy)


def test_each_access_is_seen_by_one_who_asks(machine):
    blk, seen = machine("virtio-blk"), []
    blk.on_exit(lambda direction, address, size, value, device: seen.append((direction, address)))
    ends_well(blk)
    assert seen.count(("write", 0xD100_0050)) >= 10


def test_a_kernel_without_acpi_is_told_by_words(kernels):
    image = kernels.image(kernels.HALT)
    for words, is_told in (("acpi=off", True), ("quiet", False)):
        with Machine(image=image, command_line=words, disks=(bytes(SECTOR),) * 2) as told:
            line = told.memory.read(0x9_1000, 512).partition(b"\0")[0].decode()
        assert line.startswith(words)
        assert ("virtio_mmio.device=512@0xd1000000:5" in line) is is_told
        assert ("virtio_mmio.device=512@0xd1001000:10" in line) is is_told


def test_nothing_is_left_of_it():
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Machine(guest_run.config_of("virtio-busy")) as busy:
            busy.run(deadline=0.02)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_busy_machine_moves(machine, tmp_path):
    address, arrived = f"unix:{tmp_path / 'line'}", []
    waiting = threading.Thread(target=lambda: arrived.append(Machine.receive(address)))
    waiting.start()
    while not (tmp_path / "line").exists():
        time.sleep(0.005)
    busy = machine("virtio-busy", irqchip="kernel")
    in_motion(busy, 0.03)
    busy.migrate(address)
    waiting.join(20)
    assert busy.wait(20).kind == "migrated"
    with arrived[0] as moved:
        ends_well(moved)


def test_laps_of_a_machine_whose_devices_work(machine):
    busy = machine("virtio-busy")
    assert busy.run(deadline=0.02).kind == "deadline"
    master = busy.master()
    with busy.laps(master, (0x18_0000, 16)) as laps:
        for _ in range(3):
            outcome = laps.lap(20)
            assert (outcome.kind, outcome.value) == ("debug-exit", 0)
            laps.back()


def test_a_disk_that_flushes_holds_up_no_other_device_but_whoever_wants_stillness(machine, disk, monkeypatch):
    begun, may_end, still = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda fd: begun.set() or may_end.wait(20) or None)
    both = Machine(image=b"\xeb\xfe", mode="real", memory="1M", disks=(str(disk),), rng=True)
    with both:
        flusher, reader = (Driver(both.device(name), both.memory) for name in ("virtio-blk0", "virtio-rng"))
        flusher.start(features=1 << 9, at=0x10000)
        reader.start(at=0x20000)
        both.memory.write(0x30000, struct.pack("<I4xQ", 4, 0))
        both.start(deadline=30)
        flusher.queues[0].offer((0x30000, 16, False), (0x30010, 1, True))
        flusher.ring(0)
        assert begun.wait(10)
        reader.queues[0].offer((0x31000, 64, True))
        reader.ring(0)
        until(lambda: both.memory.read(0x31000, 64).strip(b"\0"))
        threading.Thread(target=lambda: both.still(still.set)).start()
        assert not still.wait(0.2), "a request is under way"
        assert flusher.queues[0].taken_back() == []
        may_end.set()
        assert still.wait(10)
        until(lambda: flusher.queues[0].taken_back() == [(0, 1)])
        both.stop()
        assert both.wait(10).kind == "stopped"


def until(condition) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.005)
