"""The setup header of a bzImage: what the kernel says of itself, checked against the file.

Not modelled: protocols before 2.02, EFI's handover fields, setup_data.
Source: Linux Documentation/arch/x86/boot.rst.
"""

from __future__ import annotations

from ...errors import BootError
from ...records import Record
from ...units import MiB
from ..formats import detect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import Image

format = "bzimage"

START = 0x1F1
"""Where the header begins, in the file as in the zero page."""
NEWEST = 0x020F
"""The version that a header of our own has."""
LOADED_HIGH, KEEP_SEGMENTS, CAN_USE_HEAP = 0x01, 0x40, 0x80
"""Bits of loadflags."""
HAS_64BIT_ENTRY, IS_ABOVE_4G = 0x0001, 0x0002
"""Bits of xloadflags."""
UNDEFINED_LOADER = 0xFF
BOOT_FLAG = 0xAA55
SIGNATURE = b"HdrS"
SIGNATURE_AT = 0x202

_SECTOR = 512
_OLDEST = 0x0202
_END = 0x268
_OLD_COMMAND_LINE, _OLD_INITRD_MAX = 255, 0x37FF_FFFF
_PE_AT, _PE_CERTIFICATES = 0x3C, 24 + 112 + 4 * 8

FIELDS = {
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
    "kernel_alignment": (0x230, 4, 0x0205),
    "relocatable_kernel": (0x234, 1, 0x0205),
    "xloadflags": (0x236, 2, 0x020C),
    "cmdline_size": (0x238, 4, 0x0206),
    "payload_offset": (0x248, 4, 0x0208),
    "payload_length": (0x24C, 4, 0x0208),
    "pref_address": (0x258, 8, 0x020A),
    "init_size": (0x260, 4, 0x020A),
}
"""By name: (offset, size, first version that has it)."""


class Header(Record):
    """The fields that count here; those that its version has not are 0."""

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
    kernel_alignment: int
    relocatable_kernel: int
    xloadflags: int
    cmdline_size: int
    payload_offset: int
    payload_length: int
    pref_address: int
    init_size: int
    raw: bytes
    """The header's bytes, from START on."""

    @property
    def setup_size(self) -> int:
        """Bytes of setup code, the boot sector included."""
        return ((self.setup_sects or 4) + 1) * _SECTOR

    @property
    def longest_command_line(self) -> int:
        """Characters, without the zero at the end."""
        return min(self.cmdline_size or _OLD_COMMAND_LINE, 2047)

    @property
    def initrd_end(self) -> int:
        """The first address that an initrd must not reach."""
        return (self.initrd_addr_max or _OLD_INITRD_MAX) + 1

    @property
    def kernel_end(self) -> int:
        """The first address that the kernel leaves alone while it starts; 0 where the header does not say."""
        return max(self.pref_address, MiB) + self.init_size if self.init_size else 0

    @property
    def in_words(self) -> str:
        """The version as the kernel's documentation writes it."""
        return f"boot protocol {self.version >> 8}.{self.version & 0xFF:02}"


def recognises(image: Image) -> bool:
    """Whether there is a setup header, of whatever version."""
    return bytes(image[SIGNATURE_AT : SIGNATURE_AT + 4]) == SIGNATURE


def read(image: Image) -> Header:
    """The header of `image`, checked. BootError names the field that is wrong."""
    if not recognises(image):
        raise BootError(format, f"found {detect(image)}, no setup header with HdrS", SIGNATURE_AT)
    raw = bytes(image[:_END]).ljust(_END, b"\0")
    version = int.from_bytes(raw[0x206:0x208], "little")
    fields = {
        name: int.from_bytes(raw[at : at + size], "little") if version >= since else 0
        for name, (at, size, since) in FIELDS.items()
    }
    header = Header(**fields, raw=raw[START : min(SIGNATURE_AT + raw[0x201], _END)])
    if header.boot_flag != BOOT_FLAG:
        raise wrong("boot_flag", f"{header.boot_flag:#x}, not {BOOT_FLAG:#x}")
    if version < _OLDEST:
        raise wrong("version", f"{header.in_words}; from 2.02 on it works here")
    if not header.loadflags & LOADED_HIGH:
        raise wrong("loadflags", "a zImage, which loads below 640 KiB; build a bzImage")
    if header.setup_size >= len(image):
        raise wrong("setup_sects", f"setup code ends at {header.setup_size:#x}, {file_ends(image)}")
    end = header.setup_size + header.syssize * 16
    if end > len(image) + 15:
        raise wrong("syssize", f"the kernel ends at {end:#x}, {file_ends(image)}")
    _check_certificates(image)
    return header


def _check_certificates(image: Image) -> None:
    """A kernel signed for Secure Boot has its signature behind all that the setup header knows of."""
    at = int.from_bytes(image[_PE_AT : _PE_AT + 4], "little")
    if bytes(image[:2]) != b"MZ" or bytes(image[at : at + 4]) != b"PE\0\0":
        return
    if bytes(image[at + 24 : at + 26]) != b"\x0b\x02":
        return  # 32 bits wide
    place = at + _PE_CERTIFICATES
    start, size = (int.from_bytes(image[where : where + 4], "little") for where in (place, place + 4))
    if start + size > len(image):
        raise BootError(format, f"its PE certificate table ends at {start + size:#x}, {file_ends(image)}", place)


def file_ends(image: Image) -> str:
    """The end of a sentence on a file that should be longer."""
    return f"the file at {len(image):#x}: truncated?"


def wrong(field: str, words: str) -> BootError:
    """A refusal for the sake of one field."""
    return BootError(format, f"{field}: {words}", FIELDS[field][0])


def of_our_own(initrd_addr_max: int, cmdline_size: int) -> Header:
    """What a zero page has for an ELF kernel, which brings no header: just what the kernel reads of it."""
    values = dict.fromkeys(FIELDS, 0) | {
        "boot_flag": BOOT_FLAG,
        "version": NEWEST,
        "loadflags": LOADED_HIGH,
        "initrd_addr_max": initrd_addr_max,
        "cmdline_size": cmdline_size,
        "kernel_alignment": 16 * MiB,
        "relocatable_kernel": 1,
    }
    raw = bytearray(_END)
    raw[SIGNATURE_AT : SIGNATURE_AT + 4] = SIGNATURE
    for name, value in values.items():
        at, size, _ = FIELDS[name]
        raw[at : at + size] = value.to_bytes(size, "little")
    return Header(**values, raw=bytes(raw[START:]))
