"""Linux bzImage by its 16-bit entry: setup code and command line below 1 MiB, the kernel at 1 MiB, an initrd above.

The setup code asks a BIOS for memory, video and disks, so it needs one; `entry` is a few instructions at BOOT_SECTOR
that set the segments up as the protocol wants them and jump, for a BIOS's int 19h to start like a boot sector.
Not modelled: zImage (a kernel below 640 KiB), protocols before 2.02, the 32-bit and 64-bit entries.
Source: Linux Documentation/arch/x86/boot.rst.
"""

from __future__ import annotations

from ..errors import BootError
from ..records import Record
from ..units import KiB, MiB, format_size
from .formats import detect
from .loader import BootParams, BootState, check_room, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image, Memory, Piece

format = "bzimage"

BOOT_SECTOR = 0x7C00
SETUP = 0x1_0000
HEAP_END = 0xE000
"""Behind the setup code, for its heap and stack; an offset in its segment."""
COMMAND_LINE = SETUP + HEAP_END
KERNEL = MiB
PAGE = 4 * KiB

_SECTOR = 512
_SIGNATURE = b"HdrS"
_SIGNATURE_AT, _BOOT_FLAG_AT = 0x202, 0x1FE
_OLDEST = 0x0202
_LOADED_HIGH, _CAN_USE_HEAP = 0x01, 0x80
_UNDEFINED_LOADER = 0xFF
_HEADER_END = 0x268
_OLD_COMMAND_LINE, _OLD_INITRD_MAX = 255, 0x37FF_FFFF

# name: (offset, size, first version that has it)
_FIELDS = {
    "setup_sects": (0x1F1, 1, 0),
    "syssize": (0x1F4, 4, 0x0204),
    "boot_flag": (0x1FE, 2, 0),
    "version": (0x206, 2, 0x0200),
    "type_of_loader": (0x210, 1, 0x0200),
    "loadflags": (0x211, 1, 0x0200),
    "ramdisk_image": (0x218, 4, 0x0200),
    "ramdisk_size": (0x21C, 4, 0x0200),
    "heap_end_ptr": (0x224, 2, 0x0201),
    "cmd_line_ptr": (0x228, 4, 0x0202),
    "initrd_addr_max": (0x22C, 4, 0x0203),
    "cmdline_size": (0x238, 4, 0x0206),
    "pref_address": (0x258, 8, 0x020A),
    "init_size": (0x260, 4, 0x020A),
}


class Header(Record):
    """The fields of a setup header that count here; those that its version has not are 0."""

    setup_sects: int
    syssize: int
    boot_flag: int
    version: int
    type_of_loader: int
    loadflags: int
    ramdisk_image: int
    ramdisk_size: int
    heap_end_ptr: int
    cmd_line_ptr: int
    initrd_addr_max: int
    cmdline_size: int
    pref_address: int
    init_size: int

    @property
    def setup_size(self) -> int:
        """Bytes of setup code, the boot sector included."""
        return ((self.setup_sects or 4) + 1) * _SECTOR

    @property
    def longest_command_line(self) -> int:
        """Characters, without the zero at the end."""
        return min(self.cmdline_size or _OLD_COMMAND_LINE, 2047)

    @property
    def kernel_end(self) -> int:
        """The first address that the kernel leaves alone while it starts; 0 where the header does not say."""
        return max(self.pref_address, KERNEL) + self.init_size if self.init_size else 0


def recognises(image: Image) -> bool:
    """Whether there is a setup header, of whatever version."""
    return bytes(image[_SIGNATURE_AT : _SIGNATURE_AT + 4]) == _SIGNATURE


def read(image: Image) -> Header:
    """The header of `image`, checked. BootError names the field that is wrong."""
    if not recognises(image):
        raise BootError(format, f"found {detect(image)}, no setup header with HdrS", _SIGNATURE_AT)
    raw = bytes(image[:_HEADER_END]).ljust(_HEADER_END, b"\0")
    version = int.from_bytes(raw[0x206:0x208], "little")
    fields = {
        name: int.from_bytes(raw[at : at + size], "little") if version >= since else 0
        for name, (at, size, since) in _FIELDS.items()
    }
    header = Header(**fields)
    if header.boot_flag != 0xAA55:
        raise _wrong("boot_flag", f"{header.boot_flag:#x}, not 0xaa55")
    if version < _OLDEST:
        raise _wrong("version", f"boot protocol {version >> 8}.{version & 0xFF:02}; from 2.02 on it works here")
    if not header.loadflags & _LOADED_HIGH:
        raise _wrong("loadflags", "a zImage, which loads below 640 KiB; build a bzImage")
    if header.setup_size > HEAP_END - 0x1000:
        raise _wrong("setup_sects", f"{header.setup_size} bytes of setup code leave no room for its heap and stack")
    if header.setup_size >= len(image):
        raise _wrong("setup_sects", f"setup code ends at {header.setup_size:#x}, {_file_ends(image)}")
    end = header.setup_size + header.syssize * 16
    if end > len(image) + 15:
        raise _wrong("syssize", f"the kernel ends at {end:#x}, {_file_ends(image)}")
    return header


def _file_ends(image: Image) -> str:
    return f"the file at {len(image):#x}: truncated?"


def _wrong(field: str, words: str) -> BootError:
    return BootError(format, f"{field}: {words}", _FIELDS[field][0])


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Fills memory for a start at BOOT_SECTOR in real mode, after a BIOS has set itself up. BootError, and nothing is
    written, when the header is wrong, the command line is too long, or kernel and initrd have no room."""
    for name, value in (("mode", params.mode), ("load", params.load), ("entry", params.entry)):
        if value not in (None, "real"):
            raise BootError(format, f"{name} is given, but the boot protocol says it")
    header = read(image)
    line = params.command_line.encode()
    if len(line) > header.longest_command_line:
        most = header.longest_command_line
        raise _wrong("cmdline_size", f"the kernel takes {most} characters of command line, not {len(line)}")
    view = memoryview(image)
    kernel = view[header.setup_size :]
    check_room(format, memory, SETUP, HEAP_END + 2048, "the setup code")
    check_room(format, memory, KERNEL, len(kernel), f"the kernel of {len(kernel)} bytes")
    if header.kernel_end and not memory.contains(KERNEL, header.kernel_end - KERNEL):
        needs, has = format_size(header.kernel_end), format_size(memory.size)
        raise _wrong("init_size", f"the kernel starts in memory up to {needs}; there is {has}")
    initrd, at = _initrd(params, memory, header, KERNEL + len(kernel))
    setup = bytearray(view[: header.setup_size])
    for name, value in (
        ("type_of_loader", _UNDEFINED_LOADER),
        ("loadflags", header.loadflags | _CAN_USE_HEAP),
        ("heap_end_ptr", HEAP_END - 0x200),
        ("cmd_line_ptr", COMMAND_LINE),
        ("ramdisk_image", at),
        ("ramdisk_size", len(initrd)),
    ):
        place, size, _ = _FIELDS[name]
        setup[place : place + size] = value.to_bytes(size, "little")
    pieces: list[tuple[Piece, str]] = [
        ((BOOT_SECTOR, _START, len(_START)), "jump to the setup code"),
        ((SETUP, bytes(setup), len(setup)), "setup code"),
        ((COMMAND_LINE, line + b"\0", len(line) + 1), "command line"),
        ((KERNEL, kernel, len(kernel)), "kernel"),
    ]
    if initrd:
        pieces.append(((at, initrd, len(initrd)), "initrd"))
    put(memory, [piece for piece, _ in pieces])
    return BootState(
        format=format,
        mode="real",
        entry=BOOT_SECTOR,
        end=max(gpa + size for (gpa, _, size), _ in pieces),
        loaded=tuple((gpa, size, words) for (gpa, _, size), words in pieces),
    )


def _initrd(params: BootParams, memory: Memory, header: Header, above: int) -> tuple[bytes, int]:
    """(content, address): all modules one behind the other, as high as memory and the kernel allow."""
    content = b"".join(part.ljust(-(-len(part) // 4) * 4, b"\0") for part, _ in params.modules)
    if not content:
        return b"", 0
    most = header.initrd_addr_max or _OLD_INITRD_MAX
    top = max((start + size for start, size, kind in params.memory_map if kind == 1 and start == KERNEL), default=0)
    at = (min(most + 1, top or memory.size) - len(content)) // PAGE * PAGE
    if at < max(above, header.kernel_end):
        room = f"[{max(above, header.kernel_end):#x}, {min(most + 1, top or memory.size):#x})"
        raise _wrong("initrd_addr_max", f"an initrd of {len(content)} bytes has no room in {room}")
    check_room(format, memory, at, len(content), "the initrd")
    return content, at


def _jump() -> bytes:
    """cli; ds = es = fs = gs = ss = the setup code's segment; sp = its heap's end; a far jump to its second sector."""
    segment = SETUP >> 4
    code = b"\xfa\xb8" + segment.to_bytes(2, "little")  # cli; mov ax, segment
    code += b"\x8e\xd8\x8e\xc0\x8e\xe0\x8e\xe8\x8e\xd0"  # mov ds, es, fs, gs, ss, ax
    code += b"\xbc" + HEAP_END.to_bytes(2, "little")  # mov sp, HEAP_END
    code += b"\xea\0\0" + (segment + (_SECTOR >> 4)).to_bytes(2, "little")  # ljmp segment + 0x20:0
    return code.ljust(510, b"\0") + b"\x55\xaa"


_START = _jump()
