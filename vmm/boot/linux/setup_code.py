"""bzImage by its 16-bit entry: setup code and command line below 1 MiB, the kernel at 1 MiB, an initrd above.

The setup code asks a BIOS for memory, video and disks, so it needs one; `entry` is a few instructions at BOOT_SECTOR
that set the segments up as the protocol wants them and jump, for a BIOS's int 19h to start like a boot sector.
Not modelled: zImage (a kernel below 640 KiB), protocols before 2.02.
Source: Linux Documentation/arch/x86/boot.rst.
"""

from __future__ import annotations

from ...errors import BootError
from ...units import MiB, format_size
from ..loader import BootState, check_room, put
from . import handover, setup_header
from .setup_header import CAN_USE_HEAP, FIELDS, UNDEFINED_LOADER, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import BootParams, Image, Memory, Piece

format = setup_header.format
recognises = setup_header.recognises

BOOT_SECTOR = 0x7C00
SETUP = 0x1_0000
HEAP_END = 0xE000
"""Behind the setup code, for its heap and stack; an offset in its segment."""
COMMAND_LINE = SETUP + HEAP_END
KERNEL = MiB

_SECTOR = 512
_LEAST_HEAP = 0x1000


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Fills memory for a start at BOOT_SECTOR in real mode, after a BIOS has set itself up. BootError, and nothing is
    written, when the header is wrong, the command line is too long, or kernel and initrd have no room."""
    for name, value in (("mode", params.mode), ("load", params.load), ("entry", params.entry)):
        if value not in (None, "real"):
            raise BootError(format, f"{name} is given, but the boot protocol says it")
    header = setup_header.read(image)
    if header.setup_size > HEAP_END - _LEAST_HEAP:
        raise wrong("setup_sects", f"{header.setup_size} bytes of setup code leave no room for its heap and stack")
    line = handover.command_line(
        format, params, header.longest_command_line, "cmdline_size", FIELDS["cmdline_size"][0]
    )  # fmt: skip
    view = memoryview(image)
    kernel = view[header.setup_size :]
    check_room(format, memory, SETUP, HEAP_END + 2048, "the setup code")
    check_room(format, memory, KERNEL, len(kernel), f"the kernel of {len(kernel)} bytes")
    if header.kernel_end and not memory.contains(KERNEL, header.kernel_end - KERNEL):
        needs, has = format_size(header.kernel_end), format_size(memory.size)
        raise wrong("init_size", f"the kernel starts in memory up to {needs}; there is {has}")
    rd = handover.initrd(
        format, params, memory, max(KERNEL + len(kernel), header.kernel_end), header.initrd_end,
        "initrd_addr_max", FIELDS["initrd_addr_max"][0],
    )  # fmt: skip
    setup = bytearray(view[: header.setup_size])
    for name, value in (
        ("type_of_loader", UNDEFINED_LOADER),
        ("loadflags", header.loadflags | CAN_USE_HEAP),
        ("heap_end_ptr", HEAP_END - 0x200),
        ("cmd_line_ptr", COMMAND_LINE),
        ("ramdisk_image", rd.start),
        ("ramdisk_size", rd.size),
    ):
        place, size, _ = FIELDS[name]
        setup[place : place + size] = value.to_bytes(size, "little")
    pieces: list[tuple[Piece, str]] = [
        ((BOOT_SECTOR, _START, len(_START)), "jump to the setup code"),
        ((SETUP, bytes(setup), len(setup)), "setup code"),
        ((COMMAND_LINE, line, len(line)), "command line"),
        ((KERNEL, kernel, len(kernel)), "kernel"),
    ]
    put(memory, [*(piece for piece, _ in pieces), *rd.pieces])
    loaded = [(gpa, size, words) for (gpa, _, size), words in pieces]
    if rd.size:
        loaded.append((rd.start, rd.size, "initrd"))
    return BootState(
        format=format,
        mode="real",
        entry=BOOT_SECTOR,
        end=max(gpa + size for gpa, size, _ in loaded),
        loaded=tuple(loaded),
    )


def _jump() -> bytes:
    """cli; ds = es = fs = gs = ss = the setup code's segment; sp = its heap's end; a far jump to its second sector."""
    segment = SETUP >> 4
    code = b"\xfa\xb8" + segment.to_bytes(2, "little")  # cli; mov ax, segment
    code += b"\x8e\xd8\x8e\xc0\x8e\xe0\x8e\xe8\x8e\xd0"  # mov ds, es, fs, gs, ss, ax
    code += b"\xbc" + HEAP_END.to_bytes(2, "little")  # mov sp, HEAP_END
    code += b"\xea\0\0" + (segment + (_SECTOR >> 4)).to_bytes(2, "little")  # ljmp segment + 0x20:0
    return code.ljust(510, b"\0") + b"\x55\xaa"


_START = _jump()
