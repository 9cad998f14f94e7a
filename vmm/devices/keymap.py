"""Tables of keys: what to press on a US keyboard for a text, and the codes of keys in scan code sets 1 and 3.

Codes are given in set 2, the keyboard's native one. No other layouts: a guest that expects one reads other letters.
Source: IBM PS/2 hardware interface technical reference, scan code tables of the 101-key keyboard.
"""

from __future__ import annotations

from ..errors import ConfigError
from .keyboard import BREAK, SET_1

LEFT_SHIFT, LEFT_CTRL = 0x12, 0x14
CTRL_ALT_DEL = bytes.fromhex("14 11 e071  e0f071 f011 f014")
"""Left control, left alt and delete go down, and up again in the opposite order."""

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789`-=\\[];',./ \t\n\b\x1b"
_SHIFTED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ)!@#$%^&*(~_+|{}:"<>?'
_CODES = bytes.fromhex(
    "1c32212324 2b3433433b 424b3a3144 4d152d1b2c 3c2a1d2235 1a"  # a-e f-j k-o p-t u-y z
    "4516 1e26 252e 363d 3e46"  # 0-9
    "0e4e555d 545b4c52 41494a 290d5a6676"  # punctuation; space tab enter backspace escape
)

_SET_3 = {
    # Function row and modifiers
    0x76: 0x08, 0x05: 0x07, 0x06: 0x0F, 0x04: 0x17, 0x0C: 0x1F, 0x03: 0x27, 0x0B: 0x2F, 0x83: 0x37, 0x0A: 0x3F,
    0x01: 0x47, 0x09: 0x4F, 0x78: 0x56, 0x07: 0x5E, 0x7E: 0x5F, 0x58: 0x14, 0x14: 0x11, 0x11: 0x19, 0x5D: 0x5C,
    0x61: 0x13,
    # Numeric keypad
    0x77: 0x76, 0x7C: 0x7E, 0x7B: 0x84, 0x79: 0x7C,
}  # fmt: skip
"""Set 3 codes that differ from set 2, for keys without a prefix."""

_SET_3_EXTENDED = {
    0x11: 0x39, 0x14: 0x58, 0x1F: 0x8B, 0x27: 0x8C, 0x2F: 0x8D, 0x7C: 0x57, 0x70: 0x67, 0x71: 0x64, 0x6C: 0x6E,
    0x69: 0x65, 0x7D: 0x6F, 0x7A: 0x6D, 0x6B: 0x61, 0x75: 0x63, 0x72: 0x60, 0x74: 0x6A, 0x4A: 0x77, 0x5A: 0x79,
}  # fmt: skip
"""Set 3 codes for keys that have the prefix 0xE0 in set 2; set 3 needs none. Faked shifts are not among them."""

_PAUSE, _PAUSE_SET_3 = bytes.fromhex("e11477e1f014f077"), b"\x62\xf0\x62"


def _keys() -> dict[str, bytes]:
    taps = {char: bytes((code, BREAK, code)) for char, code in zip(_PLAIN, _CODES, strict=True)}
    keys = dict(taps)
    for shifted, plain in zip(_SHIFTED, _PLAIN, strict=False):
        keys[shifted] = _held(LEFT_SHIFT, taps[plain])
    for letter in _PLAIN[:26]:  # Ctrl-A is character 1; Tab, Enter, Backspace and Escape have keys of their own
        keys.setdefault(chr(ord(letter) - 0x60), _held(LEFT_CTRL, taps[letter]))
    keys["\r"], keys["\x7f"] = taps["\n"], taps["\b"]
    return keys


def _held(modifier: int, tap: bytes) -> bytes:
    return bytes((modifier, *tap, BREAK, modifier))


def codes_for(text: str) -> bytes:
    """Set 2 makes and breaks that type `text`: ASCII, with control characters as Ctrl and a letter.

    ConfigError for a character that a US keyboard does not have.
    """
    keys = _keys()
    unknown = sorted(set(text) - set(keys))
    if unknown:
        raise ConfigError.of("text", f"a US keyboard cannot type {', '.join(map(ascii, unknown))}")
    return b"".join(keys[char] for char in text)


def in_set_1(codes: bytes) -> bytes:
    """Set 2 codes as set 1 has them: a break is the make code with bit 7 set."""
    out = bytearray()
    top = 0
    for code in codes:
        if code == BREAK:
            top = 0x80
        else:
            out.append(SET_1[code] | top)
            top = 0
    return bytes(out)


def in_set_3(codes: bytes) -> bytes:
    """Set 2 codes as set 3 has them: one code a key, a break still by prefix."""
    out = bytearray()
    prefix = b""
    table: dict[int, int] | None = None
    for code in codes.replace(_PAUSE, _PAUSE_SET_3):
        if code == 0xE0:
            table = _SET_3_EXTENDED
        elif code == BREAK:
            prefix = b"\xf0"
        else:
            sent = _SET_3.get(code, code) if table is None else table.get(code)
            if sent is not None:
                out += prefix + bytes((sent,))
            prefix, table = b"", None
    return bytes(out)
