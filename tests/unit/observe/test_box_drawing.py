"""Line drawing: the characters mean what Unicode calls them, and meet their neighbours."""

from __future__ import annotations

import unicodedata

import pytest

from vmm.observe.box_drawing import HEIGHT, SHADES, WIDTH, shapes
from vmm.observe.cp437 import CHARACTERS
from vmm.observe.font9x16 import glyphs

LINES = range(0xB3, 0xDB)
SIDES = {
    "UP": ("UP", "VERTICAL"),
    "DOWN": ("DOWN", "VERTICAL"),
    "LEFT": ("LEFT", "HORIZONTAL"),
    "RIGHT": ("RIGHT", "HORIZONTAL"),
}
TOUCHING = {0: set(), 1: {0}, 2: {-1, 1}}


def lines_by_name(code: int) -> dict[str, int]:
    """How many lines go up, down, left and right, from a name such as BOX DRAWINGS DOWN DOUBLE AND LEFT SINGLE."""
    words = unicodedata.name(CHARACTERS[code]).removeprefix("BOX DRAWINGS ").split(" ")
    count = dict.fromkeys(SIDES, 0)
    for part in " ".join(words).split(" AND "):
        kinds = {"DOUBLE": 2, "SINGLE": 1, "LIGHT": 1}
        weights = [kinds[word] for word in part.split() if word in kinds] or [kinds[w] for w in words if w in kinds]
        for side, names in SIDES.items():
            if set(names) & set(part.split()):
                count[side] = weights[0]
    return count


def edges(rows: tuple[int, ...]) -> dict[str, set[int]]:
    """Where pixels touch each side, counted from the middle."""
    columns = {
        side: {x - WIDTH // 2 for x in range(WIDTH) if rows[at] >> WIDTH - 1 - x & 1}
        for side, at in (("UP", 0), ("DOWN", HEIGHT - 1))
    }
    return columns | {
        side: {y - 7 for y in range(HEIGHT) if rows[y] >> bit & 1} for side, bit in (("LEFT", WIDTH - 1), ("RIGHT", 0))
    }


@pytest.mark.parametrize("code", LINES)
def test_a_line_character_reaches_the_sides_that_its_name_says_with_as_many_lines(code: int) -> None:
    wanted = {side: TOUCHING[lines] for side, lines in lines_by_name(code).items()}
    assert edges(shapes()[code]) == wanted


@pytest.mark.parametrize(
    ("character", "middle"),
    [
        ("╬", ["####.####", ".........", "####.####"]),
        ("╔", ["...######", "...#.....", "...#.####"]),
        ("╢", ["...#.#...", "####.#...", "...#.#..."]),
        ("╤", ["#########", ".........", "#########"]),
        ("╪", ["#########", "....#....", "#########"]),
        ("╖", [".........", "######...", "...#.#..."]),
        ("╘", ["....#####", "....#....", "....#####"]),
    ],
)
def test_where_lines_cross_double_ones_stay_open_and_single_ones_pass(character: str, middle: list[str]) -> None:
    rows = shapes()[CHARACTERS.index(character)]
    drawn = [f"{row:09b}".replace("0", ".").replace("1", "#") for row in rows[6:9]]
    assert drawn == middle


def test_halves_make_a_whole() -> None:
    drawn = shapes()
    full, lower, left, right, upper = (drawn[code] for code in range(0xDB, 0xE0))
    assert [a | b for a, b in zip(upper, lower, strict=True)] == list(full) == [0x1FF] * HEIGHT
    assert [a ^ b for a, b in zip(left, right, strict=True)] == list(full)


def test_every_character_has_a_picture_and_no_two_are_alike() -> None:
    named = {CHARACTERS.index(character): rows for character, rows in glyphs().items()}
    drawn = shapes()
    assert not set(named) & set(drawn)
    assert {*named, *drawn, *SHADES} == set(range(256)) - {0, 0x20, 0xFF}
    for rows in (*named.values(), *drawn.values()):
        assert len(rows) == HEIGHT
        assert all(0 <= row < 1 << WIDTH for row in rows)
    assert len({*named.values(), *drawn.values()}) >= len(named) + len(drawn) - 2
