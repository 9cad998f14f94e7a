"""INT 10h: the text screen, which is guest RAM at 0xb8000 (mode 7: 0xb0000), and what the data area says of it.

What is printed is also told to a Mirror, for a user without a display. Registers of the display's chip are not
written: who draws the screen reads the data area.
Not modelled: graphics modes, fonts and line counts but 25, palettes, light pen, VESA.
Source: IBM PS/2 and PC BIOS interface technical reference, INT 10h.
"""

from __future__ import annotations

from . import ram as at
from .frame import linear
from .mirror import Mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .frame import Frame
    from .ram import Ram

COLOUR, MONOCHROME = 0xB8000, 0xB0000
ROWS = 25
MODES = {0: 40, 1: 40, 2: 80, 3: 80, 7: 80}
"""Columns of each text mode."""
_MODE_CONTROL = {0: 0x2C, 1: 0x28, 2: 0x2D, 3: 0x29, 7: 0x29}
_BLANK = 0x0720
_BELL, _BACKSPACE, _LINE_FEED, _RETURN = 7, 8, 10, 13


class Video:
    """The service. `say` takes what the guest prints, as Mirror tells it."""

    def __init__(self, ram: Ram, say: Callable[[bytes], None]) -> None:
        self._ram = ram
        self.mirror = Mirror(say)
        self.functions: dict[int, Callable[[Frame], None]] = {
            0x00: self._set_mode, 0x01: self._set_shape, 0x02: self._set_cursor, 0x03: self._get_cursor,
            0x05: self._set_page, 0x06: self._scroll, 0x07: self._scroll, 0x08: self._read_cell,
            0x09: self._write_cells, 0x0A: self._write_cells, 0x0E: self._teletype, 0x0F: self._get_mode,
            0x12: self._adapter, 0x13: self._string, 0x1A: self._combination,
        }  # fmt: skip

    # What the data area says, made safe: a guest may write anything there.

    @property
    def mode(self) -> int:
        """The text mode; 3 when the data area has none."""
        mode = self._ram.get(at.VIDEO_MODE) & 0x7F
        return mode if mode in MODES else 3

    @property
    def _page(self) -> int:
        return self._ram.get(at.ACTIVE_PAGE) & 7

    def _page_at(self, page: int, mode: int) -> int:
        size = 0x800 if MODES[mode] == 40 else 0x1000
        return (MONOCHROME if mode == 7 else COLOUR) + (page & 7) * size

    def _cursor(self, page: int, columns: int) -> tuple[int, int]:
        """(row, column), on the screen."""
        place = self._ram.get(at.CURSORS + 2 * (page & 7), 2)
        return min(place >> 8, ROWS - 1), min(place & 0xFF, columns - 1)

    def _place(self, page: int, row: int, column: int) -> None:
        self._ram.put(at.CURSORS + 2 * (page & 7), row << 8 | column, 2)

    # Functions

    def start(self, mode: int, clear: bool = True) -> None:
        """Sets a text mode: screen blank, cursor at home, page 0, and the data area says so."""
        self.mirror.start_anew()
        ram, columns = self._ram, MODES[mode]
        base, size = (MONOCHROME if mode == 7 else COLOUR), 0x8000
        if clear:
            ram.write(base, _BLANK.to_bytes(2, "little") * (size // 2))
        ram.put(at.VIDEO_MODE, mode)
        ram.put(at.COLUMNS, columns, 2)
        ram.put(at.PAGE_SIZE, 0x800 if columns == 40 else 0x1000, 2)
        ram.put(at.PAGE_START, 0, 2)
        for page in range(8):
            self._place(page, 0, 0)
        ram.put(at.CURSOR_SHAPE, 0x0B0C if mode == 7 else 0x0607, 2)
        ram.put(at.ACTIVE_PAGE, 0)
        ram.put(at.CRTC_PORT, 0x3B4 if mode == 7 else 0x3D4, 2)
        ram.put(at.MODE_CONTROL, _MODE_CONTROL[mode], 2)
        ram.put(at.LAST_ROW, ROWS - 1)
        ram.put(at.CHARACTER_HEIGHT, 16, 2)
        ram.put(at.VIDEO_CONTROL, 0x60 if clear else 0xE0)
        ram.put(at.VIDEO_SWITCHES, 0xF9)

    def _set_mode(self, frame: Frame) -> None:
        mode = frame.al & 0x7F
        if mode not in MODES:
            frame.carry = 1  # graphics: the screen stays as it is
            return
        self.start(mode, clear=not frame.al & 0x80)
        frame.al, frame.carry = 0x30, 0

    def _set_shape(self, frame: Frame) -> None:
        self._ram.put(at.CURSOR_SHAPE, frame.cx & 0x7F1F, 2)

    def _set_cursor(self, frame: Frame) -> None:
        self._place(frame.bh, frame.dh, frame.dl)

    def _get_cursor(self, frame: Frame) -> None:
        frame.dx = self._ram.get(at.CURSORS + 2 * (frame.bh & 7), 2)
        frame.cx = self._ram.get(at.CURSOR_SHAPE, 2)

    def _set_page(self, frame: Frame) -> None:
        page, mode = frame.al & 7, self.mode
        self._ram.put(at.ACTIVE_PAGE, page)
        self._ram.put(at.PAGE_START, self._page_at(page, mode) - self._page_at(0, mode), 2)

    def _scroll(self, frame: Frame) -> None:
        columns = MODES[self.mode]
        top, left, bottom, right = frame.ch, frame.cl, min(frame.dh, ROWS - 1), min(frame.dl, columns - 1)
        if top > bottom or left > right:
            return
        height = bottom - top + 1
        lines = frame.al if 0 < frame.al < height else height
        if frame.ah == 0x06 and height == ROWS and lines < height:
            self.mirror.scroll(lines)
        self._shift(top, left, bottom, right, lines, frame.ah == 0x06, frame.bh)

    def _shift(self, top: int, left: int, bottom: int, right: int, lines: int, up: bool, attribute: int) -> None:
        """Moves a window of the active page by `lines`, blanks at the end it comes from."""
        ram, mode = self._ram, self.mode
        base, width, size = self._page_at(self._page, mode), 2 * MODES[mode], 2 * (right - left + 1)
        rows = [ram.read(base + row * width + 2 * left, size) or bytes(size) for row in range(top, bottom + 1)]
        blank = [bytes((0x20, attribute)) * (size // 2)] * lines
        rows = rows[lines:] + blank if up else blank + rows[: len(rows) - lines]
        for row, cells in enumerate(rows, top):
            ram.write(base + row * width + 2 * left, cells)

    def _cell_at(self, page: int) -> tuple[int, int]:
        """(address of the cell under a page's cursor, cells from there to the end of the page)."""
        mode = self.mode
        row, column = self._cursor(page, MODES[mode])
        cell = row * MODES[mode] + column
        return self._page_at(page, mode) + 2 * cell, ROWS * MODES[mode] - cell

    def _read_cell(self, frame: Frame) -> None:
        frame.ax = self._ram.get(self._cell_at(frame.bh)[0], 2)

    def _write_cells(self, frame: Frame) -> None:
        gpa, room = self._cell_at(frame.bh)
        count = min(frame.cx, room)
        self.mirror.put(frame.al, count, self._cursor(frame.bh, MODES[self.mode]))
        if frame.ah == 0x09:
            self._ram.write(gpa, bytes((frame.al, frame.bl)) * count)
        else:
            for cell in range(gpa, gpa + 2 * count, 2):
                self._ram.put(cell, frame.al)

    def _get_mode(self, frame: Frame) -> None:
        mode = self.mode
        frame.ah, frame.al, frame.bh = MODES[mode], mode | self._ram.get(at.VIDEO_CONTROL) & 0x80, self._page

    def _adapter(self, frame: Frame) -> None:
        if frame.bl != 0x10:
            frame.carry = 1
            return
        frame.bx, frame.cx, frame.carry = (0x0103 if self.mode == 7 else 0x0003), 0x0009, 0

    def _combination(self, frame: Frame) -> None:
        if frame.al:
            frame.carry = 1
            return
        frame.al, frame.bx, frame.carry = 0x1A, (7 if self.mode == 7 else 8), 0

    def _teletype(self, frame: Frame) -> None:
        self.print(bytes((frame.al,)))

    def _string(self, frame: Frame) -> None:
        """AL bit 1: every character is followed by its attribute; bit 0: the cursor stays behind the string."""
        step = 2 if frame.al & 2 else 1
        raw = self._ram.read(linear(frame.es, frame.bp), frame.cx * step)
        if raw is None:
            frame.carry = 1
            return
        page, old = frame.bh & 7, self._ram.get(at.CURSORS + 2 * (frame.bh & 7), 2)
        self._place(page, frame.dh, frame.dl)
        text = raw[::step]
        attributes = raw[1::2] if step == 2 else bytes((frame.bl,)) * len(text)
        self._write(text, attributes, page)
        if not frame.al & 1:
            self._ram.put(at.CURSORS + 2 * page, old, 2)
        frame.carry = 0

    # Printing

    def print(self, text: bytes) -> None:
        """Teletype: at the cursor of the active page, in the colours that are there; the page scrolls."""
        self._write(text, None, self._page)

    def _write(self, text: bytes, attributes: bytes | None, page: int) -> None:
        ram, mode = self._ram, self.mode
        columns, base = MODES[mode], self._page_at(page, mode)
        row, column = start = self._cursor(page, columns)
        for index, code in enumerate(text):
            if code == _BACKSPACE:
                column = max(column - 1, 0)
            elif code == _RETURN:
                column = 0
            elif code == _LINE_FEED:
                row += 1
            elif code != _BELL:
                cell = base + 2 * (row * columns + column)
                ram.put(cell, code)
                if attributes is not None:
                    ram.put(cell + 1, attributes[index])
                column += 1
                if column == columns:
                    row, column = row + 1, 0
            if row == ROWS:
                row = ROWS - 1
                self._scroll_page(base, columns)
        self._place(page, row, column)
        self.mirror.print(text, start, (row, column))

    def _scroll_page(self, base: int, columns: int) -> None:
        """One line up; the new line has the colours at the end of the last one."""
        width = 2 * columns
        cells = self._ram.read(base, ROWS * width) or bytes(ROWS * width)
        self._ram.write(base, cells[width:] + bytes((0x20, cells[-1])) * columns)
