"""What a Linux kernel is handed in memory, whatever its entry: command line, initrd, and a GDT; and where they stand.

The low structures stand in the last 64 KiB of low memory, below the part that firmware keeps: no kernel touches it
before it has read them. The initrd goes as high as the kernel allows, which leaves it the largest room below.
Sources: Linux Documentation/arch/x86/boot.rst; Documentation/arch/x86/zero-page.rst.
"""

from __future__ import annotations

from ...cpu.segments import Gdt, code64, flat_code32, flat_data32, tss
from ...errors import BootError
from ...records import Record
from ...units import KiB, MiB
from ..loader import check_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import BootParams, Memory, Piece

ZERO_PAGE = 0x9_0000
"""The zero page; PVH has its start info here."""
COMMAND_LINE = 0x9_1000
LONGEST = 2047
"""Characters of command line that any kernel takes."""
GDT = 0x9_2000
END = 0x9_3000
PAGE = 4 * KiB
USABLE = 1

CR0_PE_ET = 0x11
_TASK = 0x67


class Initrd(Record):
    """Where the initrd goes: all modules one behind the other, each filled up to 4 bytes."""

    start: int = 0
    size: int = 0
    pieces: tuple[Piece, ...] = ()


def refuse_settings(format: str, params: BootParams) -> None:
    """BootError for what the user may say of other images, but the boot protocol says of this one."""
    for name, value in (("mode", params.mode), ("load", params.load), ("entry", params.entry)):
        if value is not None:
            raise BootError(format, f"{name} is given, but the boot protocol says it")


def command_line(format: str, params: BootParams, most: int, field: str, offset: int | None = None) -> bytes:
    """With the zero at its end. BootError when it has more than `most` bytes; `field` is the word for who says so."""
    line = params.command_line.encode()
    if len(line) > most:
        raise BootError(format, f"{field}: the kernel takes {most} characters of command line, not {len(line)}", offset)
    return line + b"\0"


def initrd(
    format: str, params: BootParams, memory: Memory, floor: int, limit: int, field: str, offset: int | None = None
) -> Initrd:
    """As high as possible in RAM below `limit` and the hole, above `floor`. BootError when there is no room."""
    size = sum(_padded(len(content)) for content, _ in params.modules)
    if not size:
        return Initrd()
    top = min(limit, _low_memory_end(params, memory))
    start = (top - size) // PAGE * PAGE
    if start < floor:
        fault = f"an initrd of {size} bytes has no room in [{floor:#x}, {top:#x}), between the kernel and the highest"
        raise BootError(format, f"{field}: {fault} address it may have", offset)
    check_room(format, memory, start, size, "the initrd", offset)
    pieces: list[Piece] = []
    at = start
    for content, _ in params.modules:
        pieces.append((at, content, _padded(len(content))))
        at += _padded(len(content))
    return Initrd(start=start, size=size, pieces=tuple(pieces))


def _padded(size: int) -> int:
    return -(-size // 4) * 4


def _low_memory_end(params: BootParams, memory: Memory) -> int:
    """Where the RAM that begins at 1 MiB ends."""
    ends = [start + size for start, size, kind in params.memory_map if kind == USABLE and start <= MiB < start + size]
    return max(ends, default=memory.size)


def low_pieces(format: str, memory: Memory, page: bytes, line: bytes, is_long: bool) -> list[Piece]:
    """`page` at ZERO_PAGE, the command line, the GDT. BootError where low memory ends too soon."""
    check_room(format, memory, ZERO_PAGE, END - ZERO_PAGE, "what the kernel is handed")
    gdt = _gdt(is_long).raw
    return [(ZERO_PAGE, page, len(page)), (COMMAND_LINE, line, len(line)), (GDT, gdt, len(gdt))]


def low_ranges(page: str) -> list[tuple[int, int, str]]:
    """The same as (start, size, what stands there), `page` being the word for the first."""
    return [
        (ZERO_PAGE, PAGE, page), (COMMAND_LINE, GDT - COMMAND_LINE, "command line"), (GDT, END - GDT, "boot GDT")
    ]  # fmt: skip


def _gdt(is_long: bool) -> Gdt:
    """Code at selector 0x10 and data at 0x18, as the boot protocol wants them."""
    gdt = Gdt()
    gdt.skip()
    gdt.add(code64() if is_long else flat_code32())
    gdt.add(flat_data32())
    return gdt


def cpu_registers(is_long: bool) -> tuple[tuple[str, object], ...]:
    """Segments, control registers and GDTR of the entry; the page tables of long mode are not among them."""
    code = (code64 if is_long else flat_code32)(selector=0x10)
    data = flat_data32(selector=0x18)
    found: list[tuple[str, object]] = [("cs", code), *((name, data) for name in ("ds", "es", "fs", "gs", "ss"))]
    found.append(("gdt", (GDT, _gdt(is_long).limit)))
    if not is_long:
        found += [("cr0", CR0_PE_ET), ("cr4", 0), ("tr", tss(0, _TASK))]
    return tuple(found)
