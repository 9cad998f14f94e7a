"""Multiboot 1 images: a header in the first 8 KiB, a 32-bit entry with a block of information.

The program is an ELF file, or any file whose header gives four addresses (flag 16). The guest gets the sizes of memory,
its map, the command line, the modules, the name of the loader, the ELF section headers, and, if it asks for a video
mode, the text screen. Not modelled: graphics, boot device, drives, APM and VBE tables.
Source: Multiboot Specification 0.6.96.
"""

from __future__ import annotations

from struct import Struct

from ..errors import BootError
from . import elf_sections
from .loader import BootParams, BootState
from .multiboot_parts import (
    LOADER_NAME,
    TEXT_SCREEN,
    Addresses,
    Module,
    by_addresses,
    by_elf,
    command_line,
    find_header,
    memory_sizes,
)
from .multiboot_parts import load as load_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image, Memory

format = "multiboot"

HEADER_MAGIC, ENTRY_MAGIC = 0x1BADB002, 0x2BADB002
SEARCHED = 8192
"""The header lies within so many bytes, on a boundary of four."""

_HEADER, _ADDRESSES = Struct("<III"), Struct("<IIIII")
_ALIGN, _MEMORY, _VIDEO, _KLUDGE = 1 << 0, 1 << 1, 1 << 2, 1 << 16
_KNOWN = _ALIGN | _MEMORY | _VIDEO
_REQUIRED = 0xFFFF
"""Flags that a loader refuses the image for when it does not know them; the others it may ignore."""

# of the information
_HAS_MEMORY, _HAS_COMMAND_LINE, _HAS_MODULES, _HAS_SECTIONS = 1 << 0, 1 << 2, 1 << 3, 1 << 5
_HAS_MAP, _HAS_LOADER_NAME, _HAS_FRAMEBUFFER = 1 << 6, 1 << 9, 1 << 12
_INFO = Struct("<20I4HQ3I2B6x")
_MODULE, _MAP_ENTRY = Struct("<IIII"), Struct("<IQQI")
_FRAMEBUFFER_TEXT = 2


def find(image: Image) -> int | None:
    """The byte at which a header with a right checksum begins; None without one. Never raises."""
    return _find(image)[0]


def _find(image: Image) -> tuple[int | None, int | None]:
    return find_header(image, _HEADER, HEADER_MAGIC, SEARCHED, 4)


def recognises(image: Image) -> bool:
    """Whether there is a header with a right checksum."""
    return find(image) is not None


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Loads program, modules and information. BootError, with the byte at fault, for a missing or wrong header, flags
    that cannot be met, a damaged program, and what does not fit in memory."""
    at, wrong = _find(image)
    if at is None:
        if wrong is None:
            raise BootError(format, f"no header with magic {HEADER_MAGIC:#x} in the first {SEARCHED} bytes")
        flags, checksum = _HEADER.unpack_from(image, wrong)[1:]
        right = -(HEADER_MAGIC + flags) & 0xFFFF_FFFF
        raise BootError(format, f"the header's checksum is {checksum:#x}, its flags need {right:#x}", wrong + 8)
    for name, value in (("mode", params.mode), ("load", params.load), ("entry", params.entry)):
        if value not in (None, "protected"):
            raise BootError(format, f"{name} is given, but the multiboot header and its specification say it")
    flags = _HEADER.unpack_from(image, at)[1]
    unknown = flags & _REQUIRED & ~_KNOWN
    if unknown:
        raise BootError(format, f"the header requires what no loader has: flags {unknown:#x}", at + 4)
    if flags & _KLUDGE:
        program = by_addresses(format, image, memory, at, _addresses(image, at), at + _HEADER.size)
        sections = None
    else:
        program = by_elf(image, memory, params.path)
        sections = elf_sections.read(image)

    def info(gpa: int, modules: list[Module]) -> bytes:
        return _information(gpa, modules, params, bool(flags & _VIDEO), sections)

    return load_parts(format, image, memory, params, program, ENTRY_MAGIC, info)


def _addresses(image: Image, at: int) -> Addresses:
    field = at + _HEADER.size
    if field + _ADDRESSES.size > min(len(image), SEARCHED):
        raise BootError(format, "the header ends before its addresses", field)
    header, start, load_end, bss_end, entry = _ADDRESSES.unpack_from(image, field)
    return Addresses(header=header, load=start, load_end=load_end, bss_end=bss_end, entry=entry)


def _information(
    gpa: int, modules: list[Module], params: BootParams, has_video: bool, sections: elf_sections.Sections | None
) -> bytes:
    """The block at `gpa`: the structure, then all that it points to."""
    block = bytearray(_INFO.size)

    def add(content: bytes, align: int = 4) -> int:
        block.extend(bytes(-(gpa + len(block)) % align))
        block.extend(content)
        return gpa + len(block) - len(content)

    words = add(command_line(params))
    name = add(LOADER_NAME)
    strings = [add(module.words.encode() + b"\0") for module in modules]
    table = b"".join(
        _MODULE.pack(module.start, module.end, string, 0) for module, string in zip(modules, strings, strict=True)
    )
    module_table = add(table)
    entries = b"".join(_MAP_ENTRY.pack(_MAP_ENTRY.size - 4, *entry) for entry in params.memory_map)
    map_table = add(entries)
    flags = _HAS_MEMORY | _HAS_COMMAND_LINE | _HAS_MODULES | _HAS_MAP | _HAS_LOADER_NAME
    section_fields = (0, 0, 0, 0)
    if sections is not None:
        flags |= _HAS_SECTIONS
        end = gpa + len(block)
        where = add(sections.at(end + -end % elf_sections.ALIGN), elf_sections.ALIGN)
        section_fields = (sections.count, sections.entry_size, where, sections.names)
    screen = (0, 0, 0, 0, 0, 0)
    if has_video:
        flags |= _HAS_FRAMEBUFFER
        screen = (*TEXT_SCREEN, 16, _FRAMEBUFFER_TEXT)
    lower, upper = memory_sizes(params)
    _INFO.pack_into(
        block, 0,
        flags, lower, upper, 0, words, len(modules), module_table, *section_fields, len(entries), map_table,
        0, 0, 0, name, 0, 0, 0, 0, 0, 0, 0, *screen,
    )  # fmt: skip
    return bytes(block)
