from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.errors import ConfigError
from vmm.observe.exits import BUCKETS, ExitCount, FlightEntry
from vmm.observe.kernel_stats import KernelCounters
from vmm.observe.msr_accesses import MsrAccess
from vmm.observe.statistics import ExitStatistics
from vmm.observe.vcpu_time import EXACT, VcpuTime


def times(**buckets: int) -> tuple[int, ...]:
    return tuple(buckets.get(f"b{bucket}", 0) for bucket in range(BUCKETS))


def exits(reason: str, count: int, **fields: Any) -> ExitCount:
    plain = {"vcpu": 0, "elements": count, "guest_ns": 0, "handler_ns": 0, "handler_max_ns": 0, "histogram": times()}
    return ExitCount(**{**plain, "reason": reason, "count": count, **fields})


CONSOLE = exits(
    "io", 90, direction="out", address=0x3F8, size=1, device="com1", guest_ns=900, handler_ns=200_000,
    dispatch_ns=60_000, handler_max_ns=5000, histogram=times(b10=89, b12=1), over_time=(70, 0, 20),
    rips=((0x1000, 80), (0x1004, 10)),
)  # fmt: skip
SAME_ON_VCPU_1 = CONSOLE.replace(
    vcpu=1, count=10, elements=10, rips=((0x1004, 10),), histogram=times(b10=10), over_time=(10,)
)
STATUS = exits("io", 5, direction="in", address=0x3FD, size=1, device="com1", rips=((0x1000, 5),))
STRING = exits("io", 2, direction="in", address=0x1F0, size=2, elements=512, device="disk")
APIC = exits("mmio", 3, direction="write", address=0xFEE0_00B0, size=4)
HALT = exits("hlt", 1)
FLIGHT = FlightEntry(vcpu=1, at_ns=77, reason="io", direction="out", address=0x3F8, size=1, value=0x48, rip=0x1004)


@pytest.fixture
def run() -> ExitStatistics:
    return ExitStatistics(
        [CONSOLE, SAME_ON_VCPU_1, STATUS, STRING, APIC, HALT],
        wall_ns=10_000,
        interval_ns=3_000,
        times=[VcpuTime(run_ns=900, guest_ns=500, device_ns=140, source=EXACT), VcpuTime(vcpu=1, run_ns=900, why="no")],
        msrs=[MsrAccess(vcpu=0, msr=0x10, name="IA32_TIME_STAMP_COUNTER", direction="read", count=2, value=2**63)],
        kernel=KernelCounters(vm={"pages_4k": 4}, vcpus={0: {"exits": 200}, 1: {"exits": 10, "hist": [1, 2]}}),
        flight=[FLIGHT],
        symbols=lambda address: {0x1000: "putc", 0x1004: "putc+0x4"}.get(address, ""),
    )


@pytest.mark.parametrize(
    ("location", "count"),
    [
        ("io", 107),
        ("io.out", 100),
        ("io[0x3f8]", 100),
        ("io.out.1[0x3f8]", 100),
        ("io.out.2[0x3f8]", 0),
        ("io[0x3f8-0x3ff]", 105),
        ("mmio.write[0xfee00000-0xfee00fff]", 3),
        ("hlt", 1),
        ("shutdown", 0),
    ],
)
def test_a_location_finds_its_exits(run: ExitStatistics, location: str, count: int) -> None:
    assert run[location].count == count
    assert bool(run[location]) is (count > 0)


def test_exits_are_counted_by_what_is_asked(run: ExitStatistics) -> None:
    assert run.total == 111
    assert run.count() == 111
    assert run.count("io", address=0x3F8, direction="out") == 100
    assert run.count("io", address=range(0x3F8, 0x400), vcpu=0) == 95
    assert run.count(device="com1") == 105
    assert run.count(direction="in") == 7
    assert run.select("io", size=2).elements == 512


def test_a_misspelt_question_is_refused_instead_of_counting_0(run: ExitStatistics) -> None:
    with pytest.raises(ConfigError, match="'mmoi' is no exit reason, did you mean mmio"):
        run.count("mmoi")
    with pytest.raises(ConfigError, match="io has in and out"):
        run.count("io", direction="read")


def test_a_sum_carries_times_and_percentiles(run: ExitStatistics) -> None:
    view = run["io.out[0x3f8]"]
    assert (view.total, view.guest, view.max) == (400_000, 1800, 5000)
    assert view.p50 == 2048
    assert view.p99 == 2048
    assert run.select("io", direction="out", vcpu=0).p99 == 5000, "a percentile is never above the maximum"
    assert view.share == pytest.approx(100 / 111)
    assert view.rips == ((0x1000, 80), (0x1004, 20))
    assert (view.device, view.location) == ("com1", "io.out.1[0x3f8]")


def test_groups_come_with_most_exits_first_and_vcpus_added_up(run: ExitStatistics) -> None:
    assert {name: view.count for name, view in run.by_reason().items()} == {"io": 107, "mmio": 3, "hlt": 1}
    assert list(run.by_location()) == [
        "io.out.1[0x3f8]",
        "io.in.1[0x3fd]",
        "mmio.write.4[0xfee000b0]",
        "io.in.2[0x1f0]",
        "hlt",
    ]
    assert {name: view.count for name, view in run.by_device().items()} == {"com1": 105, "disk": 2}
    assert [(hot.symbol, hot.count, hot.location) for hot in run.by_rip()] == [
        ("putc", 85, "io.out.1[0x3f8]"),
        ("putc+0x4", 20, "io.out.1[0x3f8]"),
    ]


def test_one_vcpu_stands_alone(run: ExitStatistics) -> None:
    second = run.of_vcpu(1)
    assert run.vcpus == (0, 1)
    assert second.total == 10
    assert second.kernel == KernelCounters(vm={}, vcpus={1: {"exits": 10, "hist": [1, 2]}})
    assert second.flight == (FLIGHT,)
    assert (second["io"].over_time, second.interval_ns) == ((10,), 3_000)
    assert run["io.out"].over_time == (80, 0, 20)
    assert run.of_vcpu(0).flight == ()


def test_no_exits_are_false_and_count_0() -> None:
    nothing = ExitStatistics()
    assert not nothing
    assert nothing["io"].count == nothing["io"].p99 == 0
    assert nothing.by_reason() == {}


def test_the_json_says_what_the_page_promises(run: ExitStatistics) -> None:
    document = json.loads(json.dumps(run.as_json()))
    assert {name: document[name] for name in ("schema", "version", "wall_ns", "guest_ns", "handler_ns", "total")} == {
        "schema": "vmm.exits",
        "version": 1,
        "wall_ns": 10_000,
        "guest_ns": 1800,
        "handler_ns": 400_000,
        "total": 111,
    }
    assert document["exits"][0] == {
        "vcpu": 0,
        "reason": "io",
        "direction": "out",
        "address": "0x3f8",
        "size": 1,
        "location": "io.out.1[0x3f8]",
        "device": "com1",
        "count": 90,
        "elements": 90,
        "quiet": 0,
        "guest_ns": 900,
        "handler_ns": 200_000,
        "dispatch_ns": 60_000,
        "handler_max_ns": 5000,
        "p50_ns": 2048,
        "p90_ns": 2048,
        "p99_ns": 5000,
        "histogram": [0] * 10 + [89, 0, 1],
        "over_time": [70, 0, 20],
        "rips": [
            {"rip": "0x1000", "symbol": "putc", "count": 80},
            {"rip": "0x1004", "symbol": "putc+0x4", "count": 10},
        ],
    }
    assert document["kernel"] == {
        "host": "",
        "vm": {"pages_4k": 4},
        "vcpus": {"0": {"exits": 200}, "1": {"exits": 10, "hist": [1, 2]}},
    }
    assert document["flight"] == [
        {
            "vcpu": 1,
            "at_ns": 77,
            "reason": "io",
            "direction": "out",
            "address": "0x3f8",
            "size": 1,
            "location": "io.out.1[0x3f8]",
            "value": "0x48",
            "rip": "0x1004",
            "symbol": "putc+0x4",
            "device": "",
        }
    ]


def test_every_field_of_the_json_is_on_its_page(run: ExitStatistics, pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "exits-json.md").read_text()
    document = run.as_json()
    for part in (
        document,
        document["exits"][0],
        document["times"][0],
        document["msrs"][0],
        document["kernel"],
        document["flight"][0],
    ):
        for name in part:
            assert f"`{name}`" in page, f"docs/exits-json.md does not describe {name}"


def test_statistics_come_back_from_their_json(run: ExitStatistics) -> None:
    document = run.as_json()
    again = ExitStatistics.from_json(json.loads(json.dumps(document)))
    assert again.exits == run.exits
    assert again.as_json() == document


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "vmm.crash"}, "expected vmm.exits version 1, found vmm.crash version 1"),
        ({"version": 2}, "expected vmm.exits version 1, found vmm.exits version 2"),
        ({"exits": [{"vcpu": 0}]}, "a field is missing or not of its kind: 'reason'"),
        ({"wall_ns": "long"}, "not of its kind"),
        ({"kernel": []}, "not of its kind"),
        ({"flight": None}, "not of its kind"),
    ],
)
def test_a_foreign_document_is_refused(run: ExitStatistics, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ExitStatistics.from_json({**run.as_json(), **change})


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)))
def test_a_broken_field_is_refused_in_words(junk: Any) -> None:
    document = ExitStatistics([CONSOLE], flight=[FLIGHT]).as_json()
    for part in (document, document["exits"][0], document["flight"][0]):
        for name in list(part):
            kept, part[name] = part[name], junk
            with suppress(ConfigError):
                ExitStatistics.from_json(document)
            part[name] = kept
