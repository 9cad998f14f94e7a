"""Registers of a VGA that shows text: what is written is kept and read back, and retrace comes and goes with time.

Guest side: `registers` (offsets 0-15 of the block at 0x3c0), `crtc` (index, data) and `status` (input status 1 and
feature control). Host side: `start`, `cursor`, `cursor_shown` and `blinking`, for who looks at the screen.
It starts as a BIOS leaves it in mode 3, but that nobody has said where the screen starts and where the cursor is.
Vertical retrace is up for the whole vertical blanking, so that a guest that polls slowly does not miss it.
Not modelled: the video memory (plain memory of the machine), graphics modes, planes, fonts, what timing registers do
to the timing: a frame is always 449 lines of 31.8 us, 400 of them shown.
Source: IBM VGA technical reference (PS/2 hardware interface, video subsystem).
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ATTRIBUTE, ATTRIBUTE_READ, MISC_WRITE, SEQUENCER_INDEX, SEQUENCER_DATA = 0x0, 0x1, 0x2, 0x4, 0x5
PEL_MASK, PEL_READ, PEL_WRITE, PEL_DATA = 0x6, 0x7, 0x8, 0x9
FEATURE_READ, MISC_READ, GRAPHICS_INDEX, GRAPHICS_DATA = 0xA, 0xC, 0xE, 0xF
CURSOR_START, START_HIGH, START_LOW, CURSOR_HIGH, CURSOR_LOW, RETRACE_END = 0x0A, 0x0C, 0x0D, 0x0E, 0x0F, 0x11

CURSOR_OFF = 0x20  # in CURSOR_START
PROTECT = 0x80  # in RETRACE_END: registers 0-7 keep what they have, all but bit 4 of the last
MODE_CONTROL, BLINK = 0x10, 0x08  # of the attribute controller
DISPLAY_OFF, VERTICAL_RETRACE = 0x01, 0x08  # input status 1
SENSE = 0x10  # input status 0: a monitor is there

_LINE_NS, _SHOWN_NS, _LINES, _SHOWN_LINES = 31_778, 25_422, 449, 400
_STARTED, _PLACED = 1, 2
"""In `_set`: somebody wrote the start address; somebody wrote the place of the cursor."""

_MODE_3: dict[str, bytes] = {
    "crtc": bytes.fromhex("5f4f50825581bf1f004f0d0e000000009c8e8f281f96b9a3ff"),
    "attribute": bytes.fromhex("0001020304051407 38393a3b3c3d3e3f 0c000f0800"),
    "sequencer": bytes.fromhex("0300030002"),
    "graphics": bytes.fromhex("0000000000100e00ff"),
}
_SIZES = {**{name: len(table) for name, table in _MODE_3.items()}, "palette": 768}
_BYTES = ("misc", "feature", "pel_mask", "crtc_index", "attribute_index", "sequencer_index", "graphics_index")
_SMALL = {"pel_read": 767, "pel_write": 767, "pel_reads": 1, "data_is_next": 1, "set": 3}
"""Other saved fields, each with its largest value."""


class _Part:
    """Some offsets of the chip, as a device of their own."""

    def __init__(self, read: Callable[[int, int], int], write: Callable[[int, int, int], None]) -> None:
        self.read, self.write = read, write


class VgaText(Device):
    """The chip. `now` gives guest time in nanoseconds. Every access is of one byte."""

    name = "vga"

    _crtc: bytearray
    _attribute: bytearray
    _sequencer: bytearray
    _graphics: bytearray
    _misc: int
    _feature: int
    _pel_mask: int
    _crtc_index: int
    _attribute_index: int
    _sequencer_index: int
    _graphics_index: int
    _palette: bytearray
    _pel_read: int
    _pel_write: int
    _pel_reads: bool
    _set: int
    _data_is_next: bool

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.reset()

    @property
    def registers(self) -> _Part:
        """The block at 0x3c0. A new object each time: one that the chip kept would be a circle."""
        return _Part(self._read_register, self._write_register)

    @property
    def crtc(self) -> _Part:
        """Index and data of the CRT controller."""
        return _Part(self._read_crtc, self._write_crtc)

    @property
    def status(self) -> _Part:
        """Input status 1, and the feature control behind it."""
        return _Part(self._read_status, self._write_feature)

    # Host side

    @property
    def start(self) -> int | None:
        """Which cell of the video memory is shown first; None before the guest has said so."""
        return self._crtc[START_HIGH] << 8 | self._crtc[START_LOW] if self._set & _STARTED else None

    @property
    def cursor(self) -> int | None:
        """The cell of the video memory that the cursor is on; None before the guest has said so."""
        return self._crtc[CURSOR_HIGH] << 8 | self._crtc[CURSOR_LOW] if self._set & _PLACED else None

    @property
    def cursor_shown(self) -> bool:
        """Whether the cursor is switched on."""
        return not self._crtc[CURSOR_START] & CURSOR_OFF

    @property
    def blinking(self) -> bool:
        """Whether bit 7 of an attribute blinks; it brightens the background else."""
        return bool(self._attribute[MODE_CONTROL] & BLINK)

    # Guest side

    def _read_register(self, offset: int, _size: int) -> int:
        if offset == ATTRIBUTE:
            return self._attribute_index
        if offset == ATTRIBUTE_READ:
            return _of(self._attribute, self._attribute_index & 0x1F)
        if offset == MISC_WRITE:
            return SENSE
        if offset == SEQUENCER_INDEX:
            return self._sequencer_index
        if offset == SEQUENCER_DATA:
            return _of(self._sequencer, self._sequencer_index)
        if offset == PEL_MASK:
            return self._pel_mask
        if offset == PEL_READ:
            return 3 * self._pel_reads
        if offset == PEL_WRITE:
            return self._pel_write // 3
        if offset == PEL_DATA:
            value = self._palette[self._pel_read]
            self._pel_read = (self._pel_read + 1) % len(self._palette)
            return value
        if offset == FEATURE_READ:
            return self._feature
        if offset == MISC_READ:
            return self._misc
        if offset == GRAPHICS_INDEX:
            return self._graphics_index
        if offset == GRAPHICS_DATA:
            return _of(self._graphics, self._graphics_index)
        return 0xFF

    def _write_register(self, offset: int, _size: int, value: int) -> None:
        if offset == ATTRIBUTE:
            if self._data_is_next:
                _keep(self._attribute, self._attribute_index & 0x1F, value)
            else:
                self._attribute_index = value & 0x3F
            self._data_is_next = not self._data_is_next
        elif offset == MISC_WRITE:
            self._misc = value
        elif offset == SEQUENCER_INDEX:
            self._sequencer_index = value
        elif offset == SEQUENCER_DATA:
            _keep(self._sequencer, self._sequencer_index, value)
        elif offset == PEL_MASK:
            self._pel_mask = value
        elif offset == PEL_READ:
            self._pel_read, self._pel_reads = 3 * value, True
        elif offset == PEL_WRITE:
            self._pel_write, self._pel_reads = 3 * value, False
        elif offset == PEL_DATA:
            self._palette[self._pel_write] = value & 0x3F
            self._pel_write = (self._pel_write + 1) % len(self._palette)
        elif offset == GRAPHICS_INDEX:
            self._graphics_index = value
        elif offset == GRAPHICS_DATA:
            _keep(self._graphics, self._graphics_index, value)

    def _read_crtc(self, offset: int, _size: int) -> int:
        return _of(self._crtc, self._crtc_index) if offset else self._crtc_index

    def _write_crtc(self, offset: int, _size: int, value: int) -> None:
        index = self._crtc_index
        if offset == 0:
            self._crtc_index = value
        elif index < 8 and self._crtc[RETRACE_END] & PROTECT:
            if index == 7:
                self._crtc[7] = self._crtc[7] & ~0x10 | value & 0x10
        else:
            _keep(self._crtc, index, value)
            if index in (START_HIGH, START_LOW):
                self._set |= _STARTED
            elif index in (CURSOR_HIGH, CURSOR_LOW):
                self._set |= _PLACED

    def _read_status(self, _offset: int, _size: int) -> int:
        """Also makes the next write to the attribute controller an index."""
        self._data_is_next = False
        line, moment = divmod(self._now(), _LINE_NS)
        if line % _LINES >= _SHOWN_LINES:
            return DISPLAY_OFF | VERTICAL_RETRACE
        return DISPLAY_OFF if moment >= _SHOWN_NS else 0

    def _write_feature(self, _offset: int, _size: int, value: int) -> None:
        self._feature = value

    # Lifecycle

    def reset(self) -> None:
        """Mode 3, cursor and start address unset."""
        self._crtc, self._attribute, self._sequencer, self._graphics = map(bytearray, _MODE_3.values())
        self._palette = bytearray(_colours())
        self._misc, self._feature, self._pel_mask = 0x67, 0, 0xFF
        self._crtc_index = self._sequencer_index = self._graphics_index = 0
        self._attribute_index = 0x20  # the palette belongs to the screen, not to the CPU
        self._pel_read = self._pel_write = self._set = 0
        self._pel_reads = self._data_is_next = False

    def save(self) -> State:
        """All registers."""
        tables = {name: bytes(getattr(self, f"_{name}")) for name in _SIZES}
        return State("vmm.vga", 1, tables | {name: int(getattr(self, f"_{name}")) for name in (*_BYTES, *_SMALL)})

    def load(self, state: State) -> None:
        """Becomes the saved chip."""
        fields = state.expect("vmm.vga", 1, (*_SIZES, *_BYTES, *_SMALL))
        for name, size in _SIZES.items():
            if type(fields[name]) is not bytes or len(fields[name]) != size:
                raise SnapshotError(f"vmm.vga: {name} must be {size} bytes")
        for name, most in {**dict.fromkeys(_BYTES, 0xFF), **_SMALL}.items():
            if type(fields[name]) is not int or not 0 <= fields[name] <= most:
                raise SnapshotError(f"vmm.vga: {name} must be from 0 to {most}, not {fields[name]!r}")
        for name in _SIZES:
            setattr(self, f"_{name}", bytearray(fields[name]))
        for name in (*_BYTES, *_SMALL):
            setattr(self, f"_{name}", fields[name])


def _of(table: bytearray, index: int) -> int:
    return table[index] if index < len(table) else 0


def _keep(table: bytearray, index: int, value: int) -> None:
    if index < len(table):
        table[index] = value


def _colours() -> bytes:
    """The 64 colours of an EGA (two thirds of a gun for its low bit, one for its high), and 192 times black."""
    levels = ((42 * (code >> gun & 1) + 21 * (code >> gun + 3 & 1) for gun in (2, 1, 0)) for code in range(64))
    return bytes(level for colour in levels for level in colour) + bytes(576)
