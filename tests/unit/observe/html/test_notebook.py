"""Exits in a notebook: IPython's own formatters show a table and a histogram; a terminal has the table of --stats."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from vmm.observe.exits import BUCKETS, ExitCount
from vmm.observe.statistics import ExitStatistics

formatters = pytest.importorskip("IPython.core.formatters", reason="IPython is not installed: pip install ipython")


def exits(address: int, count: int, device: str) -> ExitCount:
    return ExitCount(
        vcpu=0, reason="io", direction="out", address=address, size=1, count=count, elements=count, quiet=3,
        guest_ns=9000, handler_ns=90_000, handler_max_ns=5000, device=device, over_time=(count - 1, 0, 1),
        histogram=tuple(count * (bucket == 10) for bucket in range(BUCKETS)),
    )  # fmt: skip


RUN = ExitStatistics(
    [exits(0x3F8, 1400, "com<1>"), *(exits(0x100 + port, 2, "") for port in range(30))],
    wall_ns=200_000,
    interval_ns=70_000,
)


class Words(HTMLParser):
    """What a reader sees, and every tag closed by its own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""
        self.seen: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += "" if self.open[-1] == "style" else data


def shown(thing: object) -> dict[str, str]:
    """By MIME type, as a notebook's kernel asks for it."""
    data, _ = formatters.DisplayFormatter().format(thing)
    return data  # type: ignore[no-any-return]


def test_the_exits_of_a_machine_are_a_table() -> None:
    found = Words(shown(RUN)["text/html"])
    assert "1,460 exits at 31 locations in 200us" in found.words
    assert "com<1>" in found.words
    assert found.seen.count("tr") == 21
    assert "and 11 more" in found.words
    assert "svg" in found.seen


def test_one_row_is_its_histogram() -> None:
    found = Words(shown(RUN["io.out[0x3f8]"])["text/html"])
    assert "com<1> io.out.1[0x3f8]: 1,400 exits" in found.words
    assert "p99 2.0us" in found.words
    assert "1,400 from 1.0us to 2.0us" in found.words
    assert "0 exits" in Words(shown(RUN["hlt"])["text/html"]).words


def test_a_terminal_has_the_table_of_stats() -> None:
    text = shown(RUN)["text/plain"]
    assert "By location" in text
    assert repr(RUN) == "<1,460 exits at 31 locations>"
