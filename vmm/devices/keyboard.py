"""IBM PS/2 (MF II) keyboard: commands in, scan codes out, as the controller at the other end of its cable sees it.

Guest side, through the controller: `receive` takes a byte, `take` gives the next one. Host side: `press` for keys of
the moment, in scan code set 2, and `type_codes` for any number of them, which waits for room in the keyboard's buffer.
Not modelled: the time a byte takes on the cable (a self-test ends at once too), typematic repetition, and the make-only
and break options of set 3, where every key sends both.
Source: IBM PS/2 hardware interface technical reference, keyboards (101- and 102-key).
"""

from __future__ import annotations

from ..errors import SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUFFER = 16
"""Bytes of scan codes that the keyboard holds for a slow reader."""

SET_1 = bytes.fromhex(
    "ff43413f3d3b3c58 644442403e0f2959"
    "65382a701d10025a 66712c1f1e11035b"
    "672e2d201205045c 68392f211413065d"
    "693130232215075e 6a7232241608095f"
    "6b332517180b0a60 6c34352627190c61"
    "6d7328741a0d626e 3a361c1b752b6376"
    "55567778797a0e7b 7c4f7d4b477e7f6f"
    "5253504c4d480145 574e514a37494654"
    "8081824154"
) + bytes(range(0x85, 0x100))
"""The set 1 code for each code of set 2; in set 1 a break is bit 7 and not a prefix."""

BREAK = 0xF0
PREFIXES = (BREAK, 0xE0)
ACK, RESEND, SELF_TEST_PASSED, ECHO = 0xFA, 0xFE, 0xAA, 0xEE
IDENTITY = b"\xab\x83"
TYPEMATIC_DEFAULT = 0x2B  # 10.9 characters a second after 500 ms

SET_LEDS, SCAN_SET, IDENTIFY, TYPEMATIC, ENABLE, DISABLE, DEFAULTS, RESET = (
    0xED, 0xF0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xFF,
)  # fmt: skip
ALL_KEYS = range(0xF7, 0xFB)  # set 3: how all keys behave
ONE_KEY = range(0xFB, 0xFE)  # set 3: how one key behaves; the key follows

_LIMITS = {"scan_set": 3, "leds": 7, "typematic": 0x7F, "command": 0xFF, "last_sent": 0xFF}
_LENGTHS = {"replies": 3, "buffer": BUFFER + 1}


class Keyboard:
    """The keyboard. It starts as firmware leaves it: scanning, set 2, LEDs off, nothing to say."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Power off and on, self-test read."""
        self._typed = b""
        self._last_sent = 0
        self._restart()

    def _restart(self) -> None:
        self._replies = bytearray()
        self._command = 0  # a command that waits for its option byte
        self._defaults()

    def _defaults(self) -> None:
        self._buffer = bytearray()
        self.scanning = True
        """Whether keys are looked at: a guest may have switched that off."""
        self.scan_set = 2
        self.leds = 0
        """What the guest shows: bit 0 scroll lock, 1 num lock, 2 caps lock."""
        self.typematic = TYPEMATIC_DEFAULT

    # Host side

    def press(self, codes: bytes) -> bool:
        """Makes and breaks in set 2, kept whole or not at all; False if lost: scanning is off or the buffer full.

        A loss to a full buffer leaves the overrun code at its end, as the guest is due.
        """
        if not self.scanning:
            return False
        sent = self._in_current_set(codes)
        if len(self._buffer) + len(sent) <= BUFFER:
            self._buffer += sent
            return True
        overrun = 0xFF if self.scan_set == 1 else 0
        if not self._buffer or self._buffer[-1] != overrun:
            self._buffer.append(overrun)
        return False

    def type_codes(self, codes: bytes) -> None:
        """The same without loss: what finds no room, or no scanning, waits outside the keyboard."""
        self._typed += codes

    @property
    def waiting(self) -> int:
        """Bytes from type_codes that have not reached the keyboard yet."""
        return len(self._typed)

    def _in_current_set(self, codes: bytes) -> bytes:
        if self.scan_set == 2:
            return codes
        from .keymap import in_set_1, in_set_3

        return in_set_1(codes) if self.scan_set == 1 else in_set_3(codes)

    # Controller side

    def take(self) -> int | None:
        """The next byte on the cable: a reply before any scan code. None if there is nothing to say."""
        if not self._replies and not self._buffer and self._typed and self.scanning:
            self._fetch_typed()
        source = self._replies or self._buffer
        if not source:
            return None
        byte = source.pop(0)
        if byte != RESEND:  # a request of the guest to send again means what came before such a reply
            self._last_sent = byte
        return byte

    def _fetch_typed(self) -> None:
        """Moves one key's codes from those that wait into the empty buffer."""
        end = 0
        while end < min(len(self._typed), BUFFER) - 1 and self._typed[end] in PREFIXES:
            end += 1
        unit, self._typed = self._typed[: end + 1], self._typed[end + 1 :]
        self.press(unit)

    def receive(self, byte: int) -> None:
        """A command or option byte from the guest. What it has not fetched of an earlier reply is dropped."""
        command, self._command = self._command, 0
        self._replies.clear()
        if command and byte < SET_LEDS:
            self._take_option(command, byte)
        else:  # a new command in place of an option cancels the old one
            self._obey(byte)

    def _take_option(self, command: int, option: int) -> None:
        if command == SET_LEDS:
            self.leds = option & 7
        elif command == TYPEMATIC:
            self.typematic = option & 0x7F
        elif command == SCAN_SET:
            if option > 3:
                self._replies.append(RESEND)
                return
            if option == 0:
                self._replies += bytes((ACK, self.scan_set))
                return
            self._buffer.clear()
            self.scan_set = option
        else:  # ONE_KEY: takes keys until the next command
            self._command = command
        self._replies.append(ACK)

    def _obey(self, command: int) -> None:
        if command == ECHO:
            self._replies.append(ECHO)
        elif command == RESEND:
            self._replies.append(self._last_sent)
        elif command in (SET_LEDS, SCAN_SET, TYPEMATIC) or command in ONE_KEY:
            self._command = command
            self._replies.append(ACK)
        elif command == IDENTIFY:
            self._replies.append(ACK)
            self._replies += IDENTITY
        elif command == ENABLE:
            self._buffer.clear()
            self.scanning = True
            self._replies.append(ACK)
        elif command in (DISABLE, DEFAULTS):
            self._defaults()
            self.scanning = command == DEFAULTS
            self._replies.append(ACK)
        elif command in ALL_KEYS:
            self._replies.append(ACK)
        elif command == RESET:
            self._restart()
            self._replies += bytes((ACK, SELF_TEST_PASSED))
        else:
            self._replies.append(RESEND)

    # Part of the controller's state

    def save(self) -> dict[str, Any]:
        """Everything, as fields for the controller's State."""
        return {
            "replies": bytes(self._replies),
            "buffer": bytes(self._buffer),
            "typed": self._typed,
            "scanning": self.scanning,
            "scan_set": self.scan_set,
            "leds": self.leds,
            "typematic": self.typematic,
            "command": self._command,
            "last_sent": self._last_sent,
        }

    def load(self, fields: object) -> None:
        """Becomes the keyboard that was saved. SnapshotError, and no change, if there cannot be one like that."""
        if not isinstance(fields, dict) or set(fields) != {"typed", "scanning", *_LIMITS, *_LENGTHS}:
            raise SnapshotError("vmm.i8042: keyboard: not the fields of a keyboard")
        for name, value in fields.items():
            if name in _LIMITS:
                sound = type(value) is int and 0 <= value <= _LIMITS[name]
            elif name == "scanning":
                sound = type(value) is bool
            else:
                sound = type(value) is bytes and len(value) <= _LENGTHS.get(name, len(value))
            if not sound:
                raise SnapshotError(f"vmm.i8042: keyboard: {name} cannot be {value!r}")
        if fields["scan_set"] == 0:
            raise SnapshotError("vmm.i8042: keyboard: scan_set cannot be 0")
        if fields["command"] not in (0, SET_LEDS, SCAN_SET, TYPEMATIC, *ONE_KEY):
            raise SnapshotError(f"vmm.i8042: keyboard: no command {fields['command']:#x} waits for an option")
        self._replies = bytearray(fields["replies"])
        self._buffer = bytearray(fields["buffer"])
        self._typed = fields["typed"]
        self.scanning, self.scan_set = fields["scanning"], fields["scan_set"]
        self.leds, self.typematic = fields["leds"], fields["typematic"]
        self._command, self._last_sent = fields["command"], fields["last_sent"]
