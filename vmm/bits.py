"""Bit fields of registers: pick one out, put one in, and say in words what is set."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def mask(size: int) -> int:
    """All ones in `size` bytes: the value that an undriven bus reads as."""
    return (1 << (8 * size)) - 1


def field(value: int, low: int, width: int = 1) -> int:
    """The `width` bits of `value` from bit `low` upward."""
    return (value >> low) & ((1 << width) - 1)


def with_field(value: int, low: int, width: int, content: int) -> int:
    """`value` with its `width` bits from `low` upward replaced by `content` (cut to fit)."""
    ones = (1 << width) - 1
    return value & ~(ones << low) | (content & ones) << low


def in_words(value: int, names: Mapping[int, str]) -> str:
    """The names of the bits set in `value`, lowest first: {0: "PE", 31: "PG"} and 0x80000001 give "PE PG"."""
    return " ".join(name for bit, name in sorted(names.items()) if value >> bit & 1)


def align_down(value: int, unit: int) -> int:
    """The greatest multiple of `unit` that is at most `value`."""
    return value - value % unit


def align_up(value: int, unit: int) -> int:
    """The smallest multiple of `unit` that is at least `value`."""
    return -(-value // unit) * unit
