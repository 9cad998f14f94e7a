"""The text screen in a machine's memory, found as a display adapter and a BIOS leave it, as a Screen.

The BIOS data area says mode, size, page and cursor; where it says nothing plausible it is mode 3: 80 by 25, without
a cursor. A display chip that the guest has told its start address, cursor or blinking knows better.
Not modelled: graphics modes (the text memory is read all the same).
Source: IBM PC and PS/2 BIOS interface technical reference (BIOS data area).
"""

from __future__ import annotations

from ..errors import ConfigError
from ..observe.screen import Screen
from ..units import format_size
from . import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..memory.guest_memory import GuestMemory

MONOCHROME = 7
"""The mode with its memory at 0xb0000."""
_TEXT_MODES = (0, 1, 2, 3, MONOCHROME)
_MODE, _COLUMNS, _PAGE_START, _CURSORS, _CURSOR_SHAPE, _PAGE, _LAST_ROW = 0x49, 0x4A, 0x4E, 0x50, 0x60, 0x62, 0x84
_HIDDEN = 0x20  # in the first line of the cursor's shape
_PLAUSIBLE_ROWS = range(12, 61)


def is_there(memory: GuestMemory) -> bool:
    """Whether there is memory where the text screen is: a machine of less than 768 KiB has none."""
    return memory.contains(*layout.TEXT_COLOUR)


def read(memory: GuestMemory, chip: Any = None) -> Screen:
    """The screen now; a guest that runs may be halfway through a change. `chip` is the VGA, if the guest has used one.

    ConfigError where there is none.
    """
    if not is_there(memory):
        raise ConfigError.of(
            "screen", f"a text screen needs memory at 0xb8000, 768 KiB or more; there are {format_size(memory.size)}"
        )
    area = memory.read(*layout.BIOS_DATA)
    mode, columns = area[_MODE], _word(area, _COLUMNS)
    has_bios = mode in _TEXT_MODES and columns in (40, 80)
    if not has_bios:
        mode, columns = 3, 80
    rows = area[_LAST_ROW] + 1
    if not has_bios or rows not in _PLAUSIBLE_ROWS:
        rows = 25
    base, size = layout.TEXT_MONOCHROME if mode == MONOCHROME else layout.TEXT_COLOUR
    start = _word(area, _PAGE_START) & ~1 if has_bios else 0
    cursor = _bios_cursor(area, columns) if has_bios else None
    blinking = True
    if chip is not None:
        blinking = chip.blinking
        if chip.start is not None:
            start = 2 * chip.start
        if chip.cursor is not None:
            cursor = divmod(chip.cursor - start // 2, columns)
        if not chip.cursor_shown:
            cursor = None
    window = memory.read(base, size)
    start %= size
    cells = (window[start:] + window)[: 2 * columns * rows]
    if cursor is not None and not (0 <= cursor[0] < rows and 0 <= cursor[1] < columns):
        cursor = None
    return Screen(columns=columns, rows=rows, cells=cells, cursor=cursor, blinking=blinking)


def _bios_cursor(area: bytes, columns: int) -> tuple[int, int] | None:
    """(row, column) on the active page; None while it is hidden."""
    if area[_CURSOR_SHAPE + 1] & _HIDDEN:
        return None
    at = _CURSORS + 2 * (area[_PAGE] & 7)
    return area[at + 1], area[at]


def _word(area: bytes, offset: int) -> int:
    return area[offset] | area[offset + 1] << 8
