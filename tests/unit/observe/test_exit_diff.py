"""Two runs compared: counts to the last exit, times only beyond their noise."""

from __future__ import annotations

import pytest

from vmm.observe.exit_diff import diff
from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.statistics import ExitStatistics


def at(address: int, buckets: dict[int, int], **fields: object) -> ExitCount:
    """Exits whose times fell into the given buckets."""
    count = sum(buckets.values())
    histogram = tuple(buckets.get(bucket, 0) for bucket in range(BUCKETS))
    plain = {"vcpu": 0, "reason": "io", "direction": "out", "size": 1, "device": "com1", "guest_ns": 0,
             "elements": count, "handler_ns": 1, "handler_max_ns": 2 << max(buckets)}  # fmt: skip
    return ExitCount(**{**plain, "address": address, "count": count, "histogram": histogram, **fields})


def run(*exits: ExitCount) -> ExitStatistics:
    return ExitStatistics(exits, wall_ns=1_000_000)


STEADY = at(0x3F8, {9: 10, 10: 80, 12: 10})


def test_a_run_is_as_itself() -> None:
    found = diff(run(STEADY), run(STEADY))
    assert not found
    assert found.render() == (
        "Exits 100 -> 100 (+0), wall 1.0ms -> 1.0ms\nNo difference at 1 location; times are within their noise"
    )


def test_locations_come_and_go() -> None:
    found = diff(run(STEADY, at(0x80, {5: 1})), run(STEADY, at(0x61, {5: 3})))
    assert [(change.location, change.kinds, change.before, change.after) for change in found.changes] == [
        ("io.out.1[0x61]", ("new",), 0, 3),
        ("io.out.1[0x80]", ("vanished",), 1, 0),
    ]
    text = found.render()
    assert "new" in text
    assert "vanished" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("threshold", "differs"), [(0.0, True), (0.009, True), (0.01, False), (0.5, False)])
def test_one_exit_more_counts_unless_a_threshold_says_otherwise(threshold: float, differs: bool) -> None:
    found = diff(run(STEADY), run(at(0x3F8, {9: 10, 10: 80, 12: 9})), threshold)
    assert bool(found) is differs
    if differs:
        assert found.changes[0].kinds == ("count",)
        assert "-1 (-1.0%)" in found.render()


@pytest.mark.parametrize(
    ("buckets", "differs"),
    [
        ({10: 100}, False),
        ({11: 100}, False),  # one bucket: 1.02 and 1.03 us may fall on two sides of an edge
        ({12: 100}, True),
        ({8: 100}, True),
        ({10: 30, 14: 70}, False),  # its spread reaches down to where the other lies
        ({10: 90, 20: 10}, False),  # outliers
    ],
)
def test_times_differ_beyond_their_spread_only(buckets: dict[int, int], differs: bool) -> None:
    found = diff(run(STEADY), run(at(0x3F8, buckets)))
    assert bool(found) is differs
    if differs:
        assert found.changes[0].kinds == ("time",)
        assert ("slower" if 12 in buckets else "faster") in found.render()


def test_few_exits_say_nothing_of_time() -> None:
    assert not diff(run(at(0x3F8, {10: 15})), run(at(0x3F8, {20: 15})))
    assert diff(run(at(0x3F8, {10: 16})), run(at(0x3F8, {20: 16})))


def test_vcpus_are_summed() -> None:
    halves = [at(0x3F8, {10: 50}, vcpu=vcpu) for vcpu in (0, 1)]
    assert not diff(run(at(0x3F8, {10: 100})), run(*halves))


def test_json_has_the_same() -> None:
    document = diff(run(STEADY), run()).as_json()
    assert (document["same"], document["total"]) == (False, [100, 0])
    assert document["changes"] == [
        {
            "location": "io.out.1[0x3f8]",
            "device": "com1",
            "kinds": ["vanished"],
            "count": [100, 0],
            "range": [100, 100],
            "p50_ns": [2048, 0],
        }
    ]


def test_every_field_of_the_json_is_on_its_page(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "exits-json.md").read_text().partition("# A difference as JSON")[2]
    document = diff(run(STEADY), run()).as_json()
    for name in (*document, *document["changes"][0]):
        assert f"`{name}`" in page, f"docs/exits-json.md does not describe {name}"


TICKS = [run(at(0x20, {10: count}), STEADY) for count in (36, 34, 37)]


@pytest.mark.parametrize(("count", "differs"), [(37, False), (31, False), (30, True), (40, False), (41, True)])
def test_several_runs_before_show_how_a_count_varies_by_itself(count: int, differs: bool) -> None:
    found = diff(TICKS, run(at(0x20, {10: count}), STEADY))
    assert bool(found) is differs
    if differs:
        assert [(change.least, change.before, change.most) for change in found.changes] == [(34, 36, 37)]
        assert "34-37" in found.render()
        assert "3 runs before" in found.render()


def test_what_only_some_of_the_runs_before_met_is_not_new() -> None:
    assert not diff([run(STEADY), run(STEADY, at(0x20, {10: 1}))], run(STEADY, at(0x20, {10: 2})))
    assert [change.kinds for change in diff([run(STEADY)] * 3, run(STEADY, at(0x20, {10: 2}))).changes] == [("new",)]
    assert [change.kinds for change in diff(TICKS, run(STEADY)).changes] == [("vanished",)]


def test_a_time_must_be_apart_from_every_run_before() -> None:
    slow, slower = at(0x3F8, {12: 100}), at(0x3F8, {16: 100})
    assert not diff([run(STEADY), run(slow)], run(slow))
    assert diff([run(STEADY), run(slow)], run(slower))
