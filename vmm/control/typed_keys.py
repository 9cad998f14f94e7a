"""Bytes that a terminal sends for keys, as what is typed on a PC's keyboard.

Text goes to the keyboard as text, cursor and function keys as the codes of set 2; what a US keyboard has no key for is
dropped. Source: xterm control sequences; IBM PS/2 hardware interface technical reference (scan codes).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..machine.machine import Machine

_TYPABLE = {chr(code) for code in (*range(0x01, 0x1C), *range(0x20, 0x80))}
"""What a US keyboard types: ASCII, and the control characters that Ctrl and a letter make."""
_EXTENDED, _BREAK = b"\xe0", b"\xf0"
_CURSOR_KEYS = {"A": 0x75, "B": 0x72, "C": 0x74, "D": 0x6B, "H": 0x6C, "F": 0x69}
_EDITING_KEYS = {1: 0x6C, 2: 0x70, 3: 0x71, 4: 0x69, 5: 0x7D, 6: 0x7A}
_FUNCTION_KEYS = {
    11: 0x05, 12: 0x06, 13: 0x04, 14: 0x0C, 15: 0x03, 17: 0x0B, 18: 0x83, 19: 0x0A, 20: 0x01, 21: 0x09, 23: 0x78,
    24: 0x07,
}  # fmt: skip
"""By the number in what a terminal sends for F1 to F12."""


def _sequences() -> dict[str, bytes]:
    """Set 2 makes and breaks by what a terminal sends for the key."""
    found = {}
    for letter, code in _CURSOR_KEYS.items():
        found[f"\x1b[{letter}"] = found[f"\x1bO{letter}"] = _extended(code)
    for number, code in _EDITING_KEYS.items():
        found[f"\x1b[{number}~"] = _extended(code)
    for number, code in _FUNCTION_KEYS.items():
        found[f"\x1b[{number}~"] = bytes([code, *_BREAK, code])
    for index, letter in enumerate("PQRS"):
        found[f"\x1bO{letter}"] = found[f"\x1b[{11 + index}~"]
    return found


def _extended(code: int) -> bytes:
    return bytes([*_EXTENDED, code, *_EXTENDED, *_BREAK, code])


class TypedKeys:
    """Types for one machine. A key's bytes come in one read, as terminals send them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._special: dict[str, bytes] = {}

    def take(self, data: bytes) -> None:
        """Types what `data` stands for. Any thread."""
        text = data.decode("utf-8", "ignore")
        self._special = self._special or _sequences()
        while text:
            escape = text.find("\x1b")
            if escape != 0:
                plain, text = (text, "") if escape < 0 else (text[:escape], text[escape:])
                self._type(plain)
                continue
            known = next((sequence for sequence in self._special if text.startswith(sequence)), "")
            if known:
                self._press(self._special[known])
            else:
                self._type("\x1b")
            text = text[len(known) or 1 :]

    def _type(self, text: str) -> None:
        typed = "".join(character for character in text if character in _TYPABLE)
        if typed:
            self._machine.post(lambda: self._machine.device("i8042").type_text(typed))

    def _press(self, codes: bytes) -> None:
        self._machine.post(lambda: self._machine.device("i8042").key(codes) and None)
