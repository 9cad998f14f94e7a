"""JSON read by the C scanner of Python's own json package, without that package: it brings `re` and `enum`, which take
longer than all else that brings a small machine back. A Python without that scanner reads by the package.

Stricter than json.loads(): no NaN and no infinities.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from _json import make_scanner
except ImportError:  # PyPy and others
    make_scanner = None  # type: ignore[assignment, misc]

_SPACE = " \t\n\r"


def _refused(word: str) -> object:
    raise ValueError(f"{word} is no number of JSON")


class _Rules:
    """What the scanner asks of a json.JSONDecoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_refused)


def read(content: bytes) -> Any:
    """The value that `content`, UTF-8, holds. ValueError for what is no JSON, RecursionError for what is nested too
    deep."""
    text = content.decode()
    if make_scanner is None:
        import json

        return json.loads(text, parse_constant=_refused)
    start = len(text) - len(text.lstrip(_SPACE))
    try:
        value, end = make_scanner(_Rules)(text, start)  # type: ignore[arg-type]
    except StopIteration as error:
        raise ValueError(f"no value at character {error.value}") from None
    if text[end:].strip(_SPACE):
        raise ValueError(f"more follows at character {end}")
    return value
