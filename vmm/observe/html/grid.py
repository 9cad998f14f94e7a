"""A table of the page: cells with what they sort by. Scripts add the buttons that sort; without them it is a table."""

from __future__ import annotations

from html import escape

from ...records import Record
from ..figures import duration, number, share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Cell(Record):
    """What is shown, as HTML, and the number to sort by; without one the text sorts."""

    html: str
    value: float | None = None


def text(words: str) -> Cell:
    """Words, from wherever: they are escaped."""
    return Cell(html=escape(words))


def code(words: str) -> Cell:
    """Likewise, in the face of code."""
    return Cell(html=f"<code>{escape(words)}</code>" if words else "")


def count(value: int) -> Cell:
    """A count; 0 is left blank."""
    return Cell(html=number(value) if value else "", value=value)


def part(value: float) -> Cell:
    """A share."""
    return Cell(html=share(value).replace("<", "&lt;"), value=value)


def time(nanoseconds: int) -> Cell:
    """A duration; 0 is left blank."""
    return Cell(html=duration(nanoseconds) if nanoseconds else "", value=nanoseconds)


def hexadecimal(value: int | None) -> Cell:
    """An address."""
    return Cell(html="" if value is None else f"<code>{value:#x}</code>", value=-1 if value is None else value)


def grid(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], note: str = "") -> str:
    """A section with a table, its heading and how many rows it has; "" without rows."""
    cells = list(rows)
    if not cells:
        return ""
    said = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<details open class="grid"><summary><h2>{escape(name)}</h2> <span class="rows">{len(cells)}</span></summary>'
        f"{said}{table(columns, cells, name)}</details>\n"
    )


def table(columns: Sequence[str], cells: Sequence[Sequence[Cell]], caption: str = "") -> str:
    """The table alone, in a box of its own that scrolls. Columns without content vanish."""
    used = [at for at in range(len(columns)) if any(row[at].html for row in cells)]
    numbers = {at for at in used if any(row[at].value is not None for row in cells)}

    def head(at: int) -> str:
        return f'<th scope="col"{" class=n" if at in numbers else ""}>{escape(columns[at])}</th>'

    def body(row: Sequence[Cell], at: int) -> str:
        value = row[at].value
        number_of = (
            "" if value is None else f' data-v="{value:.12g}"' if isinstance(value, float) else f' data-v="{value}"'
        )
        return f"<td{' class=n' if at in numbers else ''}{number_of}>{row[at].html}</td>"

    lines = "\n".join(f"<tr>{''.join(body(row, at) for at in used)}</tr>" for row in cells)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{''.join(map(head, used))}</tr></thead>\n<tbody>{lines}</tbody></table></div>"
    )
