"""What each key of a US keyboard gives in INT 16h: a word for each scan code of set 1, by the modifiers held.

Sources: IBM PS/2 hardware interface technical reference (scan code set 1) and BIOS interface technical reference.
"""

from __future__ import annotations

_PLAIN = {
    0x01: 0x1B, 0x0E: 0x08, 0x0F: 0x09, 0x1C: 0x0D, 0x39: 0x20, 0x37: 0x2A,
    **dict(zip(range(0x02, 0x0E), b"1234567890-=", strict=True)),
    **dict(zip(range(0x10, 0x1C), b"qwertyuiop[]", strict=True)),
    **dict(zip(range(0x1E, 0x2A), b"asdfghjkl;'`", strict=True)),
    **dict(zip(range(0x2B, 0x36), b"\\zxcvbnm,./", strict=True)),
    0x56: 0x5C,
}  # fmt: skip
_SHIFTED = bytes.maketrans(b"1234567890-=[];'`\\,./", b'!@#$%^&*()_+{}:"~|<>?')
_CTRL = {
    0x03: 0x00,
    0x07: 0x1E,
    0x0C: 0x1F,
    0x0E: 0x7F,
    0x1A: 0x1B,
    0x1B: 0x1D,
    0x1C: 0x0A,
    0x2B: 0x1C,
    0x39: 0x20,
    0x01: 0x1B,
}
_KEYPAD = dict(zip(range(0x47, 0x54), b"789-456+1230.", strict=True))

_CTRL_CODES = {
    0x47: 0x77,
    0x48: 0x8D,
    0x49: 0x84,
    0x4B: 0x73,
    0x4D: 0x74,
    0x4F: 0x75,
    0x50: 0x91,
    0x51: 0x76,
    0x52: 0x92,
    0x53: 0x93,
    0x0F: 0x94,
    0x57: 0x89,
    0x58: 0x8A,
}
_FUNCTION_KEYS = range(0x3B, 0x45)
_NUMBERS = range(0x02, 0x0E)


def word_of(code: int, extended: bool, shift: bool, ctrl: bool, alt: bool, caps: bool, num: bool) -> int | None:
    """AH and AL for a key that goes down; None for one that gives nothing. `extended`: after a prefix 0xE0."""
    if code in _FUNCTION_KEYS:
        return (code + (0x2D if alt else 0x23 if ctrl else 0x19 if shift else 0)) << 8
    if code in (0x57, 0x58):
        return (code + (0x34 if alt else 0x32 if ctrl else 0x30 if shift else 0x2E)) << 8
    if code in _KEYPAD:
        return _keypad(code, extended, shift, ctrl, alt, num)
    character = _PLAIN.get(code)
    if character is None:
        return None
    if alt:
        return _with_alt(code)
    if ctrl:
        if 0x61 <= character <= 0x7A:
            return code << 8 | character & 0x1F
        if code == 0x0F:
            return 0x9400
        control = _CTRL.get(code)
        return None if control is None else code << 8 | control
    if 0x61 <= character <= 0x7A:
        return code << 8 | (character - 0x20 if shift is not caps else character)
    if code == 0x0F and shift:
        return 0x0F00
    return code << 8 | (_SHIFTED[character] if shift and not extended else character)


def _with_alt(code: int) -> int | None:
    if code in _NUMBERS:
        return (code + 0x76) << 8
    return None if code in (0x37, 0x56) else 0x3920 if code == 0x39 else code << 8


def _keypad(code: int, extended: bool, shift: bool, ctrl: bool, alt: bool, num: bool) -> int | None:
    """The block of cursor keys, both times it is on the keyboard."""
    character = _KEYPAD[code]
    if alt:
        return None if not extended else (code + 0x50) << 8
    if ctrl:
        return _CTRL_CODES[code] << 8 | (0xE0 if extended else 0) if code in _CTRL_CODES else None
    if extended:
        return code << 8 | 0xE0
    if character in b"-+" or num is not shift:
        return code << 8 | character
    return code << 8
