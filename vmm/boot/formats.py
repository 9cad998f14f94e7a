"""What a file is, told from its bytes, in the words a refusal uses: "a gzip file", "an ELF executable for AArch64".

It names formats; it validates none. Nothing here decides whether an image boots: the loaders do.
Sources: the ELF specification (gABI), Documentation/arch/x86/boot.rst for bzImage, the formats' own magic numbers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image

FLAT = "a flat binary"

_MAGICS = (
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"\xfd7zXZ\0", "an xz file"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\x04\x22\x4d\x18", "an LZ4 file"),
    (0, b"\x02\x21\x4c\x18", "an LZ4 file (legacy)"),
    (0, b"\x5d\0\0", "an LZMA file"),
    (0, b"\x89LZO", "an lzop file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"!<arch>\n", "an ar archive (a static library or a Debian package)"),
    (0, b"070701", "a cpio archive (an initramfs?)"),
    (0, b"070702", "a cpio archive (an initramfs?)"),
    (257, b"ustar", "a tar archive"),
    (0, b"QFI\xfb", "a qcow2 disk image"),
    (0, b"KDMV", "a VMDK disk image"),
    (0, b"vhdxfile", "a VHDX disk image"),
    (0, b"conectix", "a VHD disk image"),
    (0x40, b"\x7f\x10\xda\xbe", "a VDI disk image"),
    (0x8001, b"CD001", "an ISO 9660 image"),
    (0x200, b"EFI PART", "a disk image (GPT)"),
    (0x438, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
    (0, b"hsqs", "a squashfs file system"),
    (0, b"\xd0\x0d\xfe\xed", "a device tree"),
    (0, b"\x27\x05\x19\x56", "a U-Boot image"),
    (0, b"ANDROID!", "an Android boot image"),
    (0, b"\xfe\xed\xfa\xce", "a Mach-O file"),
    (0, b"\xfe\xed\xfa\xcf", "a Mach-O file"),
    (0, b"\xce\xfa\xed\xfe", "a Mach-O file"),
    (0, b"\xcf\xfa\xed\xfe", "a Mach-O file"),
    (0, b"\xca\xfe\xba\xbe", "a Mach-O universal binary or a Java class"),
    (0, b"\0asm", "a WebAssembly module"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"#!", "a script"),
)

_FIRST_BYTES = frozenset(magic[0] for offset, magic, _ in _MAGICS if not offset)
_NEXT_MAGIC = min(offset for offset, _, _ in _MAGICS if offset)

_ELF_TYPES = {
    0: "file of no type",
    1: "relocatable object",
    2: "executable",
    3: "shared object or position-independent executable",
    4: "core dump",
}

_ELF_MACHINES = {
    2: "SPARC", 3: "x86", 4: "m68k", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S/390", 40: "ARM", 42: "SuperH",
    43: "SPARC V9", 50: "IA-64", 62: "x86-64", 83: "AVR", 164: "Hexagon", 183: "AArch64", 243: "RISC-V", 247: "BPF",
    258: "LoongArch",
}  # fmt: skip

_TEXT = frozenset(b"\t\n\r\f\x1b") | frozenset(range(0x20, 0x7F)) | frozenset(range(0x80, 0x100))
"""Bytes that UTF-8 text is made of."""
_DISK_SIZE = 512 * 1024
"""A file with a boot signature that is larger than this is a disk, not a boot sector with code behind it."""


def _elf(head: bytes) -> str:
    """The words for a file that starts with the ELF magic; copes with any bytes behind it."""
    if len(head) < 20:
        return "the start of an ELF file, cut off in its header"
    if head[4] not in (1, 2) or head[5] not in (1, 2):
        return f"an ELF file of unknown class {head[4]} and byte order {head[5]}"
    first, second = (17, 16) if head[5] == 2 else (16, 17)
    kind = head[first] | head[second] << 8
    machine = head[first + 2] | head[second + 2] << 8
    cpu = _ELF_MACHINES.get(machine, f"machine {machine}")
    return f"an ELF{32 * head[4]} {_ELF_TYPES.get(kind, f'file of type {kind:#x}')} for {cpu}"


def _mz(image: Image) -> str:
    """A file that starts with MZ: Windows, UEFI or DOS."""
    at = int.from_bytes(image[0x3C:0x40], "little")
    if bytes(image[at : at + 4]) != b"PE\0\0":
        return "a DOS executable (MZ)"
    uefi = int.from_bytes(image[at + 0x5C : at + 0x5E], "little") in (10, 11, 12)
    return "a PE executable (UEFI)" if uefi else "a PE executable"


def detect(image: Image) -> str:
    """What `image` is, in words that follow "found"; FLAT when nothing is known of it. Takes any bytes at all."""
    if not len(image):
        return "an empty file"
    head = bytes(image[:0x210])
    if head[0x202:0x206] == b"HdrS" and len(head) >= 0x208:
        return f"a Linux bzImage (boot protocol {head[0x207]}.{head[0x206]:02})"
    if head[:4] == b"\x7fELF":
        return _elf(head)
    if head[:2] == b"MZ" and len(head) >= 0x40:
        return _mz(image)
    if head[0] in _FIRST_BYTES or len(image) > _NEXT_MAGIC:  # most flat binaries are neither
        for offset, magic, words in _MAGICS:
            if bytes(image[offset : offset + len(magic)]) == magic:
                return words
    if has_boot_signature(image) and len(image) > _DISK_SIZE:
        return "a disk image with a boot sector"
    if len(head) >= 4 and _TEXT.issuperset(head) and _is_utf8(head):
        return "a text file"
    return FLAT


def _is_utf8(head: bytes) -> bool:
    """Whether `head` is UTF-8, but for a character cut off at its end."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and error.reason == "unexpected end of data"
    return True


def has_boot_signature(image: Image) -> bool:
    """Whether the first sector ends in 55 AA, as a BIOS asks of a boot sector."""
    return bytes(image[510:512]) == b"\x55\xaa"
