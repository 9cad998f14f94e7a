"""The page of a run: everything is in it, nothing is outside it, and nothing that a guest says becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from vmm.observe.exits import BUCKETS, ExitCount, FlightEntry
from vmm.observe.hidden_exits import HardwareExit, HiddenExits, Tally
from vmm.observe.html.page import page
from vmm.observe.statistics import ExitStatistics

EXITS = ExitCount(
    vcpu=0, reason="io", direction="out", address=0x3F8, size=1, count=1400, elements=1400, guest_ns=9000,
    handler_ns=90_000, handler_max_ns=5000, histogram=tuple(1400 * (at == 10) for at in range(BUCKETS)),
    over_time=(1000, 0, 400), rips=((0x1000, 1400),), device="com1",
)  # fmt: skip
FLIGHT = FlightEntry(vcpu=0, at_ns=77, reason="io", direction="out", address=0x3F8, size=1, value=0x48, rip=0x1000)
RUN = ExitStatistics([EXITS], wall_ns=200_000, interval_ns=50_000, flight=[FLIGHT], symbols=lambda rip: "<script>putc")
DOCUMENT = {
    "outcome": {"kind": "halted", "words": "the guest <b>halted", "exit_code": 117},
    "budget": [{"rule": "io <= 400", "came": 1400, "wanted": 400}],
    "console": "</pre><script>alert(1)</script>",
}
VOID = ("meta", "input")


class Tags(HTMLParser):
    """Every tag is closed by its own."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_sound() -> None:
    tags = Tags()
    tags.feed(page(RUN, "a <run>", DOCUMENT))
    assert tags.open == []
    assert tags.seen.count("script") == 1
    assert tags.seen.count("table") == 7
    assert "b" not in tags.seen


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = page(RUN, "run", DOCUMENT)
    assert "default-src 'none'" in text
    assert not re.search(r"\b(?:src|href)\s*=|url\(|https?:", text)


def test_what_happened_is_there() -> None:
    text = page(RUN, "run", DOCUMENT)
    for words in ("halted", "exit code 117", "io &lt;= 400", "1,400", "0x3f8", "Hot instructions", "Flight recorder",
                  'class="chart"', "0ns to 50us: com1 1,000", "the highest one has 1,000 exits",
                  "com1: 1,400 exits, 100.0%", "1,400 from 1.0us to 2.0us", "prefers-color-scheme: dark"):  # fmt: skip
        assert words in text, words
    assert 'class="bad"' in text


def test_small_pictures_over_time_have_one_scale() -> None:
    short, long = (EXITS.replace(address=at, over_time=series) for at, series in ((1, (4,)), (2, (0,) * 99 + (4,))))
    text = page(ExitStatistics([short, long], wall_ns=1000, interval_ns=10), "run")
    sizes = re.findall(r'aria-label="over time" width="(\d+)"', text)
    assert len(sizes) == 4
    assert set(sizes) == {"50"}


def test_what_kvm_answered_is_there_where_somebody_looked() -> None:
    cpuid = HardwareExit(
        vcpu=0, reason="cpuid", words="CPUID <1>", count=12, to_user=2, kernel_ns=9000, kernel_max_ns=2000, asleep_ns=0,
        histogram=tuple(12 * (at == 10) for at in range(BUCKETS)), rips=((0x1000, 12, 2),),
    )  # fmt: skip
    told = HiddenExits(
        exits=(cpuid,), cpuid=(Tally(vcpu=0, key=7 << 32 | 1, count=12),), guest_ns={0: 5},
        faults=(Tally(vcpu=0, key=2, count=3),), interrupts=(Tally(vcpu=0, key=0x20, count=4),), lost=5,
    )  # fmt: skip
    text = page(ExitStatistics([EXITS], wall_ns=1000, hidden=told), "run")
    for words in ("By CPU reason", "CPUID &lt;1&gt;", "5 records were lost", "Hidden exits by instruction",
                  "leaf 0x7.0x1", "write, not mapped (0x2)", "vector 0x20", "[kernel]: 10 exits"):  # fmt: skip
        assert words in text, words
    assert "By CPU reason" not in page(RUN, "run")


def test_a_run_without_exits_has_a_page() -> None:
    assert "<table>" not in page(ExitStatistics(), "nothing")
