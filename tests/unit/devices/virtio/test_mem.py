"""Blocks that a driver plugs and unplugs, and what it is refused."""

from __future__ import annotations

import struct
from _thread import RLock

import pytest
from virtio_driver import Driver

from vmm.devices.virtio.mem import (
    ACK,
    BLOCK,
    ERROR,
    MIXED,
    NACK,
    PLUG,
    PLUGGED,
    STATE,
    UNPLUG,
    UNPLUG_ALL,
    UNPLUGGED,
    Mem,
)
from vmm.devices.virtio.mmio import Mmio
from vmm.devices.virtio.transport import NEEDS_RESET
from vmm.errors import ConfigError, SnapshotError
from vmm.memory.guest_memory import GuestMemory
from vmm.state import State
from vmm.units import MiB

START = 64 * MiB


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 4 * MiB)
    memory.add(START, 8 * BLOCK, "later", is_later=True)
    yield memory
    memory.close()


@pytest.fixture
def device(memory):
    return Mem(START, 8 * BLOCK, memory.discard)


@pytest.fixture
def driver(memory, device):
    transport = Mmio(device, "mem", memory, RLock(), lambda job: job())
    driver = Driver(transport, memory)
    driver.start()
    yield driver
    transport.close()


def ask(driver: Driver, kind: int, block: int = 0, count: int = 1, gpa: int | None = None) -> tuple[int, int]:
    """(answer, state)."""
    place = START + block * BLOCK if gpa is None else gpa
    driver.memory.write(0x20000, struct.pack("<H6xQH6x", kind, place, count))
    driver.queues[0].offer((0x20000, 24, False), (0x20100, 10, True))
    driver.ring(0)
    assert driver.queues[0].taken_back()[0][1] == 10
    return struct.unpack("<H6xH", driver.memory.read(0x20100, 10))


def test_the_driver_takes_what_the_host_offers_and_no_more(driver, device):
    assert ask(driver, PLUG, 0)[0] == NACK
    device.requested = 3 * BLOCK + 5
    assert driver.transport.read(0x60, 4) & 2, "the driver is told"
    assert (driver.config(48), driver.config(40)) == (3 * BLOCK, 0)
    assert ask(driver, PLUG, 2, 3)[0] == ACK
    assert ask(driver, PLUG, 6)[0] == NACK
    assert (device.plugged, driver.config(40)) == (3 * BLOCK, 3 * BLOCK)
    assert [ask(driver, STATE, *where) for where in ((2, 3), (0, 2), (0, 4))] == [
        (ACK, PLUGGED), (ACK, UNPLUGGED), (ACK, MIXED),
    ]  # fmt: skip


def test_what_is_given_back_reads_as_zeroes(driver, device, memory):
    device.requested = 4 * BLOCK
    assert ask(driver, PLUG, 0, 4)[0] == ACK
    for block in range(4):
        memory.fill(START + block * BLOCK, 4096, 0xAA)
    assert ask(driver, UNPLUG, 1, 1)[0] == ACK
    assert [memory.read_int(START + block * BLOCK, 1) for block in range(4)] == [0xAA, 0, 0xAA, 0xAA]
    assert ask(driver, UNPLUG_ALL)[0] == ACK
    assert [memory.read_int(START + block * BLOCK, 1) for block in range(4)] == [0] * 4
    assert device.plugged == 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (PLUG, {"block": 8}), (PLUG, {"block": 7, "count": 2}), (PLUG, {"count": 0}), (PLUG, {"gpa": START + 4096}),
        (PLUG, {"gpa": 0}), (PLUG, {"gpa": (1 << 64) - BLOCK, "count": 0xFFFF}), (UNPLUG, {}), (9, {}),
        (STATE, {"gpa": START - BLOCK, "count": 2}), (PLUG, {"block": 0, "count": 2}),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_are_errors_and_nothing_more(driver, device, kind, words):
    device.requested = 8 * BLOCK
    if words == {"block": 0, "count": 2}:
        assert ask(driver, PLUG, 1)[0] == ACK, "then one of the two is plugged already"
    plugged = device.plugged
    assert ask(driver, kind, **words)[0] == ERROR
    assert device.plugged == plugged


def test_a_request_that_is_cut_breaks_the_device_alone(driver):
    driver.queues[0].offer((0x20000, 23, False), (0x20100, 10, True))
    driver.ring(0)
    assert driver.status & NEEDS_RESET


def test_it_is_saved_with_what_is_plugged(driver, device, memory):
    device.requested = 4 * BLOCK
    ask(driver, PLUG, 3, 2)
    other = Mem(START, 8 * BLOCK, memory.discard)
    other.load(device.save())
    assert (other.requested, other.plugged) == (4 * BLOCK, 2 * BLOCK)
    for fields in ({"requested": 1, "blocks": bytes(8)}, {"requested": 0, "blocks": bytes(7)},
                   {"requested": 0, "blocks": b"\2" * 8}):  # fmt: skip
        with pytest.raises(SnapshotError):
            other.load(State("vmm.virtio-mem", 1, fields))


def test_memory_that_is_fixed_says_so(memory):
    with pytest.raises(ConfigError, match="memory_max"):
        memory.resize(8 * MiB)
