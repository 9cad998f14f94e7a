"""bzImage by its 32-bit and 64-bit entries: the compressed kernel at the address it prefers, and a zero page.

Its own decompressor does the rest. Not modelled: protocols before 2.05 at another address than 1 MiB, kernels above
4 GiB. Source: Linux Documentation/arch/x86/boot.rst, "32-bit Boot Protocol" and "64-bit Boot Protocol".
"""

from __future__ import annotations

from ...errors import BootError
from ...units import MiB, format_size
from ..loader import BootState, check_room, put
from . import handover, setup_header, zero_page
from .setup_header import FIELDS, HAS_64BIT_ENTRY, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import BootParams, Image, Memory, Piece
    from .setup_header import Header

format = setup_header.format
recognises = setup_header.recognises

_ENTRY_64 = 0x200
_WITH_XLOADFLAGS = 0x020C


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Fills memory for a start by the 64-bit entry, or, with protocol "linux32", by the 32-bit one.

    BootError, and nothing is written, when the header is wrong or kernel, command line or initrd do not fit.
    """
    handover.refuse_settings(format, params)
    header = setup_header.read(image)
    is_long = params.protocol != "linux32"
    if is_long:
        _expect_64bit(header)
    line = handover.command_line(
        format, params, header.longest_command_line, "cmdline_size", FIELDS["cmdline_size"][0]
    )  # fmt: skip
    kernel = memoryview(image)[header.setup_size :]
    start = header.pref_address if header.relocatable_kernel and header.pref_address else MiB
    size = max(len(kernel), header.init_size)
    if not memory.contains(start, size):
        has = format_size(memory.size)
        raise wrong("init_size", f"the kernel starts in [{start:#x}, {start + size:#x}), and there is {has} of RAM")
    rd = handover.initrd(
        format, params, memory, start + size, header.initrd_end, "initrd_addr_max", FIELDS["initrd_addr_max"][0]
    )
    pieces: list[Piece] = handover.low_pieces(format, memory, zero_page.build(header, params, rd), line, is_long)
    check_room(format, memory, start, len(kernel), "the kernel")
    pieces += [(start, kernel, len(kernel)), *rd.pieces]
    put(memory, pieces)
    loaded = [*handover.low_ranges("zero page"), (start, size, "kernel")]
    if rd.size:
        loaded.append((rd.start, rd.size, "initrd"))
    return BootState(
        format=format,
        mode="long" if is_long else "protected",
        entry=start + (_ENTRY_64 if is_long else 0),
        end=max(gpa + length for gpa, length, _ in loaded),
        loaded=tuple(loaded),
        registers=(*handover.cpu_registers(is_long), ("rsi", handover.ZERO_PAGE)),
    )


def _expect_64bit(header: Header) -> None:
    if header.version < _WITH_XLOADFLAGS:
        raise wrong("version", f"{header.in_words}, and the 64-bit entry came with 2.12; the protocol linux32 may do")
    if not header.xloadflags & HAS_64BIT_ENTRY:
        raise wrong("xloadflags", "the kernel has no 64-bit entry; the protocol linux32 may do")


def expect_payload(header: Header, image: Image) -> tuple[int, int]:
    """(start, size) in the file of the compressed kernel. BootError where the header has none, or a wrong one."""
    if not header.payload_length:
        raise BootError(format, f"payload_length: {header.in_words} tells of no payload to unpack")
    start = header.setup_size + header.payload_offset
    if start + header.payload_length > len(image):
        end = start + header.payload_length
        raise wrong("payload_length", f"the payload ends at {end:#x}, {setup_header.file_ends(image)}")
    return start, header.payload_length
