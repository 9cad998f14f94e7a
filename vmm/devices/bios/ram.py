"""Guest memory as a BIOS service sees it: RAM alone, and an address that a guest made up is an answer, no exception.

The fixed places that services share are named here: the BIOS data area at 0x400, the extended one above it.
Source: IBM PS/2 and PC BIOS interface technical reference, section 3 (data areas).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Memory(Protocol):
        """What is asked of guest memory."""

        def contains(self, gpa: int, size: int = 1) -> bool: ...
        def is_writable(self, gpa: int, size: int = 1) -> bool: ...
        def read(self, gpa: int, size: int) -> bytes: ...
        def write(self, gpa: int, data: bytes) -> None: ...


COM_PORTS = 0x400
EBDA_SEGMENT = 0x40E
EQUIPMENT = 0x410
BASE_MEMORY = 0x413
SHIFT_FLAGS, SHIFT_FLAGS_2 = 0x417, 0x418
KEYPAD = 0x419
KEYBOARD_HEAD, KEYBOARD_TAIL = 0x41A, 0x41C
KEYBOARD_BUFFER = 0x41E
FLOPPY_STATUS = 0x441
VIDEO_MODE, COLUMNS, PAGE_SIZE, PAGE_START, CURSORS = 0x449, 0x44A, 0x44C, 0x44E, 0x450
CURSOR_SHAPE, ACTIVE_PAGE, CRTC_PORT, MODE_CONTROL = 0x460, 0x462, 0x463, 0x465
TICKS, MIDNIGHT = 0x46C, 0x470
DISK_STATUS, DISK_COUNT = 0x474, 0x475
SERIAL_TIMEOUTS = 0x47C
KEYBOARD_START, KEYBOARD_END = 0x480, 0x482
LAST_ROW, CHARACTER_HEIGHT, VIDEO_CONTROL, VIDEO_SWITCHES = 0x484, 0x485, 0x487, 0x488
KEYBOARD_KIND = 0x496
WAIT_FLAG = 0x4A0

BDA, BDA_SIZE = 0x400, 0x100
SEGMENT = 0x40
"""What offsets in the keyboard's pointers count from, in paragraphs."""


class Ram:
    """Bounded access to the RAM of one machine."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def holds(self, gpa: int, size: int) -> bool:
        """Whether [gpa, gpa + size) is RAM that may be written."""
        return self._memory.is_writable(gpa, size)

    def read(self, gpa: int, size: int) -> bytes | None:
        """The bytes, of RAM or ROM; None when some are not there."""
        return self._memory.read(gpa, size) if self._memory.contains(gpa, size) else None

    def write(self, gpa: int, data: bytes) -> bool:
        """Whether all of it could be written; else none was."""
        if not self._memory.is_writable(gpa, len(data)):
            return False
        self._memory.write(gpa, data)
        return True

    def get(self, gpa: int, size: int = 1) -> int:
        """A little-endian number in the data areas, which are RAM in every machine with a BIOS."""
        return int.from_bytes(self._memory.read(gpa, size), "little")

    def put(self, gpa: int, value: int, size: int = 1) -> None:
        """Writes such a number, cut to `size` bytes."""
        self._memory.write(gpa, (value & ((1 << 8 * size) - 1)).to_bytes(size, "little"))
