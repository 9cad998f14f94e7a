"""A channel: selecting drives, resets, the interrupt line, saved states, and guests that know no order."""

from __future__ import annotations

import random

import pytest

from vmm.devices.ata.cdrom import CdRom
from vmm.devices.ata.hard_disk import HardDisk
from vmm.errors import SnapshotError
from vmm.state import State

ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS = 1, 2, 3, 4, 5, 6, 7


@pytest.fixture
def bench(ata_bench, ata_disk):
    return ata_bench(HardDisk(ata_disk(64), "first"), CdRom(ata_disk(64), "second"))


def test_each_drive_answers_when_it_is_selected(bench) -> None:
    bench.put(DEVICE, 0xA0)
    assert bench.status() == 0x50
    assert (bench.get(MID), bench.get(HIGH)) == (0, 0)
    bench.put(DEVICE, 0xB0)
    assert bench.status() == 0
    assert (bench.get(MID), bench.get(HIGH)) == (0x14, 0xEB)
    assert bench.get(DEVICE) == 0xB0


def test_the_task_file_reaches_both_and_a_command_one(bench) -> None:
    bench.put(DEVICE, 0xB0)
    bench.put(COUNT, 0x55)
    bench.put(DEVICE, 0xA0)
    assert bench.get(COUNT) == 0x55
    bench.command(0x20)
    bench.put(DEVICE, 0xB0)
    assert not bench.status() & 8
    assert bench.take(2) == b"\xff\xff"


@pytest.mark.parametrize("where", [0, 1])
def test_a_drive_that_is_not_there(ata_bench, ata_disk, where: int) -> None:
    drives = [None, None]
    drives[1 - where] = HardDisk(ata_disk(4), "only")
    bench = ata_bench(*drives)
    bench.put(DEVICE, 0xA0 | where << 4)
    bench.put(STATUS, 0xEC)
    assert bench.status() == bench.get(STATUS) == bench.get(COUNT) == 0
    assert bench.take(4) == b"\xff" * 4
    bench.give(bytes(4))
    assert not bench.line


def test_the_line_follows_the_selected_drive_and_nien(bench) -> None:
    bench.command(0x20)
    assert bench.line
    bench.put(DEVICE, 0xB0)
    assert not bench.line
    bench.put(DEVICE, 0xE0)
    assert bench.line
    bench.bus.write(0x3F6, 1, 0x02)
    assert not bench.line
    bench.bus.write(0x3F6, 1, 0x00)
    assert bench.line
    bench.status()
    assert bench.line  # the alternate status leaves it
    bench.get(STATUS)
    assert not bench.line


def test_a_software_reset_shows_signatures_and_selects_the_first(bench) -> None:
    bench.command(0x20)
    bench.put(DEVICE, 0xB0)
    bench.bus.write(0x3F6, 1, 0x04)
    assert bench.status() == 0x80
    bench.put(COUNT, 0x77)  # to drives that are busy
    bench.put(STATUS, 0x20)
    bench.bus.write(0x3F6, 1, 0x00)
    assert not bench.line
    assert [bench.get(register) for register in (ERROR, COUNT, LOW, MID, HIGH)] == [1, 1, 1, 0, 0]
    assert bench.status() == 0x50


def test_a_diagnostic_is_for_both_and_interrupts(bench) -> None:
    bench.put(DEVICE, 0xB0)
    bench.put(STATUS, 0x90)
    assert bench.get(DEVICE) & 0x10 == 0
    assert bench.get(ERROR) == 1
    assert bench.line


def test_a_wide_access_to_the_task_file_is_one_to_each_register(bench) -> None:
    bench.bus.write(0x1F2, 4, 0x44332211)
    assert [bench.get(register) for register in (COUNT, LOW, MID, HIGH)] == [0x11, 0x22, 0x33, 0x44]
    assert bench.bus.read(0x1F2, 2) == 0x2211


def test_saved_in_the_middle_of_transfers_it_goes_on(ata_bench, ata_disk) -> None:
    def make():
        return ata_bench(HardDisk(ata_disk(64), "first"), CdRom(ata_disk(64), "second"))

    for start in (
        lambda bench: bench.command(0x20, lba=3, count=2),
        lambda bench: bench.command(0xC6, count=2) and bench.command(0xC4, lba=3, count=3),
        lambda bench: (bench.put(DEVICE, 0xB0), bench.put(STATUS, 0xA1)),
    ):
        bench, other = make(), make()
        start(bench)
        bench.take(100)
        other.channel.load(bench.channel.save())
        assert other.line is bench.line
        assert other.take(924) == bench.take(924)
        assert other.status() == bench.status()
        assert other.channel.save() == bench.channel.save()
        other.channel.reset()
        assert other.status() == 0x50


def test_states_that_cannot_be_change_nothing(bench) -> None:
    bench.command(0x20, lba=3, count=2)
    state = bench.channel.save()
    first, second = state.fields["drives"]
    wrong = [
        {"selected": 2}, {"control": 1}, {"drives": [first]}, {"drives": [second, first]}, {"drives": [first, None]},
        *({"drives": [{**first, name: value}, second]} for name, value in (
            ("left", 64), ("position", 1 << 40), ("at", 512), ("buffer", b""), ("heads", 0), ("multiple", 3),
            ("phase", "x"), ("registers", b""), ("status", 256), ("block", 0), ("kind", "floppy"), ("pending", 1),
        )),
        *({"drives": [first, {**second, name: value}]} for name, value in (
            ("left", 64 * 512 + 1), ("limit", 1 << 16), ("answer", "x"), ("sense_key", 16),
        )),
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(SnapshotError):  # noqa: PT012
            bench.channel.load(State("vmm.ata", 1, {**state.fields, **change}))
            pytest.fail(f"{change} was taken")
        assert bench.channel.save() == state, change


@pytest.mark.parametrize("seed", range(20))
def test_no_order_of_accesses_gets_past_the_channel(bench, seed: int) -> None:
    """Whatever a guest does: no handler fails, no byte outside the disks is asked for (the disks look)."""
    rng = random.Random(seed)
    commands = [
        0x20,
        0x24,
        0x29,
        0x30,
        0x34,
        0x39,
        0x40,
        0xC4,
        0xC5,
        0xC6,
        0x90,
        0x91,
        0xA0,
        0xA1,
        0xEC,
        0xEF,
        0x08,
        0xE7,
    ]
    for _ in range(3000):
        register, width = rng.randrange(8), rng.choice((1, 1, 2, 4))
        choice = rng.random()
        if choice < 0.15:
            bench.put(STATUS, rng.choice(commands))
        elif choice < 0.55:
            bench.bus.write(0x1F0 + register, width, rng.choice((0, 1, 0x28, 0xE0, 0xFF, rng.getrandbits(32))))
        elif choice < 0.97:
            bench.bus.read(0x1F0 + register, width)
        else:
            bench.bus.write(0x3F6, 1, rng.choice((0, 2, 4, 0x80)))
        if rng.random() < 0.01:
            saved = bench.channel.save()
            bench.channel.load(saved)
    assert bench.failures == []
