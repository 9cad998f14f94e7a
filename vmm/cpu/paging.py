"""Page tables of x86: the ones built for a guest that starts with paging on, and the walk through any guest's own.

Built tables map every address to itself, present, writable, open to ring 3, and marked accessed and dirty so that
nobody has to write them later. The walk reads guest memory as data: it neither sets accessed bits nor decides
whether an access is allowed (it reports the permissions), and knows no protection keys and no shadow stacks.
Source: Intel SDM volume 3A chapter 5; AMD APM volume 2 chapter 5.
"""

from __future__ import annotations

from ..bits import in_words
from ..errors import VmmError
from ..units import GiB, MiB
from .control import CR0_PG, CR4_LA57, CR4_PAE, CR4_PSE, EFER_LMA, EFER_NXE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_SIZE = 0x1000

PRESENT = 1 << 0
WRITABLE = 1 << 1
USER = 1 << 2
ACCESSED = 1 << 5
DIRTY = 1 << 6
LARGE = 1 << 7
NO_EXECUTE = 1 << 63

_TABLE = PRESENT | WRITABLE | USER | ACCESSED
_PAGE = _TABLE | DIRTY | LARGE

_NAMES = {0: "P", 1: "W", 2: "U", 3: "PWT", 4: "PCD", 5: "A"}
_LEAF_NAMES = _NAMES | {6: "D", 8: "G"}
_FRAME = 0x000F_FFFF_FFFF_F000
_HOLES = (VmmError, LookupError, ValueError)


def _progression(first: int, step: int, count: int, width: int) -> bytes:
    """`count` (a power of two) little-endian numbers of `width` bytes: first, first + step, first + 2 * step, ...

    One long integer doubled until it holds all: half the time of struct.pack, and without importing it.
    """
    numbers, ones, held = first, 1, 1
    bits = 8 * width
    while held < count:
        numbers |= (numbers + ones * (held * step)) << (bits * held)
        ones |= ones << (bits * held)
        held *= 2
    return numbers.to_bytes(width * count, "little")


def identity32() -> bytes:
    """One page directory that maps 4 GiB to itself by 4 MiB pages (CR4.PSE), for 32-bit paging."""
    return _progression(_PAGE, 4 * MiB, 1024, 4)


def identity64_gigabytes(memory_end: int) -> int:
    """How many GiB identity64() maps: all up to `memory_end`, and at least the 4 GiB that hold the devices."""
    return max(4, -(-memory_end // GiB))


def identity64(at: int, memory_end: int) -> bytes:
    """Tables for 4-level paging, to stand at `at`, which is also the value of CR3: PML4, PDPT, page directories.

    Maps identity64_gigabytes() to themselves by 2 MiB pages: (2 + that many) pages of tables. ValueError above the
    512 GiB that one PDPT reaches.
    """
    gigabytes = identity64_gigabytes(memory_end)
    if gigabytes > 512:
        raise ValueError(f"the start-up page tables reach 512 GiB, not {gigabytes} GiB")
    pml4 = (at + PAGE_SIZE | _TABLE).to_bytes(PAGE_SIZE, "little")
    pdpt = b"".join([(at + (2 + index) * PAGE_SIZE | _TABLE).to_bytes(8, "little") for index in range(gigabytes)])
    one = _progression(_PAGE, 2 * MiB, 512, 8)
    first = int.from_bytes(one, "little")
    ones = int.from_bytes((b"\x01" + bytes(7)) * 512, "little")
    directories = [(first + ones * (index * GiB)).to_bytes(PAGE_SIZE, "little") for index in range(1, gigabytes)]
    return b"".join([pml4, pdpt.ljust(PAGE_SIZE, b"\0"), one, *directories])


class Entry:
    """One entry that a walk read: its level ("PML4E", "PDPTE", ...), guest physical address, value and flags."""

    __slots__ = ("flags", "gpa", "level", "value")

    def __init__(self, level: str, gpa: int, value: int, flags: str) -> None:
        self.level = level
        self.gpa = gpa
        self.value = value
        self.flags = flags

    def in_words(self) -> str:
        """One line: level, where it stands, what it holds, the flags that are set."""
        return f"{self.level:<5} at {self.gpa:#x} = {self.value:#018x} {self.flags}".rstrip()


class Walk:
    """What became of one linear address. Either `gpa` is a number and `fault` is empty, or gpa is None."""

    __slots__ = ("entries", "executable", "fault", "gpa", "gva", "mode", "page_size", "user", "writable")

    def __init__(self, gva: int, mode: str) -> None:
        self.gva = gva
        self.mode = mode
        self.entries: list[Entry] = []
        self.gpa: int | None = None
        self.page_size = 0
        """Bytes of the page that maps the address; 0 without paging or without a mapping."""
        self.fault = ""
        """Why there is no translation, in words."""
        self.writable = self.user = self.executable = True
        """Permissions that all levels together grant."""

    def in_words(self) -> list[str]:
        """The walk as lines of a report: the entries from the root down, then the result."""
        lines = [entry.in_words() for entry in self.entries]
        if self.gpa is None:
            return [*lines, f"{self.gva:#x} -> {self.fault} ({self.mode})"]
        if not self.page_size:
            return [f"{self.gva:#x} -> {self.gpa:#x} ({self.mode})"]
        size = f"{self.page_size >> 10} KiB" if self.page_size < MiB else f"{self.page_size >> 20} MiB"
        rights = " ".join(
            name
            for name, granted in (("writable", self.writable), ("user", self.user), ("executable", self.executable))
            if granted
        )
        return [*lines, f"{self.gva:#x} -> {self.gpa:#x}, {size} page, {rights or 'read-only'} ({self.mode})"]


def walk(
    read: Callable[[int, int], bytes],
    cr3: int,
    cr0: int,
    cr4: int,
    efer: int,
    gva: int,
    physical_bits: int = 52,
) -> Walk:
    """Translates the linear address `gva` as the CPU would; at most five reads, whatever the memory holds.

    `read(gpa, size)` gives guest memory; where there is none it answers short, or raises VmmError, LookupError or
    ValueError, and the walk ends there. Bits of an address from `physical_bits` upward are reserved.
    """
    long = bool(efer & EFER_LMA)
    if not long:
        gva &= 0xFFFF_FFFF
    if not cr0 & CR0_PG:
        result = Walk(gva, "no paging")
        result.gpa = gva
        return result
    reserved = _FRAME & -1 << physical_bits
    if not efer & EFER_NXE:
        reserved |= NO_EXECUTE
    if long:
        levels: tuple[tuple[str, int], ...]
        if cr4 & CR4_LA57:
            levels = (("PML5E", 48), ("PML4E", 39), ("PDPTE", 30), ("PDE", 21), ("PTE", 12))
        else:
            levels = (("PML4E", 39), ("PDPTE", 30), ("PDE", 21), ("PTE", 12))
        result = Walk(gva, f"{len(levels)}-level paging")
        top = gva >> levels[0][1] + 8
        if top not in (0, (1 << 64 - levels[0][1] - 8) - 1):
            result.fault = "the address is not canonical"
            return result
        return _descend(result, read, cr3 & _FRAME, levels, reserved)
    if cr4 & CR4_PAE:
        return _descend(
            Walk(gva, "PAE paging"), read, cr3 & 0xFFFF_FFE0, (("PDPTE", 30), ("PDE", 21), ("PTE", 12)), reserved
        )
    return _descend32(Walk(gva, "32-bit paging"), read, cr3 & 0xFFFF_F000, bool(cr4 & CR4_PSE), physical_bits)


def _entry(result: Walk, read: Callable[[int, int], bytes], level: str, gpa: int, size: int) -> int | None:
    """The entry's value, or None with the fault told."""
    try:
        raw = read(gpa, size)
    except _HOLES:
        raw = b""
    if len(raw) < size:
        result.fault = f"the {level} at {gpa:#x} lies outside guest memory"
        return None
    value = int.from_bytes(raw[:size], "little")
    large = level != "PTE" and bool(value & LARGE)
    flags = in_words(value, _LEAF_NAMES if large or level == "PTE" else _NAMES)
    flags += (" PS" if large else "") + (" XD" if value & NO_EXECUTE else "")
    result.entries.append(Entry(level, gpa, value, flags))
    if not value & PRESENT:
        result.fault = f"the {level} is not present"
        return None
    return value


def _grant(result: Walk, value: int) -> None:
    result.writable &= bool(value & WRITABLE)
    result.user &= bool(value & USER)
    result.executable &= not value & NO_EXECUTE


def _descend(
    result: Walk,
    read: Callable[[int, int], bytes],
    table: int,
    levels: tuple[tuple[str, int], ...],
    reserved: int,
) -> Walk:
    """The walk with entries of 8 bytes."""
    pae = levels[0][0] == "PDPTE"
    for depth, (level, shift) in enumerate(levels):
        index = result.gva >> shift & (3 if pae and not depth else 511)
        value = _entry(result, read, level, table + 8 * index, 8)
        if value is None:
            return result
        pointer = pae and not depth
        leaf = shift == 12 or (value & LARGE and shift <= 30 and not pointer)
        forbidden = reserved
        if pointer:
            forbidden |= NO_EXECUTE | 0x1E6
        elif leaf:
            forbidden |= (1 << shift) - 1 & ~0x1FFF  # below a large page's frame lie PAT (bit 12) and reserved bits
        else:
            forbidden |= LARGE if shift > 30 else 0
        if pae:
            forbidden |= 0x7FF0_0000_0000_0000
        if value & forbidden:
            result.fault = f"the {level} has reserved bits set: {value & forbidden:#x}"
            return result
        if not pointer:
            _grant(result, value)
        if leaf:
            result.page_size = 1 << shift
            result.gpa = value & _FRAME & -1 << shift | result.gva & (1 << shift) - 1
            return result
        table = value & _FRAME
    return result


def _descend32(
    result: Walk, read: Callable[[int, int], bytes], table: int, large_pages: bool, physical_bits: int
) -> Walk:
    """The walk with entries of 4 bytes; a 4 MiB page may lie above 4 GiB (PSE-36)."""
    value = _entry(result, read, "PDE", table + 4 * (result.gva >> 22), 4)
    if value is None:
        return result
    _grant(result, value)
    if value & LARGE and large_pages:
        frame = value & 0xFFC0_0000 | (value >> 13 & 0xFF) << 32
        if value & 1 << 21 or frame >> min(physical_bits, 40):
            result.fault = f"the PDE has reserved bits set: {value & 0x3FE000:#x}"
            return result
        result.page_size = 4 * MiB
        result.gpa = frame | result.gva & 4 * MiB - 1
        return result
    value = _entry(result, read, "PTE", (value & 0xFFFF_F000) + 4 * (result.gva >> 12 & 1023), 4)
    if value is None:
        return result
    _grant(result, value)
    result.page_size = PAGE_SIZE
    result.gpa = value & 0xFFFF_F000 | result.gva & PAGE_SIZE - 1
    return result
