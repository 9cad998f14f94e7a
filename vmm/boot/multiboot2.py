"""Multiboot 2 images: a header of tags in the first 32 KiB, a 32-bit entry with a list of tags.

The program is an ELF file, or any file whose header has an address tag. The guest gets the command line, the name of
the loader, the modules, the sizes of memory and its map, the ELF section headers, and, if it asks for it, the text
screen. Not modelled: EFI, graphics, relocation, MIPS, network, SMBIOS and ACPI tags.
Source: Multiboot2 Specification 2.0.
"""

from __future__ import annotations

from struct import Struct

from ..errors import BootError
from ..records import Record
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

format = "multiboot2"

HEADER_MAGIC, ENTRY_MAGIC = 0xE85250D6, 0x36D76289
SEARCHED = 32768
"""The header lies within so many bytes, on a boundary of eight."""
ALIGN = 8

_HEADER, _TAG = Struct("<IIII"), Struct("<HHI")
_I386 = 0
_OPTIONAL = 1 << 0

# tags of the header
_END, _REQUEST, _ADDRESS, _ENTRY, _CONSOLE, _FRAMEBUFFER, _MODULE_ALIGN = range(7)
_EFI_BOOT_SERVICES, _EFI_ENTRY32, _EFI_ENTRY64, _RELOCATABLE = range(7, 11)
_OF_NO_EFFECT = (_MODULE_ALIGN, _EFI_BOOT_SERVICES, _EFI_ENTRY32, _EFI_ENTRY64, _RELOCATABLE)
"""Met without doing: modules are always on pages, EFI tags count on EFI alone, what may be moved need not be."""
_SIZES = {_REQUEST: 8, _ADDRESS: 24, _ENTRY: 12, _CONSOLE: 12, _FRAMEBUFFER: 20}
_CONSOLE_REQUIRED, _CONSOLE_TEXT = 1 << 0, 1 << 1

# tags of the information
_I_END, _I_COMMAND_LINE, _I_LOADER_NAME, _I_MODULE, _I_SIZES = range(5)
_I_MAP, _I_FRAMEBUFFER, _I_SECTIONS = 6, 8, 9
_GIVEN = (_I_END, _I_COMMAND_LINE, _I_LOADER_NAME, _I_MODULE, _I_SIZES, _I_MAP, _I_FRAMEBUFFER, _I_SECTIONS)
_FRAMEBUFFER_TEXT = 2
_MAP_ENTRY = Struct("<QQII")


class _Wishes(Record):
    """What the tags of a header ask for."""

    addresses: tuple[int, int, int, int] | None = None
    """header, load, load_end, bss_end."""
    entry: int | None = None
    has_screen: bool = False
    at: int = 0
    """The byte of the address tag's fields."""


def find(image: Image) -> int | None:
    """The byte at which a header with a right checksum begins; None without one. Never raises."""
    return _find(image)[0]


def _find(image: Image) -> tuple[int | None, int | None]:
    return find_header(image, _HEADER, HEADER_MAGIC, SEARCHED, ALIGN)


def recognises(image: Image) -> bool:
    """Whether there is a header with a right checksum."""
    return find(image) is not None


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Loads program, modules and information. BootError, with the byte at fault, for a missing or wrong header, tags
    that cannot be met, a damaged program, and what does not fit in memory."""
    at, wrong = _find(image)
    if at is None:
        if wrong is None:
            raise BootError(format, f"no header with magic {HEADER_MAGIC:#x} in the first {SEARCHED} bytes")
        magic, architecture, length, checksum = _HEADER.unpack_from(image, wrong)
        right = -(magic + architecture + length) & 0xFFFF_FFFF
        raise BootError(format, f"the header's checksum is {checksum:#x}, the rest needs {right:#x}", wrong + 12)
    for name, value in (("mode", params.mode), ("load", params.load), ("entry", params.entry)):
        if value not in (None, "protected"):
            raise BootError(format, f"{name} is given, but the multiboot header and its specification say it")
    wishes = _read_tags(image, at)
    if wishes.addresses is not None:
        if wishes.entry is None:
            raise BootError(format, "an address tag without an entry address tag", wishes.at - _TAG.size)
        header, start, load_end, bss_end = wishes.addresses
        if load_end == 0xFFFF_FFFF:
            load_end = 0
        if start == 0xFFFF_FFFF:
            start = header - at
        addresses = Addresses(header=header, load=start, load_end=load_end, bss_end=bss_end, entry=wishes.entry)
        program = by_addresses(format, image, memory, at, addresses, wishes.at)
        sections = None
    else:
        program = by_elf(image, memory, params.path, wishes.entry)
        sections = elf_sections.read(image)

    def info(gpa: int, modules: list[Module]) -> bytes:
        return _information(gpa, modules, params, wishes.has_screen, sections)

    return load_parts(format, image, memory, params, program, ENTRY_MAGIC, info)


def _read_tags(image: Image, start: int) -> _Wishes:
    """What the header at byte `start` asks for. BootError for damage, and for what is required and not given here."""
    _magic, architecture, length, _checksum = _HEADER.unpack_from(image, start)
    if architecture != _I386:
        raise BootError(format, f"the header is for architecture {architecture}, not for 0, a 32-bit x86", start + 4)
    end = start + length
    if length < _HEADER.size or end > min(len(image), SEARCHED):
        raise BootError(format, f"a header of {length} bytes does not end within the first {SEARCHED}", start + 8)
    wishes = _Wishes()
    at = start + _HEADER.size
    while at + _TAG.size <= end:
        kind, flags, size = _TAG.unpack_from(image, at)
        if kind == _END:
            return wishes
        if size < _SIZES.get(kind, _TAG.size) or at + size > end:
            raise BootError(format, f"header tag {kind} has a size of {size}", at + 4)
        wishes = _with_tag(image, at, kind, bool(flags & _OPTIONAL), size, wishes)
        at += -(-size // ALIGN) * ALIGN
    return wishes


def _with_tag(image: Image, at: int, kind: int, is_optional: bool, size: int, wishes: _Wishes) -> _Wishes:
    fields = [int.from_bytes(image[place : place + 4], "little") for place in range(at + _TAG.size, at + size - 3, 4)]
    if kind == _REQUEST:
        missing = [str(tag) for tag in fields if tag not in _GIVEN]
        if missing and not is_optional:
            raise BootError(format, f"the header requires information that is not given: tags {' '.join(missing)}", at)
    elif kind == _ADDRESS:
        return wishes.replace(addresses=(fields[0], fields[1], fields[2], fields[3]), at=at + _TAG.size)
    elif kind == _ENTRY:
        return wishes.replace(entry=fields[0])
    elif kind == _CONSOLE:
        if fields[0] & (_CONSOLE_REQUIRED | _CONSOLE_TEXT) == _CONSOLE_REQUIRED and not is_optional:
            raise BootError(format, "the header requires a console that is no text screen", at)
        return wishes.replace(has_screen=True)
    elif kind == _FRAMEBUFFER:
        return wishes.replace(has_screen=True)
    elif kind not in _OF_NO_EFFECT and not is_optional:
        raise BootError(format, f"the header requires what no loader has: tag {kind}", at)
    return wishes


def _information(
    gpa: int, modules: list[Module], params: BootParams, has_screen: bool, sections: elf_sections.Sections | None
) -> bytes:
    """The list of tags for a place at `gpa`."""
    block = bytearray(8)

    def add(kind: int, *parts: int | bytes) -> None:
        content = b"".join(part if isinstance(part, bytes) else part.to_bytes(4, "little") for part in parts)
        block.extend(_TAG.pack(kind, 0, _TAG.size + len(content)) + content)
        block.extend(bytes(-len(block) % ALIGN))

    add(_I_COMMAND_LINE, command_line(params))
    add(_I_LOADER_NAME, LOADER_NAME)
    for module in modules:
        add(_I_MODULE, module.start, module.end, module.words.encode() + b"\0")
    add(_I_SIZES, *memory_sizes(params))
    add(_I_MAP, _MAP_ENTRY.size, 0, b"".join(_MAP_ENTRY.pack(*entry, 0) for entry in params.memory_map))
    if has_screen:
        address, pitch, columns, lines = TEXT_SCREEN
        add(_I_FRAMEBUFFER, address, 0, pitch, columns, lines, bytes((16, _FRAMEBUFFER_TEXT, 0, 0)))
    if sections is not None:
        head = gpa + len(block) + _TAG.size + 12
        add(_I_SECTIONS, sections.count, sections.entry_size, sections.names, sections.at(head))
    add(_I_END)
    block[:4] = len(block).to_bytes(4, "little")
    return bytes(block)
