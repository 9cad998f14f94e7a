"""ELF notes of a Linux kernel: that it is one, and its PVH entry.

Source: System V gABI chapter 5 (note section); Xen public/elfnote.h (XEN_ELFNOTE_PHYS32_ENTRY); Linux
Documentation/arch/x86/boot.rst names them too.
"""

from __future__ import annotations

from struct import Struct, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loader import Image

OWNERS = (b"Xen\0", b"Linux\0")
"""Who signs the notes that nothing but a kernel has."""

_PHYS32_ENTRY = 18
_PT_NOTE = 4
_HEADER = Struct("<III")
_MOST = 64 * 1024
_HEADERS = {1: (Struct("<I"), 0x1C, 0x2A, Struct("<IIIII")), 2: (Struct("<Q"), 0x20, 0x36, Struct("<IIQQQQ"))}


def is_kernel(image: Image) -> bool:
    """Whether the ELF file has a note that only a Linux kernel has, or one for PVH. Never raises."""
    return any(owner in OWNERS for owner, _, _ in notes(image))


def pvh_entry(image: Image) -> int | None:
    """The physical address of the 32-bit entry for PVH; None when the file has none."""
    for owner, kind, content in notes(image):
        if owner == b"Xen\0" and kind == _PHYS32_ENTRY and len(content) in (4, 8):
            return int.from_bytes(content, "little") & 0xFFFF_FFFF
    return None


def notes(image: Image) -> Iterator[tuple[bytes, int, bytes]]:
    """(owner with its zero, type, content) of the notes in an ELF file, as far as they make sense. Never raises."""
    if bytes(image[:4]) != b"\x7fELF" or len(image) < 0x40 or image[4] not in _HEADERS or image[5] != 1:
        return
    offset_layout, offset_at, counts_at, layout = _HEADERS[image[4]]
    (table,) = offset_layout.unpack_from(image, offset_at)
    each, count = (int.from_bytes(image[at : at + 2], "little") for at in (counts_at, counts_at + 2))
    for index in range(min(count, 128)):
        try:
            fields = layout.unpack_from(image, table + index * each)
        except (error, OverflowError):
            return
        if fields[0] == _PT_NOTE:
            start, size = (fields[2], fields[5]) if image[4] == 2 else (fields[1], fields[4])
            yield from _in_segment(bytes(image[start : start + min(size, _MOST)]))


def _in_segment(raw: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(raw):
        name_size, size, kind = _HEADER.unpack_from(raw, at)
        name_at = at + _HEADER.size
        content_at = name_at + -(-name_size // 4) * 4
        at = content_at + -(-size // 4) * 4
        if at > len(raw) + 3:
            return
        yield raw[name_at : name_at + name_size], kind, raw[content_at : content_at + size]
