"""The page of a run in a real browser: what a reader does with it, by mouse, by keyboard, in the dark, on a phone."""

from __future__ import annotations

import pytest

from vmm.observe.exits import BUCKETS, ExitCount, FlightEntry
from vmm.observe.html.page import page
from vmm.observe.statistics import ExitStatistics

ENTER, TAB, ESCAPE = "\ue007", "\ue004", "\ue00c"
CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""


def _exit(device: str, at: int, count: int, vcpu: int = 0, **more: object) -> ExitCount:
    fields = {
        "vcpu": vcpu, "reason": "io", "direction": "out", "address": at, "size": 1, "count": count, "elements": count,
        "guest_ns": 900 * count, "handler_ns": 2000 * count, "handler_max_ns": 70_000, "device": device,
        "histogram": tuple((count - 2) * (bucket == 10) + (bucket in (7, 16)) for bucket in range(BUCKETS)),
        "over_time": (count // 4, 0, 0, count - count // 4), "rips": ((0x10_0000 + at, count),),
    }  # fmt: skip
    return ExitCount(**{**fields, **more})  # type: ignore[arg-type]


RUN = ExitStatistics(
    [
        _exit("com1", 0x3F8, 1400, quiet=1300),
        _exit("com1", 0x3FD, 90, direction="in", vcpu=1),
        _exit("pit", 0x40, 35),
        _exit("", 0xED80, 200),
        _exit("", 0, 12, reason="hlt", direction="", address=None, size=0),
    ],
    wall_ns=50_000_000,
    interval_ns=12_500_000,
    flight=[
        FlightEntry(
            vcpu=0, at_ns=1000 * at, reason="io", direction="out", address=0x3F8, size=1, value=at, device="com1"
        )
        for at in range(64)
    ],
    symbols=lambda rip: f"put_byte+{rip & 0xFF:#x}",
)
DOCUMENT = {
    "outcome": {"kind": "halted", "words": "the guest halted with interrupts off, for good", "exit_code": 117},
    "budget": [{"rule": "io[0x3f8] <= 400", "came": 1400, "wanted": 400}],
    "console": "hello\n" * 40,
}
HTML = page(RUN, "Exits of a guest", DOCUMENT)


def test_it_says_nothing_and_asks_for_nothing(pages):
    shown = pages(HTML)
    assert shown.run("return document.title") == "Exits of a guest"
    assert shown.complaints() == []
    assert shown.requests() == [shown.path.as_uri()]


def test_a_press_of_a_heading_sorts_and_another_turns_it_round(pages):
    shown = pages(HTML)
    before = shown.column("By location", "count")
    assert before == ["1,400", "200", "90", "35", "12"]
    shown.heading("By location", "address").click()
    assert shown.column("By location", "address") == ["0xed80", "0x3fd", "0x3f8", "0x40", ""]
    shown.heading("By location", "address").click()
    assert shown.column("By location", "address") == ["", "0x40", "0x3f8", "0x3fd", "0xed80"]
    shown.heading("By location", "device").click()
    assert shown.column("By location", "device") == ["", "com1", "com1", "pit", "unclaimed"]
    assert shown.column("By device", "count") == ["1,490", "35"], "other tables stay as they are"


def test_all_of_it_goes_by_keyboard(pages, browser):
    shown = pages(HTML)
    browser.find_element("tag name", "body").send_keys("/")
    filter_ = browser.switch_to.active_element
    assert filter_.get_attribute("id") == "filter"
    filter_.send_keys("com1 in")
    assert shown.column("By location", "address") == ["0x3fd"]
    filter_.send_keys(ESCAPE)
    assert len(shown.column("By location", "address")) == 5
    browser.find_element("tag name", "body").send_keys("/")
    reached = set()
    for _ in range(24):  # summary, its headings, the next summary, ...
        browser.switch_to.active_element.send_keys(TAB)
        focused = browser.switch_to.active_element
        reached.add((focused.tag_name, focused.text))
        if (focused.tag_name, focused.text) == ("button", "count"):
            break
    assert ("summary", "Exits over time") in reached
    assert shown.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is seen"
    focused.send_keys(ENTER)
    assert focused.find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    section = browser.find_element("xpath", "//summary[h2='Flight recorder']")
    section.send_keys(ENTER)
    assert not shown.run("return arguments[0].parentElement.open", section)


def test_the_filter_takes_rows_away_and_pales_the_flame_graph(pages, browser):
    shown = pages(HTML)
    browser.find_element("id", "filter").send_keys("PIT")
    assert shown.column("By location", "device") == ["pit"]
    assert browser.find_element("id", "found").text == "4 rows"
    pale, bright = (
        shown.run(f"return document.querySelectorAll('.flame g{kind}').length") for kind in (".dim", ":not(.dim)")
    )
    assert bright == 1
    assert pale > 5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_can_be_read(pages, dark):
    shown = pages(HTML, dark=dark)
    back = shown.run("return getComputedStyle(document.body).backgroundColor")
    assert back == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")
    poor = shown.run(
        """const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (element) => {
          const colour = getComputedStyle(element).backgroundColor;
          return colour.endsWith(", 0)") ? behind(element.parentElement) : colour;
        };
        const poor = [];
        for (const element of document.querySelectorAll("main *:not(svg, svg *)")) {
          if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
          const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
          if ((a + 0.05) / (b + 0.05) < arguments[0]) poor.push(element.textContent.slice(0, 40));
        }
        return poor;""",
        CONTRAST,
    )
    assert poor == []


def test_a_phone_scrolls_its_tables_and_not_the_page(pages):
    shown = pages(HTML, screen="phone")
    assert shown.run("return document.documentElement.scrollWidth") == 390
    assert shown.run("const box = document.querySelector('table').closest('.wide'); return box.clientWidth <= 390"), (
        "a wide table has a box of its own"
    )
    assert shown.run("return document.querySelector('.over-time').getBoundingClientRect().width") > 300


def test_without_scripts_every_row_is_there(pages, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        pages(HTML)
        text = browser.find_element("tag name", "main").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "0xed80" in text
    assert "Filter rows" not in text
