"""A screen as coloured text, as SVG and as PNG: what a reader of each finds in it."""

from __future__ import annotations

import struct
import zlib
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.observe.screen import PALETTE, Screen
from vmm.observe.screen_svg import MARGIN, MARGIN_COLOUR

SVG = "{http://www.w3.org/2000/svg}"
BLANK = (0x20, 0x07)


def screen(*cells: tuple[int, int], columns: int = 8, rows: int = 2, **fields: object) -> Screen:
    padded = [*cells, *[BLANK] * (columns * rows - len(cells))]
    return Screen(columns=columns, rows=rows, cells=bytes(x for cell in padded for x in cell), **fields)  # type: ignore[arg-type]


def text(words: str, attribute: int = 7) -> list[tuple[int, int]]:
    return [(code, attribute) for code in words.encode("cp437")]


def pixels(png: bytes) -> list[list[int]]:
    """The rows of a PNG of 8-bit RGB without filters, after a check of its chunks."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + content),)
        chunks[kind], at = content, at + 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [8, 2, 0, 0, 0]
    data = zlib.decompress(chunks[b"IDAT"])
    step = 1 + 3 * width
    assert len(data) == step * height
    lines = [data[start : start + step] for start in range(0, len(data), step)]
    assert all(line[0] == 0 for line in lines)
    return [[int.from_bytes(line[1 + 3 * x : 4 + 3 * x], "big") for x in range(width)] for line in lines]


# -- for a terminal --


def test_coloured_text_sets_its_colours_and_leaves_none_behind() -> None:
    shown = screen(*text("ab", 0x1E), *text("é", 0x9C), *text("x")).render_ansi()
    assert shown == "\x1b[0;93;44mab\x1b[0;5;91;44mé\x1b[0;37;40mx    \x1b[0m\n"


def test_without_blinking_the_background_is_bright() -> None:
    assert screen(*text("a", 0xC1), blinking=False).render_ansi().startswith("\x1b[0;34;101ma")


def test_red_and_blue_are_not_mixed_up() -> None:
    codes = [screen(*text("a", colour)).render_ansi()[4:6] for colour in range(8)]
    assert codes == ["30", "34", "32", "36", "31", "35", "33", "37"]


def test_a_blank_screen_prints_nothing() -> None:
    assert Screen().render_ansi() == ""


# -- SVG --


def drawing(shown: Screen) -> ElementTree.Element:
    return ElementTree.fromstring(shown.as_svg())


def test_a_drawing_has_the_text_each_word_in_its_cells() -> None:
    root = drawing(screen(*text("a<b &"), *text("c", 0x1E)))
    words = [(element.text, element.get("x"), element.get("textLength")) for element in root.iter(f"{SVG}text")]
    assert words == [("a<b", "0", "27"), ("&", "36", "9"), ("c", "45", "9")]
    assert [element.get("fill") for element in root.iter(f"{SVG}text")] == ["#aaaaaa", "#aaaaaa", "#ffff55"]


def test_what_a_font_may_have_wider_stands_by_itself() -> None:
    words = [element.text for element in drawing(screen(*text("aé☺"[:2]), (1, 7))).iter(f"{SVG}text")]
    assert words == ["a", "é", "☺"]


def test_frames_and_blocks_are_shapes_and_shades_are_see_through() -> None:
    root = drawing(screen(*text("╔═█"), *text("░░▓")))
    assert not list(root.iter(f"{SVG}text"))
    (path,) = root.iter(f"{SVG}path")
    assert "M3 6h24v1h-24z" in path.get("d", "")  # the upper line, from the corner on through the block
    shades = [element for element in root.iter(f"{SVG}rect") if element.get("fill-opacity")]
    assert [(e.get("x"), e.get("width"), e.get("fill-opacity")) for e in shades] == [
        ("27", "18", "0.25"),
        ("45", "9", "0.75"),
    ]


def test_a_drawing_has_its_size_a_margin_and_the_cursor() -> None:
    root = drawing(Screen(cursor=(24, 79)))
    assert (root.get("width"), root.get("height")) == ("752", "432")
    (cursor,) = (element for element in root.iter() if element.get("id") == "cursor")
    assert (cursor.get("x"), cursor.get("y"), cursor.get("fill")) == (str(79 * 9), str(24 * 16 + 13), "#aaaaaa")
    assert "cursor" not in Screen().as_svg()


# -- PNG --


def test_an_image_shows_the_glyph_in_its_colours_inside_a_margin() -> None:
    rows = pixels(screen(*text("A", 0x1E)).as_png())
    assert (len(rows[0]), len(rows)) == (8 * 9 + 2 * MARGIN, 2 * 16 + 2 * MARGIN)
    assert set(rows[0]) == {MARGIN_COLOUR} == {row[0] for row in rows}
    cell = [row[MARGIN : MARGIN + 9] for row in rows[MARGIN : MARGIN + 16]]
    drawn = [
        "".join("#" if pixel == PALETTE[14] else "." if pixel == PALETTE[1] else "?" for pixel in row) for row in cell
    ]
    assert drawn[2:6] == ["....#....", "...#.#...", "..#...#..", ".#.....#."]


def test_blocks_fill_their_cells_and_shades_mix() -> None:
    rows = pixels(screen((0xDB, 0x0F), (0xB1, 0x0F), (0x00, 0x40)).as_png())
    line = rows[MARGIN + 15]
    assert line[MARGIN : MARGIN + 27] == [0xFFFFFF] * 9 + [0x7F7F7F] * 9 + [PALETTE[4]] * 9


def test_the_cursor_is_drawn_in_the_colour_of_its_cell_and_nowhere_else() -> None:
    shown = screen(*text("ab", 0x0A))
    with_cursor = pixels(shown.replace(cursor=(0, 1)).as_png())
    without = pixels(shown.as_png())
    changed = {(x, y) for y, row in enumerate(without) for x, pixel in enumerate(row) if with_cursor[y][x] != pixel}
    assert changed == {(MARGIN + 9 + x, MARGIN + y) for x in range(9) for y in (13, 14)}
    assert with_cursor[MARGIN + 13][MARGIN + 9] == PALETTE[10]


@settings(max_examples=50, deadline=None)
@given(
    cells=st.binary(min_size=2 * 12, max_size=2 * 12),
    cursor=st.none() | st.tuples(st.integers(0, 2), st.integers(0, 3)),
    blinking=st.booleans(),
)
def test_any_screen_has_all_its_pictures(cells: bytes, cursor: tuple[int, int] | None, blinking: bool) -> None:
    shown = Screen(columns=4, rows=3, cells=cells, cursor=cursor, blinking=blinking)
    assert len(pixels(shown.as_png())) == 3 * 16 + 2 * MARGIN
    letters = "".join(element.text or "" for element in drawing(shown).iter(f"{SVG}text"))
    assert set(letters) <= set(shown.text)
    assert shown.render_ansi().count("\n") == shown.text.count("\n")


@pytest.mark.parametrize("name", ["as_svg", "as_png", "render_ansi"])
def test_a_picture_is_the_same_each_time(name: str) -> None:
    shown = screen(*text("same"), cursor=(0, 0))
    assert getattr(shown, name)() == getattr(shown, name)()
