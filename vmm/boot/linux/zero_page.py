"""The zero page, struct boot_params: what the 32-bit and 64-bit entries tell the kernel.

Not modelled: the screen (the kernel takes a machine without one), EFI, EDD, more than 128 ranges of memory.
Source: Linux Documentation/arch/x86/zero-page.rst and boot.rst.
"""

from __future__ import annotations

from struct import Struct

from .handover import COMMAND_LINE, PAGE
from .setup_header import FIELDS, START, UNDEFINED_LOADER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import BootParams
    from .handover import Initrd
    from .setup_header import Header

_RSDP_AT = 0x070
_E820_ENTRIES_AT, _E820_AT = 0x1E8, 0x2D0
_MOST_ENTRIES = 128
_ENTRY = Struct("<QQI")


def build(header: Header, params: BootParams, initrd: Initrd) -> bytes:
    """The page for a kernel with this header, its memory map and RSDP those of `params`."""
    page = bytearray(PAGE)
    page[START : START + len(header.raw)] = header.raw
    page[_RSDP_AT : _RSDP_AT + 8] = params.rsdp.to_bytes(8, "little")
    entries = params.memory_map[:_MOST_ENTRIES]
    page[_E820_ENTRIES_AT] = len(entries)
    for index, entry in enumerate(entries):
        _ENTRY.pack_into(page, _E820_AT + index * _ENTRY.size, *entry)
    for name, value in (
        ("type_of_loader", UNDEFINED_LOADER),
        ("cmd_line_ptr", COMMAND_LINE),
        ("ramdisk_image", initrd.start),
        ("ramdisk_size", initrd.size),
    ):
        at, size, _ = FIELDS[name]
        page[at : at + size] = value.to_bytes(size, "little")
    return bytes(page)
