"""A flame graph of exits: one self-contained SVG, callers below, widths in proportion to exits.

Each box has its whole name and number as a title, which browsers show on hover; no script. The colour is that of the
outermost name, the device. Boxes narrower than a tenth of a unit are left out. Not modelled: zooming, searching.
"""

from __future__ import annotations

from .table import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, MARGIN = 1200, 10
ROW, TOP, FOOT = 18, 34, 10
LETTER = 6.6
"""The width of a letter in units, at a font size of 11, on the safe side."""
NARROWEST = 0.1
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class _Box:
    """A name at one depth, below one stack of others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.inner: dict[str, _Box] = {}

    @property
    def depth(self) -> int:
        return 1 + max((box.depth for box in self.inner.values()), default=0)


_STYLE = (
    ".flame rect { stroke: #fff; stroke-width: .5 } .flame g:hover > rect { stroke: #000; stroke-width: 1 }"
    " .flame text { fill: #111; pointer-events: none } .flame .paper { fill: #fdfdfb }"
    " @media (prefers-color-scheme: dark) { .flame .paper { fill: #15181c } .flame .title { fill: #e4e8ec }"
    " .flame rect { stroke: #15181c } .flame g:hover > rect { stroke: #fff } }"
)
"""Of this picture alone, for it may stand in a page. Boxes and their names keep their colours in the dark."""


def flame_graph(stacks: Mapping[tuple[str, ...], int], title: str = "VM exits") -> str:
    """The picture of folded stacks as a file: names, outermost first, to numbers of exits."""
    return flame_drawing(stacks, title).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def flame_drawing(stacks: Mapping[tuple[str, ...], int], title: str = "VM exits") -> str:
    """The same as an element of a page."""
    root = _Box("all exits")
    for stack, count in stacks.items():
        box = root
        box.count += count
        for name in stack:
            box = box.inner.setdefault(name, _Box(name))
            box.count += count
    height = TOP + root.depth * ROW + FOOT
    exits = f"{root.count:,} exit{'' if root.count == 1 else 's'}"
    lines = [
        f'<svg class="flame" viewBox="0 0 {WIDTH} {height}" width="100%" role="img"'
        f' aria-label="{_text(title)}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11">',
        f"<style>{_STYLE}</style>",
        f'<path class="paper" d="M0 0h{WIDTH}v{height}H0z"/>',
        f'<text class="title" x="{MARGIN}" y="20" font-size="14">{_text(title)}: {exits}</text>',
    ]
    if root.count:
        _draw(lines, root, MARGIN, (WIDTH - 2 * MARGIN) / root.count, height - FOOT - ROW, root.count, "#d8d8d2")
    return "\n".join([*lines, "</svg>"]) + "\n"


def _draw(lines: list[str], box: _Box, x: float, scale: float, y: int, total: int, colour: str) -> None:
    width = box.count * scale
    if width < NARROWEST:
        return
    name = _text(box.name)
    exits = f"{box.count:,} exit{'' if box.count == 1 else 's'}, {box.count / total:.1%}"
    room = int((width - 6) / LETTER)
    shown = box.name if len(box.name) <= room else box.name[: max(room - 2, 0)] + ".."
    label = f'<text x="{x + 3:.2f}" y="{y + 13}">{_text(shown)}</text>' if room >= 3 else ""
    lines.append(
        f'<g><title>{name}: {exits}</title><rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}"'
        f' rx="1" fill="{colour}"/>{label}</g>'
    )
    is_root = colour == "#d8d8d2"
    for inner in sorted(box.inner.values(), key=lambda inner: (-inner.count, inner.name)):
        _draw(lines, inner, x, scale, y - ROW, total, _colour(inner.name) if is_root else colour)
        x += inner.count * scale


def _colour(name: str) -> str:
    """A light colour that a name has in every picture."""
    hue = sum(byte * (at * 37 + 11) for at, byte in enumerate(name.encode())) % 360
    return f"hsl({hue}, 65%, 72%)"


def _text(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in clean(text))
