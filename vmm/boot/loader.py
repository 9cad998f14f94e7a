"""The loader protocol: an image in, bytes in guest memory and the start of the CPU out.

A loader touches guest memory only; it sets no register and knows no device. Which loader takes an image is
decided by `choose`, which refuses what none of them knows and says what it is.
"""

from __future__ import annotations

from ..errors import BootError
from ..records import Record
from ..units import format_size
from .formats import detect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    Image = bytes | memoryview
    Piece = tuple[int, Image, int]
    """(guest physical address, content, size): the content and then zeroes up to the size."""

    class Memory(Protocol):
        """What a loader asks of guest memory."""

        @property
        def size(self) -> int:
            """Bytes of guest RAM."""

        def contains(self, gpa: int, size: int) -> bool:
            """Whether all of [gpa, gpa + size) is RAM."""

        def write(self, gpa: int, data: Image) -> None:
            """Copies `data` to `gpa`."""

        def fill(self, gpa: int, size: int, byte: int = 0) -> None:
            """Sets `size` bytes from `gpa` to `byte`."""

    class Loader(Protocol):
        """One image format; any object or module with these names. The others only ask `format` and these two."""

        @property
        def format(self) -> str:
            """The name a user gives with --format, and which refusals start with."""

        def recognises(self, image: Image) -> bool:
            """Whether the image looks like this format. Looks at a few bytes; never raises."""

        def load(self, image: Image, memory: Memory, params: BootParams) -> BootState:
            """Fills memory and says how to start. BootError refuses the image before any byte is written."""


MODES = ("real", "protected", "paged", "long")
"""CPU modes at the first instruction: 16-bit real, 32-bit flat, 32-bit with paging, 64-bit."""
RESET = "reset"
"""The mode of firmware alone: the CPU as it is after power-on, at the reset vector below 4 GiB."""

REAL_MODE_END = 0x10_0000
"""A real-mode entry lies below: CS:IP is (entry >> 4 & 0xf000) : (entry & 0xffff), with no part out of reach."""


class BootParams(Record):
    """What the user decided; None leaves it to the format's default."""

    mode: str | None = None
    """One of MODES."""
    load: int | None = None
    """Guest physical address of the first byte; flat images only."""
    entry: int | None = None
    """Guest physical address of the first instruction."""
    command_line: str = ""
    """For protocols that have one."""
    modules: tuple[tuple[bytes, str], ...] = ()
    """(content, words that go with it) of what is loaded beside the image."""
    path: str = ""
    """Where the image came from, for symbols and messages; never opened here."""
    memory_map: tuple[tuple[int, int, int], ...] = ()
    """(start, size, type as of E820: 1 usable, 2 reserved) by address, for protocols that tell the guest."""
    protocol: str = ""
    """Which of a format's entries starts it, such as "linux64" or "pvh"; "" for the format's best."""
    rsdp: int = 0
    """Guest physical address of ACPI's root pointer, for protocols that tell the guest; 0 when there is none."""


class BootState(Record):
    """How to start the guest that was loaded."""

    format: str
    """Name of the loader."""
    mode: str
    """One of MODES: the mode of the CPU at `entry`."""
    entry: int
    """Guest physical address of the first instruction (in real mode a linear address below REAL_MODE_END)."""
    end: int
    """First address above everything loaded, zero-filled memory included."""
    loaded: tuple[tuple[int, int, str], ...]
    """(guest physical address, size, what stands there), by address; ranges do not overlap."""
    symbols: str = ""
    """Path of a file that may hold symbols for these addresses, or "" when there is none."""
    symbol_offset: int = 0
    """Guest physical address minus symbol address at `entry`: 0 unless the image is linked elsewhere."""
    registers: tuple[tuple[str, object], ...] = ()
    """(name such as "rax", value) that the boot protocol promises at `entry`; names of modes.InitialState."""


def choose(loaders: Sequence[Loader], image: Image, format: str | None = None) -> Loader:
    """The loader called `format`, or the first that recognises the image.

    BootError when `format` is none of theirs, when nobody recognises the image (it says what was found), or when
    the image is empty.
    """
    names = " and ".join(loader.format for loader in loaders)
    if not len(image):
        raise BootError(format or "boot", "found an empty file")
    for loader in loaders:
        if loader.format == format or (format is None and loader.recognises(image)):
            return loader
    if format is not None:
        raise BootError(format, f"there is no such format here; known: {names}")
    raise BootError("boot", f"found {detect(image)}, which does not boot here; known formats: {names}")


def check_mode(format: str, mode: str) -> None:
    """BootError when `mode` is none of MODES."""
    if mode not in MODES:
        raise BootError(format, f"unknown CPU mode {mode!r}; known: {', '.join(MODES)}")


def check_entry(format: str, mode: str, entry: int, loaded: Sequence[tuple[int, int, str]]) -> None:
    """BootError when the first instruction would be out of the mode's reach, or outside everything loaded."""
    limit = {"real": REAL_MODE_END, "long": 1 << 52}.get(mode, 1 << 32)
    if not 0 <= entry < limit:
        raise BootError(format, f"entry {entry:#x} is out of reach in {mode} mode, which starts below {limit:#x}")
    for gpa, size, _ in loaded:
        if gpa <= entry < gpa + size:
            break
    else:
        ranges = ", ".join(f"[{gpa:#x}, {gpa + size:#x})" for gpa, size, _ in loaded)
        raise BootError(format, f"entry {entry:#x} lies outside what is loaded: {ranges}")


def check_room(format: str, memory: Memory, gpa: int, size: int, what: str, offset: int | None = None) -> None:
    """BootError when [gpa, gpa + size) is not all guest RAM. `offset` is the byte of the image that asks for it."""
    if gpa < 0 or not memory.contains(gpa, size):
        raise BootError(
            format,
            f"{what} needs [{gpa:#x}, {gpa + size:#x}), which is not all guest RAM ({format_size(memory.size)})",
            offset,
        )


def put(memory: Memory, pieces: Sequence[Piece]) -> None:
    """Writes pieces that are known to fit."""
    for gpa, content, size in pieces:
        if len(content):
            memory.write(gpa, content)
        if size > len(content):
            memory.fill(gpa + len(content), size - len(content))
