from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.observe.table import Column, fit, table, width_of, wrap

COLUMNS = (
    Column(title="By device", least=6),
    Column(title="count", right=True),
    Column(title="share", right=True, priority=2),
    Column(title="note", priority=1, least=4),
)
ROW = ("debug_console", "123", "50.0%", "noise")


def test_numbers_stand_right_text_stands_left_and_no_line_ends_in_blanks() -> None:
    assert table(COLUMNS, [("com1", "1,200", "99.0%", "busy"), ("rtc", "8", "1.0%", "")]) == [
        "By device  count  share  note",
        "  com1     1,200  99.0%  busy",
        "  rtc          8   1.0%",
    ]


def test_columns_and_tables_without_content_do_not_appear() -> None:
    assert table(COLUMNS, [("com1", "5", "", "")]) == ["By device  count", "  com1         5"]
    assert table(COLUMNS, []) == []
    assert table(COLUMNS, [("", "", "", "")]) == []


def test_a_tight_table_shrinks_then_closes_its_gaps_then_drops_columns_by_priority() -> None:
    assert table(COLUMNS, [ROW], 31) == ["By device   count  share  note", "  debug_..    123  50.0%  noise"]
    assert table(COLUMNS, [ROW], 25) == ["By dev.. count share note", "  debu..   123 50.0% no.."]
    assert table(COLUMNS, [ROW], 22) == ["By dev..  count  note", "  debu..    123  noise"]


def test_bold_is_in_the_heading_alone_and_only_when_asked() -> None:
    heading, row = table(COLUMNS, [("com1", "5", "", "")], bold=True)
    assert heading == "\x1b[1mBy device  count\x1b[0m"
    assert row == "  com1         5"


def test_wide_characters_keep_columns_in_line() -> None:
    lines = table(COLUMNS, [("シリアル", "1", "", ""), ("com1", "22", "", "")])
    assert lines == ["By device   count", "  シリアル      1", "  com1         22"]
    assert width_of(lines[1]) == width_of(lines[2])
    assert fit("シリアル", 6) == "シリ.."


def test_a_name_cannot_send_codes_to_the_terminal() -> None:
    assert table(COLUMNS, [("\x1b[2Jcom1\n", "1", "", "")])[1] == "  ?[2Jcom1?      1"


def test_words_wrap_under_their_beginning() -> None:
    assert wrap("two of four answered in the kernel", 20, "* ", "  ") == [
        "* two of four",
        "  answered in the",
        "  kernel",
    ]
    assert wrap("", 20, "* ") == []


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.text(max_size=60)] * 4), max_size=4),
    width=st.integers(min_value=8, max_value=100),
)
def test_no_line_is_wider_than_asked_whatever_the_cells_hold(rows: list[tuple[str, ...]], width: int) -> None:
    for line in table(COLUMNS, rows, width):
        assert width_of(line) <= width
        assert line == line.rstrip()
        assert "\n" not in line
    for line in wrap(" ".join(rows[0]) if rows else "", width, "* ", "  "):
        assert width_of(line) <= width
