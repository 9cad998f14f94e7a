"""Budgets: what is written, what is measured, and the words for what is written wrong."""

from __future__ import annotations

import pytest

from vmm import BudgetError, ConfigError
from vmm.observe.budget import check_devices, parse_budget
from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.statistics import ExitStatistics


def times(**buckets: int) -> tuple[int, ...]:
    return tuple(buckets.get(f"b{bucket}", 0) for bucket in range(BUCKETS))


@pytest.fixture
def run() -> ExitStatistics:
    plain = {"vcpu": 0, "guest_ns": 7000, "handler_ns": 0, "handler_max_ns": 0, "histogram": times()}
    out = ExitCount(
        **{**plain, "handler_ns": 200_000, "handler_max_ns": 30_000, "histogram": times(b10=390, b14=10)},
        reason="io", direction="out", address=0x3F8, size=1, count=400, elements=410, quiet=390, device="com1",
    )  # fmt: skip
    poll = ExitCount(**plain, reason="io", direction="in", address=0x3FD, size=1, count=9, elements=9, device="com1")
    halt = ExitCount(**plain, reason="hlt", count=1, elements=1)
    return ExitStatistics([out, poll, halt])


@pytest.mark.parametrize(
    ("rule", "came"),
    [
        ("io[0x3f8] < 0", 400),
        ("io.out[0x3f8] < 0", 400),
        ("io.out.1[0x3f8-0x3ff].elements < 0", 410),
        ("io.in == 0x1", 9),
        ("io.in.1.count == 0", 9),
        ("io.total < 0", 409),
        ("exits.total <= 1_0", 410),
        ("exits > 410", 410),
        ("mmio.total != 0", 0),
        ('device("com1").count < 9', 409),
        ("device('com1').quiet < 9", 390),
        ('reason("hlt") != 1', 1),
        ('p50("com1") < 2us', 2_048),
        ('p90("com1") > 2.048us', 2_048),
        ('p99("com1") < 20us', 30_000),
        ('max("io.out") < 1ns', 30_000),
        ('time("exits") == 0s', 200_000),
        ("io.guest < 1us", 14_000),
    ],
)
def test_a_broken_rule_says_what_came(run: ExitStatistics, rule: str, came: int) -> None:
    (row,) = run.broken([rule])
    assert (row.rule.text, row.came) == (rule, came)
    assert run.broken(rule) == [row]


@pytest.mark.parametrize(
    "rule",
    ["io[0x3f8] <= 400", "io.out[0x3f8] == 400", "exits.total<=1000", 'p99("com1") <= 30us', "mmio < 1", "hlt==1"],
)
def test_a_rule_that_holds_gives_no_row(run: ExitStatistics, rule: str) -> None:
    assert run.broken(rule) == []
    run.check([rule])


def test_check_raises_with_the_rows_and_a_failed_test_is_what_it_is(run: ExitStatistics) -> None:
    with pytest.raises(BudgetError) as caught:
        run.check(["io <= 400", "hlt == 1", 'p99("com1") < 20us'])
    assert [row.came for row in caught.value.rows] == [409, 30_000]
    assert str(caught.value) == ('io <= 400: came 409, wanted <= 400; p99("com1") < 20us: came 30us, wanted < 20us')
    assert isinstance(caught.value, AssertionError)


def test_comments_and_blank_lines_are_none(run: ExitStatistics) -> None:
    rules = parse_budget("# the console\n\nio < 500 # letters\n  hlt == 1\n")
    assert [(rule.text, rule.line) for rule in rules] == [("io < 500", 3), ("hlt == 1", 4)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("io[0x3f8] =< 400", "column 11: expected one of <= >= == != < >, found '=<'"),
        ("io[0x3f8]", "column 10: expected one of <= >= == != < >, found the end"),
        ("io <= many", "column 6: expected a number, found 'many'"),
        ("io <=", "column 6: a number is missing"),
        ("io <= 4 exits", "column 7: count is a count"),
        ("io <= 4 5", "column 9: nothing was expected after the number, found '5'"),
        ("mmoi <= 4", "column 1: 'mmoi' is no exit reason, did you mean mmio?"),
        ("io.cuont <= 4", "column 4: no 'cuont' of io, did you mean count?"),
        ("com1 <= 4", 'write device("com1") if it is a device'),
        ('devise("com1") <= 4', "column 1: no devise(...), did you mean device?"),
        ('device("com1").quite < 4', "no measure 'quite', did you mean quiet?"),
        ("device(com1) < 4", "column 7: this bracket is not closed; names stand in quotes"),
        ('p99("com1") < 20', "p99 is a time: write 20 with ns, us, ms or s"),
        ("io <= 20us", "count is a count, and 20us is none"),
        ("io[0x3f8 <= 4", "bracket"),
        ("<= 4", "column 1: expected a location such as io[0x3f8]"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(rule: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_budget(f"\n{rule}", "boot.budget")
    assert str(caught.value).startswith(f"boot.budget, line 2: {rule!r}: ")
    assert words in str(caught.value)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_budget("io << 4\nhlt == 1\nmmio <= x")
    assert [where for where, _ in caught.value.breaches] == ["budget, line 1", "budget, line 3"]


def test_a_device_that_the_machine_lacks_is_refused() -> None:
    rules = parse_budget('device("com1") < 9\np99("con1") < 9us')
    with pytest.raises(ConfigError, match=r"line 2: .*no device 'con1', did you mean com1"):
        check_devices(rules, ["com1", "pit"])
