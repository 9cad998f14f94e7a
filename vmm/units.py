"""Sizes and durations as the numbers a reader expects: bytes from "64M", nanoseconds from "1.5s"."""

from __future__ import annotations

KiB = 1 << 10
MiB = 1 << 20
GiB = 1 << 30

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_SIZE_UNITS = {"": 1, "b": 1, "k": KiB, "kib": KiB, "m": MiB, "mib": MiB, "g": GiB, "gib": GiB}
_TIME_UNITS = {
    "": SECOND,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
    "ns": 1,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}


def _split(text: str) -> tuple[str, str]:
    """(number, unit in lower case); ValueError when the number has a sign or is none."""
    text = text.strip()
    end = len(text)
    while end and not (text[end - 1].isdigit() or text[end - 1] == "."):
        end -= 1
    if not text[:end].replace(".", "", 1).isdecimal():
        raise ValueError(text)
    return text[:end], text[end:].strip().lower()


def parse_size(text: str, unit: str = "") -> int:
    """Bytes in "4096", "0x1000", "64M", "1.5GiB"; a bare number counts in `unit`. ValueError if it is no size."""
    try:
        if text.strip().lower().startswith("0x"):
            return int(text, 16)
        number, suffix = _split(text)
        scale = _SIZE_UNITS[suffix or unit.lower()]
        size = float(number) * scale if "." in number else int(number) * scale
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a size: write it as 4096, 0x1000, 64M or 1G") from None
    if size != size // 1:
        raise ValueError(f"{text!r} is not a whole number of bytes")
    return int(size)


def parse_duration(text: str) -> int:
    """Nanoseconds in "2", "1.5s", "20ms", "300us", "5m"; a bare number counts seconds. ValueError if it is none."""
    try:
        number, suffix = _split(text)
        return int(float(number) * _TIME_UNITS[suffix])
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a duration: write it as 2s, 500ms or 5m") from None


def format_size(size: int) -> str:
    """The shortest exact form in binary units: 65536 is "64 KiB", 1000 is "1000 B"."""
    for scale, name in ((GiB, "GiB"), (MiB, "MiB"), (KiB, "KiB")):
        if size and size % scale == 0:
            return f"{size // scale} {name}"
    return f"{size} B"


def format_duration(nanoseconds: float) -> str:
    """Three significant digits with the unit that suits: "7.91 us", "1.20 ms"."""
    for scale, name in ((SECOND, "s"), (MILLISECOND, "ms"), (MICROSECOND, "us")):
        if nanoseconds >= scale:
            value = nanoseconds / scale
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {name}"
    return f"{nanoseconds:.0f} ns"
