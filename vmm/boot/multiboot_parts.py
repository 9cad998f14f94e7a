"""What Multiboot 1 and 2 have in common: a program by its ELF headers or by four addresses, modules above it, and the
block of information that the guest gets an address of; the state of the CPU at the entry.

Not modelled: relocatable images, EFI, graphics. Sources: Multiboot Specification 0.6.96; Multiboot2 Specification 2.0.
"""

from __future__ import annotations

from ..errors import BootError
from ..records import Record
from ..units import KiB, MiB
from . import elf
from .loader import BootParams, BootState, check_entry, check_room, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from struct import Struct

    from .loader import Image, Memory, Piece

    Loaded = tuple[int, int, str]
    Info = Callable[[int, list["Module"]], bytes]
    """(address, modules) -> the block of information as it stands there; its length depends on no address."""

LOADER_NAME = b"vmm\0"
PAGE = 4 * KiB
INFO = 0x1_0000
"""Where the block of information goes if the image leaves it free: low, where no kernel's heap begins."""
INFO_END = 0x8_0000
TEXT_SCREEN = (0xB_8000, 160, 80, 25)
"""(address, bytes a line, columns, lines) of the EGA text screen."""
CR0_PE_ET = 0x11


class Addresses(Record):
    """The a.out kludge: where the image goes, said by the header instead of a file format. 0 is "not given"."""

    header: int
    """Guest physical address of the header itself."""
    load: int
    load_end: int
    bss_end: int
    entry: int


class Module(Record):
    """One module in memory."""

    start: int
    end: int
    words: str


class Program(Record):
    """An image that is known to fit: what to write, and where it starts."""

    entry: int
    pieces: tuple[Piece, ...]
    loaded: tuple[Loaded, ...]
    symbols: str = ""
    symbol_offset: int = 0

    @property
    def end(self) -> int:
        """The first address above it."""
        return max(gpa + size for gpa, size, _ in self.loaded)


def find_header(image: Image, layout: Struct, magic: int, searched: int, align: int) -> tuple[int | None, int | None]:
    """(place of the header, place of the first magic number whose checksum is wrong) in the first `searched` bytes.

    All fields of `layout`, the first of which is `magic`, add up to 0 in a right one.
    """
    head, wrong = bytes(image[:searched]), None
    mark = magic.to_bytes(4, "little")
    at = head.find(mark)
    while at >= 0:
        if at % align == 0 and at + layout.size <= len(head):
            if sum(layout.unpack_from(head, at)) & 0xFFFF_FFFF == 0:
                return at, wrong
            wrong = at if wrong is None else wrong
        at = head.find(mark, at + 1)
    return None, wrong


def by_elf(image: Image, memory: Memory, path: str, entry: int | None = None) -> Program:
    """The program in an ELF file, 32 or 64 bits wide: its first instruction is 32-bit code. BootError as of elf."""
    state, pieces = elf.plan(image, memory, BootParams(mode="protected", path=path, entry=entry))
    return Program(
        entry=state.entry,
        pieces=tuple(pieces),
        loaded=state.loaded,
        symbols=state.symbols,
        symbol_offset=state.symbol_offset,
    )


def by_addresses(format: str, image: Image, memory: Memory, at: int, addresses: Addresses, field: int) -> Program:
    """The program whose header at byte `at` gives its addresses; they stand at byte `field`. BootError when they
    contradict each other, the file or the memory."""
    where = addresses
    first = at - (where.header - where.load)
    if where.load > where.header or first < 0:
        fault = f"load address {where.load:#x} does not fit a header at {where.header:#x}, byte {at:#x} of the file"
        raise BootError(format, fault, field)
    load_end = where.load_end or where.load + len(image) - first
    end = where.bss_end or load_end
    if not where.load <= load_end <= end:
        fault = f"load address {where.load:#x}, its end {load_end:#x} and the end of bss {end:#x} are out of order"
        raise BootError(format, fault, field)
    content = memoryview(image)[first : first + load_end - where.load]
    if len(content) < load_end - where.load:
        fault = (
            f"the load addresses ask for bytes up to {first + load_end - where.load:#x}, the file has {len(image):#x}"
        )
        raise BootError(format, f"{fault}: truncated?", field)
    check_room(format, memory, where.load, end - where.load, "the image", field)
    loaded = ((where.load, end - where.load, f"{format} image"),)
    check_entry(format, "protected", where.entry, loaded)
    return Program(entry=where.entry, pieces=((where.load, content, end - where.load),), loaded=loaded)


def load(
    format: str, image: Image, memory: Memory, params: BootParams, program: Program, magic: int, info: Info
) -> BootState:
    """Writes the program, the modules behind it and the information; the BootState of a 32-bit entry with `magic` in
    EAX. BootError, and nothing is written, when modules or information have no room."""
    modules, pieces, at = _modules(format, memory, params, max(program.end, MiB))
    size = len(info(0, modules))
    if all(gpa >= INFO + size or gpa + length <= INFO for gpa, length, _ in program.loaded) and INFO + size <= INFO_END:
        at = INFO
    check_room(format, memory, at, size, "the boot information")
    put(memory, [*program.pieces, *pieces, (at, info(at, modules), size)])
    loaded = [*program.loaded, (at, size, f"{format} information")]
    loaded += [(part.start, part.end - part.start, f"module {part.words}") for part in modules if part.end > part.start]
    loaded.sort()
    return BootState(
        format=format,
        mode="protected",
        entry=program.entry,
        end=max(gpa + length for gpa, length, _ in loaded),
        loaded=tuple(loaded),
        symbols=program.symbols,
        symbol_offset=program.symbol_offset,
        registers=(("rax", magic), ("rbx", at), ("cr0", CR0_PE_ET), ("cr4", 0)),
    )


def _modules(format: str, memory: Memory, params: BootParams, above: int) -> tuple[list[Module], list[Piece], int]:
    """The modules page by page from `above` on, what to write for them, and the first page behind them."""
    modules: list[Module] = []
    pieces: list[Piece] = []
    at = _page(above)
    for number, (content, words) in enumerate(params.modules, 1):
        check_room(format, memory, at, len(content), f"module {number} ({words or 'no name'}), {len(content)} bytes,")
        modules.append(Module(start=at, end=at + len(content), words=words))
        pieces.append((at, content, len(content)))
        at = _page(at + len(content))
    return modules, pieces, at


def _page(address: int) -> int:
    return -(-address // PAGE) * PAGE


def memory_sizes(params: BootParams) -> tuple[int, int]:
    """(KiB from 0 up to 640, KiB from 1 MiB up to the first hole), as mem_lower and mem_upper have them."""
    lower = next((size for start, size, kind in params.memory_map if start == 0 and kind == 1), 0)
    upper = next((size for start, size, kind in params.memory_map if start == MiB and kind == 1), 0)
    return min(lower // KiB, 640), upper // KiB


def command_line(params: BootParams) -> bytes:
    """The path of the image and the user's words, as QEMU and GRUB Legacy put them, with the zero at their end."""
    return " ".join(filter(None, (params.path, params.command_line))).encode() + b"\0"
