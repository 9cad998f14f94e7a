"""The section headers of an ELF file as a boot loader hands them on: with the symbol and string tables in memory.

A kernel that prints its own backtraces finds its symbols through them. They are an extra: damage in them refuses no
image, they are just not handed on. Source: System V gABI chapter 4; Multiboot Specification 0.6.96 section 3.3.
"""

from __future__ import annotations

from struct import Struct, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image

ALIGN = 16
_MOST = 1024
"""Sections of a kernel that means well."""
_MOST_BYTES = 16 << 20
_SYMBOLS, _STRINGS = 2, 3
_IN_MEMORY = 1 << 1

# (where e_shoff stands, its layout), then shentsize, shnum, shstrndx
_FILE = {1: (0x20, Struct("<I"), 0x2E), 2: (0x28, Struct("<Q"), 0x3A)}
_COUNTS = Struct("<HHH")
# name, type, flags, addr, offset, size, link, info, addralign, entsize
_HEADER = {1: Struct("<IIIIIIIIII"), 2: Struct("<IIQQQQIIQQ")}


class Sections:
    """Section headers, and the tables that go with them."""

    def __init__(self, layout: Struct, headers: list[tuple[int, ...]], names: int, image: Image) -> None:
        self._layout = layout
        self._headers = headers
        self._image = image
        self.names = names
        """Which section holds the names of all."""

    @property
    def count(self) -> int:
        """How many section headers there are."""
        return len(self._headers)

    @property
    def entry_size(self) -> int:
        """Bytes of one."""
        return self._layout.size

    def at(self, gpa: int) -> bytes:
        """The headers for a place at `gpa`, and behind them the tables that their addresses point to."""
        tables = bytearray()
        start = gpa + len(self._headers) * self.entry_size
        headers = []
        for name, kind, flags, linked_at, offset, size, *rest in self._headers:
            address = linked_at
            if kind in (_SYMBOLS, _STRINGS) and not flags & _IN_MEMORY:
                tables.extend(bytes(-(start + len(tables)) % ALIGN))
                address = start + len(tables)
                tables += self._image[offset : offset + size]
            headers.append(self._layout.pack(name, kind, flags, address, offset, size, *rest))
        return b"".join(headers) + tables


def read(image: Image) -> Sections | None:
    """The sections of an ELF file; None when it has none, or they make no sense. Never raises."""
    if bytes(image[:4]) != b"\x7fELF" or len(image) < 6 or image[4] not in _FILE or image[5] != 1:
        return None
    offset_at, offset_layout, counts_at = _FILE[image[4]]
    layout = _HEADER[image[4]]
    try:
        (offset,) = offset_layout.unpack_from(image, offset_at)
        entry_size, count, names = _COUNTS.unpack_from(image, counts_at)
        if not offset or entry_size != layout.size or not names < count <= _MOST:
            return None
        if offset + count * entry_size > len(image):
            return None
        headers = [layout.unpack_from(image, offset + at * entry_size) for at in range(count)]
    except error:
        return None
    tables = [header for header in headers if header[1] in (_SYMBOLS, _STRINGS) and not header[2] & _IN_MEMORY]
    if any(header[4] + header[5] > len(image) for header in tables):
        return None
    if sum(header[5] for header in tables) > _MOST_BYTES:
        return None
    return Sections(layout, headers, names, image)
