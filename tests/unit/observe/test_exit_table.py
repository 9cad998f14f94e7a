from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.observe.exit_table import render
from vmm.observe.exits import BUCKETS, REASONS, ExitCount
from vmm.observe.kernel_stats import KernelCounters
from vmm.observe.statistics import ExitStatistics
from vmm.observe.table import width_of


def times(**buckets: int) -> tuple[int, ...]:
    return tuple(buckets.get(f"b{bucket}", 0) for bucket in range(BUCKETS))


def exits(reason: str, count: int, **fields: Any) -> ExitCount:
    plain = {"vcpu": 0, "elements": count, "guest_ns": 0, "handler_ns": 0, "handler_max_ns": 0, "histogram": times()}
    return ExitCount(**{**plain, "reason": reason, "count": count, **fields})


CONSOLE = exits(
    "io", 1300, direction="out", address=0x3F8, size=1, device="com1", guest_ns=10_400_000, handler_ns=4_100_000,
    handler_max_ns=212_345, histogram=times(b11=1200, b12=90, b17=10), rips=((0x10_0032, 1300),),
)  # fmt: skip
APIC = exits(
    "mmio", 31, vcpu=1, direction="write", address=0xFEE0_00B0, size=4, guest_ns=250_000, handler_ns=90_000,
    handler_max_ns=5000, histogram=times(b11=31), rips=((0x10_0200, 31),),
)  # fmt: skip
HALT = exits("hlt", 2, guest_ns=16_000)


def symbols(address: int) -> str:
    return "putc+0x12" if address == 0x10_0032 else ""


def test_a_run_reads_as_a_page_without_empty_rows_or_columns() -> None:
    kernel = KernelCounters(
        vm={}, vcpus={0: {"exits": 1302, "io_exits": 0, "halt_exits": 2, "insn_emulation": 120_034}}, host="PVM"
    )
    run = ExitStatistics([CONSOLE, HALT], wall_ns=18_000_000, kernel=kernel, symbols=symbols)
    assert render(run) == (
        """\
1,302 exits in 18ms
time: guest+kernel 10ms (57.9%), device 4.1ms (22.8%), elsewhere 3.5ms (19.4%)

By reason  count  share  in KVM  total    p50    p90    p99    max
  io       1,300  99.8%    10ms  4.1ms  4.1us  4.1us  8.2us  212us
  hlt          2   0.2%    16us

By location       address  size  count  share  total    p50    p90    p99    max
  com1       out  0x3f8       1  1,300  99.8%  4.1ms  4.1us  4.1us  8.2us  212us

Hot instructions  symbol     count  share  access           device
  0x100032        putc+0x12  1,300  99.8%  io.out.1[0x3f8]  com1

Kernel's counters   ours  kernel's
  exits            1,302     1,302
  io_exits         1,300         0  *
  halt_exits           2         2
  insn_emulation           120,034
  * the kernel's io_exits is 0 on this host: PVM does not count them"""
    )


def test_vcpus_are_added_up_or_shown_one_by_one() -> None:
    run = ExitStatistics([CONSOLE, APIC], wall_ns=18_000_000)
    assert render(run).startswith("1,331 exits on 2 vCPUs in 18ms\nvCPU time: guest+kernel 11ms")
    assert "vCPU 1" not in render(run)
    second = render(run, per_vcpu=True).partition("\n\nvCPU 1")[2]
    assert second == (
        """\
: 31 exits, 250us in KVM

By reason  count  share  in KVM  total    p50    p90    p99    max
  mmio        31   100%   250us   90us  4.1us  4.1us  4.1us  5.0us

By location       address    size count share total   p50   p90   p99   max
  unclaimed write 0xfee000b0    4    31  100%  90us 4.1us 4.1us 4.1us 5.0us

Hot instructions  count  share  access
  0x100200           31   100%  mmio.write.4[0xfee000b0]"""
    )


def test_string_io_and_quiet_answers_have_their_columns() -> None:
    run = ExitStatistics([
        exits("io", 2, direction="in", address=0x1F0, size=2, elements=512, device="disk"),
        exits("io", 9, direction="out", address=0x80, size=1, quiet=9, device="post"),
    ])  # fmt: skip
    assert render(run).partition("\n\n")[2].partition("\n\n")[2] == (
        """\
By location       address  size  count  elements  quiet  share
  post       out  0x80        1      9                9  81.8%
  disk       in   0x1f0       2      2       512         18.2%"""
    )


def test_what_is_not_listed_is_counted() -> None:
    run = ExitStatistics([exits("io", 10 - port, direction="out", address=port, size=1) for port in range(5)])
    assert render(run, rows=3).endswith("0x2         1      8  20.0%\n  and 2 more locations, 13 exits")


def test_exits_beyond_the_counters_room_are_listed_as_others() -> None:
    run = ExitStatistics([exits("io", 3, direction="out", address=0x80, size=1), exits("io", 1, direction="out")])
    assert render(run).splitlines()[-2:] == [
        "  unclaimed  out  0x80        1      3  75.0%",
        "             out  others             1  25.0%",
    ]


def test_no_exits_take_one_line() -> None:
    assert render(ExitStatistics()) == "No exits"
    assert render(ExitStatistics(wall_ns=2_000_000_000)) == "No exits in 2.0s"


def test_bold_headings_are_the_only_codes_and_come_only_when_asked() -> None:
    run = ExitStatistics([CONSOLE], symbols=lambda address: "\x1b[31mred")
    assert "\x1b" not in render(run)
    assert render(run, bold=True).replace("\x1b[1m", "").replace("\x1b[0m", "") == render(run)


NUMBERS = st.integers(min_value=0, max_value=2**63)
COUNTS = st.builds(
    ExitCount,
    vcpu=st.integers(min_value=0, max_value=300),
    reason=st.sampled_from(REASONS) | st.text(max_size=40),
    direction=st.sampled_from(["", "in", "out", "read", "write"]) | st.text(max_size=40),
    address=st.none() | st.integers(min_value=0, max_value=2**64 - 1),
    size=st.integers(min_value=0, max_value=8),
    count=NUMBERS,
    elements=NUMBERS,
    quiet=NUMBERS,
    guest_ns=NUMBERS,
    handler_ns=NUMBERS,
    handler_max_ns=NUMBERS,
    histogram=st.lists(NUMBERS, max_size=BUCKETS).map(tuple),
    rips=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=2).map(tuple),
    device=st.text(max_size=100),
)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(COUNTS, max_size=4),
    name=st.text(max_size=120),
    width=st.just(80) | st.integers(min_value=20, max_value=120),
    per_vcpu=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(counts: list[ExitCount], name: str, width: int, per_vcpu: bool) -> None:
    kernel = KernelCounters(vm={}, vcpus={entry.vcpu: {"exits": 2**64, "io_exits": 0} for entry in counts})
    run = ExitStatistics(counts, wall_ns=2**63, symbols=lambda address: name, kernel=kernel)
    for line in render(run, width, per_vcpu=per_vcpu).splitlines():
        assert width_of(line) <= width
        assert line == line.rstrip()
