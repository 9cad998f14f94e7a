"""Numbers as tables show them: few cells, no blank inside, and never more exact than they are.

Not modelled: locales.
"""

from __future__ import annotations


def number(count: int) -> str:
    """Digits in groups of three: "1,816"."""
    return f"{count:,}"


def share(part: float) -> str:
    """One decimal, but never a 0 for something or a 100 for less than all."""
    if part >= 1:
        return "100%"
    return "<0.1%" if 0 < part < 0.001 else f"{min(part, 0.999):.1%}"


def duration(nanoseconds: int) -> str:
    """Two to three digits and the unit without a space, so that columns of times stay apart: "4.1us", "212us"."""
    value, units = float(nanoseconds), ["ns", "us", "ms"]
    while value >= 999.5 and units:
        value, _ = value / 1000, units.pop(0)
    digits = 1 if 0 < value < 9.95 and len(units) < 3 else 0
    return f"{value:.{digits}f}{units[0] if units else 's'}"
