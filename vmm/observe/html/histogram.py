"""A log2 histogram of times as inline SVG: a bar a bucket, from the first that holds something to the last."""

from __future__ import annotations

from html import escape

from ..figures import duration, number

_BAR, _GAP, _HEIGHT, _FOOT = 26, 4, 90, 16


def spark(histogram: tuple[int, ...]) -> str:
    """A small one without words, for a cell of a table; "" when it is empty."""
    first, last, most = _span(histogram)
    if not most:
        return ""
    bars = "".join(
        f'<rect x="{6 * (at - first)}" y="{16 - high}" width="5" height="{high}"/>'
        for at in range(first, last + 1)
        if (high := _high(histogram[at], most, 16))
    )
    width = 6 * (last - first + 1)
    return f'<svg class="spark" role="img" aria-label="{_label(first, last)}" width="{width}" height="16">{bars}</svg>'


def chart(name: str, histogram: tuple[int, ...]) -> str:
    """A figure with counts above the bars and times below; "" when it is empty."""
    first, last, most = _span(histogram)
    if not most:
        return ""
    step, parts = _BAR + _GAP, []
    for at in range(first, last + 1):
        left, value = step * (at - first), histogram[at]
        high = _high(value, most, _HEIGHT)
        top = _FOOT + _HEIGHT - high
        words = f"{number(value)} from {duration(1 << at if at else 0)} to {duration(2 << at)}"
        parts.append(
            f'<g><title>{words}</title><rect x="{left}" y="{top}" width="{_BAR}" height="{high}"/>'
            + (f'<text x="{left + _BAR / 2}" y="{top - 3}">{_short(value)}</text>' if value else "")
            + f'<text class="axis" x="{left + _BAR / 2}" y="{_HEIGHT + 2 * _FOOT - 3}">{duration(1 << at)}</text></g>'
        )
    width, height = step * (last - first + 1), _HEIGHT + 2 * _FOOT
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<figure><figcaption>{escape(name)}</figcaption><svg class="chart" role="img" '
        f'aria-label="{_label(first, last)}" {size}>{"".join(parts)}</svg></figure>\n'
    )


def _span(histogram: tuple[int, ...]) -> tuple[int, int, int]:
    filled = [at for at, value in enumerate(histogram) if value]
    return (filled[0], filled[-1], max(histogram)) if filled else (0, 0, 0)


def _high(value: int, most: int, height: int) -> int:
    """Something is never shown as nothing."""
    return max(value * height // most, 1) if value else 0


def _short(value: int) -> str:
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if value >= 10 * size:
            return f"{value // size}{unit}"
    return str(value)


def _label(first: int, last: int) -> str:
    return f"handler times from {duration(1 << first if first else 0)} to {duration(2 << last)}"
