"""Inflating, deflating, free page reports and statistics, by a driver in guest memory."""

from __future__ import annotations

import struct
from _thread import RLock

import pytest
from virtio_driver import Driver

from vmm.devices.virtio.balloon import (
    DEFLATE,
    F_REPORTING,
    F_STATISTICS,
    INFLATE,
    MOST_PAGES,
    PAGE,
    REPORTING,
    STATISTICS,
    Balloon,
)
from vmm.devices.virtio.mmio import Mmio
from vmm.devices.virtio.transport import NEEDS_RESET
from vmm.errors import SnapshotError
from vmm.state import State
from vmm.units import MiB


@pytest.fixture
def balloon(memory):
    return Balloon(memory.contains, memory.discard)


@pytest.fixture
def driver(memory, balloon):
    transport = Mmio(balloon, "balloon", memory, RLock(), lambda job: job())
    driver = Driver(transport, memory)
    driver.start(F_STATISTICS | F_REPORTING)
    yield driver
    transport.close()


def give(driver: Driver, queue: int, *pages: int) -> None:
    driver.memory.write(0x20000, struct.pack(f"<{len(pages)}I", *pages))
    driver.queues[queue].offer((0x20000, 4 * len(pages), False))
    driver.ring(queue)


def test_pages_that_the_driver_gives_are_the_hosts_and_read_as_zeroes(driver, memory):
    for page in (300, 301, 302, 310):
        memory.fill(page * PAGE, PAGE, 0xAA)
    give(driver, INFLATE, 302, 300, 310)
    assert driver.queues[INFLATE].taken_back() == [(0, 0)]
    assert [memory.read_int(page * PAGE, 1) for page in (300, 301, 302, 310)] == [0, 0xAA, 0, 0]


def test_the_host_sets_how_large_it_shall_be_and_the_driver_says_how_large_it_is(driver, balloon):
    balloon.target = 3 * MiB + 5
    assert (driver.config(0), balloon.target) == (768, 3 * MiB)
    assert driver.transport.read(0x60, 4) == 2
    driver.transport.write(0x104, 4, 512)
    assert balloon.actual == 2 * MiB
    give(driver, DEFLATE, 302)
    assert driver.queues[DEFLATE].taken_back() == [(0, 0)]


def test_what_is_reported_free_is_given_back_in_whole_pages(driver, memory, balloon):
    memory.fill(2 * MiB, MiB, 0xAA)
    driver.queues[REPORTING].offer((2 * MiB + 100, 3 * PAGE, True))
    driver.ring(REPORTING)
    assert driver.queues[REPORTING].taken_back() == [(0, 0)]
    assert balloon.reported == 2 * PAGE
    assert [memory.read_int(2 * MiB + offset, 1) for offset in (0, PAGE, 3 * PAGE - 1, 3 * PAGE)] == [0xAA, 0, 0, 0xAA]


def tell(driver: Driver, *statistics: tuple[int, int]) -> None:
    content = b"".join(struct.pack("<HQ", *each) for each in statistics)
    driver.memory.write(0x21000, content)
    driver.queues[STATISTICS].offer((0x21000, len(content), False))
    driver.ring(STATISTICS)


def test_statistics_come_once_at_the_start_and_then_when_they_are_asked_for(driver, balloon):
    heard = []
    balloon.heard = lambda: heard.append(dict(balloon.statistics))
    tell(driver, (4, 1000), (5, 4000), (99, 7))
    assert heard == [{"free": 1000, "total": 4000}]
    assert driver.queues[STATISTICS].taken_back() == []
    balloon.ask()
    assert driver.queues[STATISTICS].taken_back() == [(0, 0)]
    tell(driver, (4, 900))
    assert heard[1:] == [{"free": 900}]
    balloon.settle()
    assert driver.queues[STATISTICS].taken_back() == [(1, 0)]


@pytest.mark.parametrize("pages", [(MiB,), (1023, 1024), (0xFFFF_FFFF,)])
def test_pages_that_are_none_break_the_device_alone(driver, memory, pages):
    memory.fill(1023 * PAGE, PAGE, 0xAA)
    give(driver, INFLATE, *pages)
    assert driver.status & NEEDS_RESET
    driver.start()
    give(driver, INFLATE, 300)
    assert driver.queues[INFLATE].taken_back() == [(0, 0)]


def test_a_request_without_end_or_of_odd_size_breaks_it_too(driver, memory):
    for size in (6, 4 * MOST_PAGES + 4):
        driver.start()
        driver.queues[INFLATE].offer((0x100000, size, False))
        driver.ring(INFLATE)
        assert driver.status & NEEDS_RESET


def test_its_state_is_two_numbers(balloon):
    balloon.target = MiB
    saved = balloon.save()
    other = Balloon(lambda gpa, size: True, lambda gpa, size: None)
    other.load(saved)
    assert other.target == MiB
    with pytest.raises(SnapshotError):
        other.load(State("vmm.virtio-balloon", 1, {"target": 1 << 32, "actual": 0}))
