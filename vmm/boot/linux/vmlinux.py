"""vmlinux, Linux as an ELF file: by its 64-bit entry with a zero page, or by PVH's with a start info.

The kernel runs where it is linked: an address space layout at random is the decompressor's work, and there is none
here. Not modelled: 32-bit kernels but by PVH.
Sources: Linux Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"; Xen docs/misc/pvh.pandoc and start_info.h.
"""

from __future__ import annotations

from ...errors import BootError
from ..elf import plan
from ..formats import detect
from ..loader import BootParams, BootState, put
from . import handover, notes, pvh, setup_header, zero_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import Image, Memory
    from .setup_header import Header

format = "vmlinux"

_ELF = b"\x7fELF"
INITRD_MAX = 0x7FFF_FFFF
"""The highest address for an initrd that every kernel of 64 bits accepts."""


def recognises(image: Image) -> bool:
    """Whether it is an ELF file with a kernel's notes."""
    return bytes(image[:4]) == _ELF and notes.is_kernel(image)


def load(image: Image, memory: Memory, params: BootParams, header: Header | None = None) -> BootState:
    """Fills memory for a start by the 64-bit entry, or, with protocol "pvh", by PVH's.

    `header` is the setup header of the bzImage that the ELF file comes from, if it does. BootError, and nothing is
    written, for damage, an entry that is not there, and what does not fit.
    """
    handover.refuse_settings(format, params)
    if bytes(image[:4]) != _ELF:
        raise BootError(format, f"found {detect(image)}, neither a bzImage nor an ELF file", 0)
    is_pvh = params.protocol == "pvh"
    entry = notes.pvh_entry(image) if is_pvh else None
    if is_pvh and entry is None:
        raise BootError(format, "no ELF note XEN_ELFNOTE_PHYS32_ENTRY: a kernel without CONFIG_PVH")
    if not is_pvh and (len(image) < 5 or image[4] != 2):
        raise BootError(format, "an ELF file of 32 bits has no 64-bit entry; the protocol pvh may do", 4)
    _check_end(image)
    mode = "protected" if is_pvh else "long"
    elf, pieces = plan(image, memory, BootParams(mode=mode, path=params.path, entry=entry))
    if header is None:
        header = setup_header.of_our_own(INITRD_MAX, handover.LONGEST)
    line = handover.command_line(format, params, header.longest_command_line, "cmdline_size")
    rd = handover.initrd(format, params, memory, elf.end, header.initrd_end, "initrd_addr_max")
    page = pvh.start_info(params, rd) if is_pvh else zero_page.build(header, params, rd)
    pieces = [*handover.low_pieces(format, memory, page, line, not is_pvh), *pieces, *rd.pieces]
    put(memory, pieces)
    loaded = [*handover.low_ranges("start info" if is_pvh else "zero page"), *elf.loaded]
    if rd.size:
        loaded.append((rd.start, rd.size, "initrd"))
    return elf.replace(
        format=format,
        end=max(gpa + length for gpa, length, _ in loaded),
        loaded=tuple(loaded),
        registers=(*handover.cpu_registers(not is_pvh), ("rbx" if is_pvh else "rsi", handover.ZERO_PAGE)),
    )


def _check_end(image: Image) -> None:
    """A file that was cut off behind its segments lacks its section headers, which linkers write last."""
    if len(image) < 0x40:
        return
    start_at, start_size, counts_at = (0x28, 8, 0x3A) if image[4] == 2 else (0x20, 4, 0x2E)
    start = int.from_bytes(image[start_at : start_at + start_size], "little")
    each, count = (int.from_bytes(image[at : at + 2], "little") for at in (counts_at, counts_at + 2))
    if count and start + each * count > len(image):
        raise BootError(
            format, f"section headers end at {start + each * count:#x}, {setup_header.file_ends(image)}", start_at
        )
