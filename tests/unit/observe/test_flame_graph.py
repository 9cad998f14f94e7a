from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.observe.flame_graph import MARGIN, WIDTH, flame_graph
from vmm.observe.stacks import collapsed, speedscope

SVG = "{http://www.w3.org/2000/svg}"
STACKS = {
    ("com1", "put<T>", "io.out.1[0x3f8]"): 60,
    ("com1", "main", "io.out.1[0x3f8]"): 20,
    ("rtc", "main", "io.in.1[0x71]"): 20,
}


def boxes(picture: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for group in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert rect is not None
        found.setdefault(str(title.text), []).append(dict(rect.attrib))
    return found


def test_widths_are_in_proportion_to_exits() -> None:
    found = boxes(flame_graph(STACKS))
    whole = float(found["all exits: 100 exits, 100.0%"][0]["width"])
    assert whole == WIDTH - 2 * MARGIN
    for title, part in (
        ("com1: 80 exits, 80.0%", 0.8),
        ("put<T>: 60 exits, 60.0%", 0.6),
        ("rtc: 20 exits, 20.0%", 0.2),
    ):
        assert float(found[title][0]["width"]) == pytest.approx(whole * part, abs=0.01)
    assert len(found["main: 20 exits, 20.0%"]) == 2, "a name below two others is two boxes"


def test_a_box_stands_on_its_caller_and_has_its_devices_colour() -> None:
    found = boxes(flame_graph(STACKS))
    com1, put, rtc = (found[title][0] for title in ("com1: 80 exits, 80.0%", "put<T>: 60 exits, 60.0%",
                                                    "rtc: 20 exits, 20.0%"))  # fmt: skip
    assert int(put["y"]) < int(com1["y"])
    assert float(com1["x"]) <= float(put["x"])
    assert float(put["x"]) + float(put["width"]) <= float(com1["x"]) + float(com1["width"]) + 0.01
    assert put["fill"] == com1["fill"] != rtc["fill"]


def test_the_picture_needs_nothing_else() -> None:
    picture = flame_graph(STACKS, 'of <"a & b">')
    assert "<script" not in picture
    assert picture.count("http") == 1, "the namespace"
    assert "of &lt;&quot;a &amp; b&quot;&gt;" in picture


def test_no_exits_are_a_picture_too() -> None:
    assert boxes(flame_graph({})) == {}


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.lists(st.text(max_size=5), max_size=4).map(tuple), st.integers(1, 1000), max_size=8))
def test_whatever_the_names_it_is_well_formed(stacks: dict[tuple[str, ...], int]) -> None:
    ElementTree.fromstring(flame_graph(stacks, "\x00\ufffe\ud800"))


def test_collapsed_lines_are_a_stack_and_a_number() -> None:
    assert collapsed({("a;b", "c d"): 3, ("a",): 1}) == "a 1\na:b;c d 3\n"


def test_speedscope_has_a_weight_for_every_stack() -> None:
    document = speedscope(STACKS, "guest")
    profile, names = document["profiles"][0], [frame["name"] for frame in document["shared"]["frames"]]
    assert profile["endValue"] == sum(profile["weights"]) == 100
    read = {tuple(names[at] for at in stack): weight
            for stack, weight in zip(profile["samples"], profile["weights"], strict=True)}  # fmt: skip
    assert read == STACKS
