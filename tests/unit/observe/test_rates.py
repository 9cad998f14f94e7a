"""Rates between two looks: what happened in the interval and nothing that happened before."""

from __future__ import annotations

import pytest

from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.rates import as_json, rates
from vmm.observe.statistics import ExitStatistics
from vmm.observe.top_screen import details, heading, rows
from vmm.units import SECOND


def histogram(**buckets: int) -> tuple[int, ...]:
    return tuple(buckets.get(f"b{at}", 0) for at in range(BUCKETS))


def count(address, count, rips=(), device="com1", handler_ns=0, **buckets):
    return ExitCount(
        vcpu=0, reason="io", direction="out", address=address, size=1, count=count, elements=count, guest_ns=0,
        handler_ns=handler_ns, handler_max_ns=1 << 20, histogram=histogram(**buckets), rips=rips, device=device,
    )  # fmt: skip


BEFORE = ExitStatistics([count(0x3F8, 100, ((0x10, 100),), handler_ns=1000, b3=100)], wall_ns=SECOND)
AFTER = ExitStatistics(
    [
        count(0x3F8, 300, ((0x10, 150), (0x20, 150)), handler_ns=SECOND, b3=100, b10=200),
        count(0x80, 50, ((0x30, 50),), device="post", b5=50),
        count(0x3F9, 2, b1=2),
    ],
    wall_ns=3 * SECOND,
    symbols=lambda address: {0x20: "print"}.get(address, ""),
)


def test_a_rate_counts_the_interval_alone():
    first, second, third = rates(BEFORE, AFTER)
    assert (first.name, first.device, first.count, first.per_second) == ("io.out.1[0x3f8]", "com1", 200, 100.0)
    assert first.total == 300
    assert first.busy == pytest.approx((SECOND - 1000) / (2 * SECOND))
    assert first.p50 == first.p99 == 2048, "the hundred fast ones lie before the interval"
    assert (second.name, second.per_second) == ("io.out.1[0x80]", 25.0)
    assert third.count == 2


def test_hot_instructions_are_those_of_the_interval():
    assert rates(BEFORE, AFTER)[0].hot == ((0x20, "print", 75.0), (0x10, "", 25.0))


def test_devices_add_up_their_locations():
    assert [(rate.name, rate.count) for rate in rates(BEFORE, AFTER, "device")] == [("com1", 202), ("post", 50)]


@pytest.mark.parametrize(
    ("sort", "order"), [("rate", "3f8 80 3f9"), ("time", "3f8 3f9 80"), ("p99", "3f8 80 3f9"), ("name", "3f8 3f9 80")]
)
def test_the_order_is_the_one_asked_for(sort, order):
    names = [rate.name for rate in rates(BEFORE, AFTER, sort=sort)]
    assert names == [f"io.out.1[0x{address}]" for address in order.split()]


def test_what_stands_still_has_no_rates():
    assert rates(AFTER, AFTER) == []
    later = ExitStatistics(AFTER.exits, wall_ns=4 * SECOND)
    assert rates(AFTER, later) == []
    assert rows([], "location", 80) == ["No exits in this interval"]


def test_the_document_has_both_groupings():
    document = as_json(BEFORE, AFTER)
    assert (document["interval_ns"], document["exits"], document["per_second"]) == (2 * SECOND, 252, 126.0)
    assert document["by_device"][0]["name"] == "com1"
    assert document["by_location"][0]["hot"][0] == {"rip": "0x20", "symbol": "print", "per_second": 75.0}


def test_the_screen_marks_one_row_and_opens_it():
    info = {"name": "boot.bin", "pid": 7, "vcpus": 2}
    assert heading(info, BEFORE, AFTER, 80).startswith("boot.bin (7), 2 vCPUs, up 3.0s: 126 exits/s")
    found = rates(BEFORE, AFTER)
    lines = rows(found, "location", 80, 1)
    assert [line[0] for line in lines[1:]] == [" ", ">", " "]
    assert max(map(len, lines)) <= 80
    assert any("0x20" in line and "print" in line and "75" in line for line in details(found[0], 80))
