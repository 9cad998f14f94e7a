"""INT 09h and 16h: scan codes become keys of a US layout, in the buffer of the BIOS data area.

A keyboard that types faster than the guest takes keys is held while the buffer is full: text that a host types in one
go is not lost, as it would be with a real one. Ctrl-Alt-Del asks for a reset.
Not modelled: other layouts, Alt with digits of the keypad, pause, print screen, break (INT 1Bh), lights.
Source: IBM PS/2 and PC BIOS interface technical reference, INT 09h and 16h.
"""

from __future__ import annotations

from . import ram as at
from .scan_codes import word_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .frame import Frame
    from .ram import Ram

RIGHT_SHIFT, LEFT_SHIFT, CTRL, ALT, SCROLL, NUM, CAPS, INSERT = (1 << bit for bit in range(8))
_HELD = {0x36: RIGHT_SHIFT, 0x2A: LEFT_SHIFT, 0x1D: CTRL, 0x38: ALT}
_TOGGLES = {0x46: SCROLL, 0x45: NUM, 0x3A: CAPS}
_INSERT_KEY, _DELETE_KEY = 0x52, 0x53
_PREFIX, _LONG_PREFIX, _BREAK = 0xE0, 0xE1, 0x80
_LAST_WAS_PREFIX = 0x02  # in KEYBOARD_KIND
_101_KEYS = 0x10
_FAKE_SHIFTS = (0x2A, 0x36)
_BUFFER = (0x1E, 0x3E)
"""Offsets of the buffer's start and end in the BIOS data area."""


class BiosKeyboard:
    """The service. `hold(True)` keeps the keyboard from sending, `hold(False)` lets it go on."""

    def __init__(self, ram: Ram, hold: Callable[[bool], None], reset_requested: Callable[[str], None]) -> None:
        self._ram = ram
        self._hold = hold
        self._reset_requested = reset_requested
        self.is_held = False
        """Whether the keyboard was told to wait."""
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x00: self._take, 0x01: self._look, 0x02: self._shifts, 0x03: self._rate, 0x05: self._put,
            0x10: self._take, 0x11: self._look, 0x12: self._all_shifts,
        }  # fmt: skip

    def start(self) -> None:
        """The data area as after power-on: an empty buffer, no shift."""
        ram = self._ram
        for address, offset in zip((at.KEYBOARD_START, at.KEYBOARD_END), _BUFFER, strict=True):
            ram.put(address, offset, 2)
        ram.put(at.KEYBOARD_HEAD, _BUFFER[0], 2)
        ram.put(at.KEYBOARD_TAIL, _BUFFER[0], 2)
        ram.put(at.SHIFT_FLAGS, 0, 2)
        ram.put(at.KEYBOARD_KIND, _101_KEYS)

    # The buffer

    def _bounds(self) -> tuple[int, int]:
        """Where the buffer is: as the data area says, or the usual place when that is no place for one."""
        start, end = self._ram.get(at.KEYBOARD_START, 2), self._ram.get(at.KEYBOARD_END, 2)
        return (start, end) if start + 4 <= end and not (end - start) % 2 else _BUFFER

    def _pointer(self, address: int) -> int:
        start, end = self._bounds()
        pointer = self._ram.get(address, 2)
        return pointer if start <= pointer < end else start

    def _after(self, pointer: int) -> int:
        start, end = self._bounds()
        return pointer + 2 if pointer + 2 < end else start

    def _is_full(self) -> bool:
        return self._after(self._pointer(at.KEYBOARD_TAIL)) == self._pointer(at.KEYBOARD_HEAD)

    def _is_nearly_full(self) -> bool:
        head, tail = self._pointer(at.KEYBOARD_HEAD), self._pointer(at.KEYBOARD_TAIL)
        return head in (self._after(tail), self._after(self._after(tail)))

    def _append(self, word: int) -> bool:
        """Whether there was room."""
        if self._is_full():
            return False
        tail = self._pointer(at.KEYBOARD_TAIL)
        self._ram.put((at.SEGMENT << 4) + tail, word, 2)
        self._ram.put(at.KEYBOARD_TAIL, self._after(tail), 2)
        return True

    def _first(self) -> int | None:
        head = self._pointer(at.KEYBOARD_HEAD)
        return None if head == self._pointer(at.KEYBOARD_TAIL) else self._ram.get((at.SEGMENT << 4) + head, 2)

    def _pace(self) -> None:
        """Holds the keyboard while there is room for one key alone: that one may be in the controller already."""
        if self.is_held is not self._is_nearly_full():
            self.is_held = not self.is_held
            self._hold(self.is_held)

    # INT 09h

    def scan(self, code: int) -> None:
        """A byte from the keyboard controller, in set 1."""
        ram = self._ram
        kind = ram.get(at.KEYBOARD_KIND)
        if code in (_PREFIX, _LONG_PREFIX):
            ram.put(at.KEYBOARD_KIND, kind | _LAST_WAS_PREFIX)
            return
        extended = bool(kind & _LAST_WAS_PREFIX)
        ram.put(at.KEYBOARD_KIND, kind & ~_LAST_WAS_PREFIX)
        self._key(code & ~_BREAK, extended, not code & _BREAK)
        self._pace()

    def _key(self, key: int, extended: bool, down: bool) -> None:
        ram = self._ram
        flags = ram.get(at.SHIFT_FLAGS)
        if extended and key in _FAKE_SHIFTS:
            return
        if key in _HELD:
            self._held(key, extended, down, flags)
        elif key in _TOGGLES and not extended:
            bit = _TOGGLES[key]
            held = ram.get(at.SHIFT_FLAGS_2)
            if down and not held & bit:
                ram.put(at.SHIFT_FLAGS, flags ^ bit)
            ram.put(at.SHIFT_FLAGS_2, held | bit if down else held & ~bit)
        elif down:
            if key == _DELETE_KEY and flags & (CTRL | ALT) == CTRL | ALT:
                self._reset_requested("Ctrl-Alt-Del")
                return
            if key == _INSERT_KEY and extended:
                ram.put(at.SHIFT_FLAGS, flags ^ INSERT)
            word = word_of(
                key, extended, bool(flags & (LEFT_SHIFT | RIGHT_SHIFT)), bool(flags & CTRL), bool(flags & ALT),
                bool(flags & CAPS), bool(flags & NUM),
            )  # fmt: skip
            if word is not None:
                self._append(word)

    def _held(self, key: int, extended: bool, down: bool, flags: int) -> None:
        bit = _HELD[key]
        self._ram.put(at.SHIFT_FLAGS, flags | bit if down else flags & ~bit)
        if bit in (CTRL, ALT) and not extended:  # the left ones have bits of their own
            left, second = bit >> 2, self._ram.get(at.SHIFT_FLAGS_2)
            self._ram.put(at.SHIFT_FLAGS_2, second | left if down else second & ~left)

    # INT 16h

    def _take(self, frame: Frame) -> None:
        word = self._first()
        if word is None:
            frame.ax = 0  # the ROM asks only when there is a key; another caller of the port gets none
            return
        self._ram.put(at.KEYBOARD_HEAD, self._after(self._pointer(at.KEYBOARD_HEAD)), 2)
        frame.ax = word if frame.ah & 0x10 else _plain(word)
        self._pace()

    def _look(self, frame: Frame) -> None:
        word = self._first()
        frame.zero = int(word is None)
        if word is not None:
            frame.ax = word if frame.ah & 0x10 else _plain(word)
        self._pace()

    def _shifts(self, frame: Frame) -> None:
        frame.al = self._ram.get(at.SHIFT_FLAGS)

    def _all_shifts(self, frame: Frame) -> None:
        frame.ax = self._ram.get(at.SHIFT_FLAGS, 2)

    def _rate(self, frame: Frame) -> None:
        """Keys do not repeat here."""

    def _put(self, frame: Frame) -> None:
        frame.al = int(not self._append(frame.cx))
        self._pace()


def _plain(word: int) -> int:
    """A key as the functions for the 83-key keyboard give it: the second cursor keys look like the first."""
    return word & 0xFF00 if word & 0xFF == 0xE0 and word >> 8 else word
