"""Where everything is: the only file with guest addresses, ports and interrupt numbers. A PC's, where it can be."""

from __future__ import annotations

from ..units import GiB, KiB, MiB

# memory
PAGE = 4 * KiB
ROM = (0xF_0000, 64 * KiB)
"""Our BIOS, with the reset vector F000:FFF0 in its last 16 bytes."""
BIOS_ENTRY = 0xF_FFF0
BIOS_CONFIGURATION = (0xF000, 0xE6F5)
BIOS_DISKETTE = (0xF000, 0xEFC7)
"""Segment and offset of the ROM's tables: see firmware/bios.ld."""
LEAST_FOR_BIOS = MiB
BOOT_ORDER = "cad"
"""In which order drives are tried unless the user says: floppy a, hard disk c, CD-ROM d."""
HOLE_START = 3 * GiB
"""RAM goes from 0 up to here; what is more goes above HOLE_END, so that devices have room below 4 GiB."""
HOLE_END = 4 * GiB
MOST_MEMORY = 64 * GiB
LOW_TABLES = 0x1000
"""GDT, TSS and page tables of guests that start in protected, paged or long mode, unless the image is there."""
LOW_STACK = 0x9_0000
"""Top of the first stack in these modes, when there is memory below it that the image leaves free."""
STACK_ROOM = 16 * KiB
REAL_STACK = 0x7C00
EBDA = 0x9_FC00
"""The last KiB below 640 KiB belongs to the firmware."""
VIDEO = 0xA_0000
FIRMWARE = 0xF_0000
ACPI_ROOT, ACPI_TABLES = FIRMWARE, FIRMWARE + PAGE
"""Where the RSDP stands and the tables that it leads to, when there is no firmware to place them."""
BIOS_ACPI_ROOT, BIOS_ACPI_TABLES = 0xE_0000, 0xE_0000 + PAGE
"""And beside our BIOS, whose ROM has that place."""
GENERATION_ID = FIRMWARE + 0xFF0
"""16 bytes that are others in each copy of a machine."""
MP_POINTER, MP_TABLE = FIRMWARE + 0x40, FIRMWARE + 0x400
SMBIOS_ENTRY, SMBIOS_TABLES = FIRMWARE + 0x60, FIRMWARE + 0x100
USABLE, RESERVED = 1, 2
PHYSICAL_LIMIT = 1 << 52
MOST_KERNEL = GiB
"""Bytes of a Linux kernel that a bzImage may hold."""
BIOS_DATA = (0x400, 0x100)
TEXT_MONOCHROME = (0xB_0000, 32 * KiB)
TEXT_COLOUR = (0xB_8000, 32 * KiB)
"""Where a display adapter's text is: plain memory here, that is looked at when somebody wants to see the screen."""

SHADOW = (0xC_0000, 256 * KiB)
"""Where firmware's ROM and the RAM behind it stand below 1 MiB."""
FIRMWARE_END = 4 * GiB
"""Where a ROM ends; the last part of it ends at the end of SHADOW too."""
RESET_VECTOR = 0xFFFF_FFF0
MOST_FIRMWARE = 16 * MiB
MOST_LOW_FIRMWARE = 128 * KiB
LEAST_MEMORY_OF_FIRMWARE = 2 * MiB
HOST_PAGES = (0xFEFF_C000, 4 * PAGE)
"""What KVM keeps for itself on some hosts; below the largest ROM."""

HOTPLUG_STEP = 2 * GiB
"""The largest piece that Linux makes of memory (MAX_BLOCK_SIZE, arch/x86/mm/init_64.c)."""

# ports: (first, how many)
PORT_LIMIT = 1 << 16
PIC_MASTER = (0x20, 2)
PIC_SLAVE = (0xA0, 2)
PIC_ELCR = (0x4D0, 2)
PIT = (0x40, 4)
SYSTEM_CONTROL_B = (0x61, 1)
KEYBOARD_DATA = (0x60, 1)
KEYBOARD_COMMAND = (0x64, 1)
RTC = (0x70, 2)
POST = (0x80, 1)
SYSTEM_CONTROL_A = (0x92, 1)
DEBUG_CONSOLE = (0xE9, 1)
FIRMWARE_CONSOLE = (0x402, 1)
DEBUG_EXIT = (0xF4, 4)
PVPANIC = (0x505, 1)
GUEST_READY = (0xF8, 1)
"""Written by guests/linux/init when its console takes input."""
FW_CFG = (0x510, 2)
FW_CFG_DMA = (0x514, 8)
SMI_COMMAND = (0xB2, 2)
PM_EVENT = (0x600, 4)
PM_CONTROL = (0x604, 4)
PM_TIMER = (0x608, 4)
PM_GENERAL = (0x60C, 2)
RESET_CONTROL = (0xCF9, 1)
PCI_ADDRESS = (0xCF8, 4)
PCI_DATA = (0xCFC, 4)
ATA = (((0x1F0, 8), (0x3F6, 1)), ((0x170, 8), (0x376, 1)))
"""Command and control block of each channel."""
COM = ((0x3F8, 8), (0x2F8, 8), (0x3E8, 8), (0x2E8, 8))
BIOS_CALLS = (0x1000, 0xB04)
"""Our BIOS's calls: interrupt << 8 | AH for interrupts 10h to 1Ah, its set-up at 0x1b00. Each takes four bytes."""
BIOS_SCAN_CODE = (0x900, 4)
VGA_REGISTERS = (0x3C0, 16)
VGA_CRTC = ((0x3D4, 2), (0x3B4, 2))
VGA_STATUS = ((0x3DA, 1), (0x3BA, 1))
PATTERN = (0x2000, 4)

TESTDEV_SCRATCH = (0xE0, 4)
TESTDEV_FLUSH = (0xE4, 4)
TESTDEV_BYTES = (0xE8, 1)
"""Four ports on the real one; the second is the debug console's, and nobody asks for those behind it."""
TESTDEV_LINES = (0x2000, 24)

# memory-mapped devices: (first, size)
HPET = (0xFED0_0000, KiB)
TESTDEV_MEMORY = (0xFF00_0000, 64 * KiB)
TEST_DEVICE = (0xD000_0000, 4 * KiB)
VIRTIO = (0xD100_0000, 4 * KiB)
"""The first virtio-mmio device, and how far apart they are."""
PCI_ECAM = (0xC000_0000, MiB)
"""Configuration space of bus 0, with virtio devices on PCI."""
PCI_WINDOW = (0xE000_0000, 0xFEBF_FFFF)
"""The first and the last address that devices on the PCI bus may be given."""
IO_APIC = 0xFEC0_0000
LOCAL_APIC = 0xFEE0_0000

SPOKEN = ("com1", "debug-console", "firmware-console", "bios", "virtio-console")
"""Chips whose output is the guest's console; the other serial ports are kept apart."""

# interrupt lines (GSIs)
PIT_LINE = 0
KEYBOARD_LINE = 1
COM_LINES = (4, 3, 4, 3)
RTC_LINE = 8
SCI_LINE = 9
GENERATION_EVENT = 0
"""The general purpose event by which a guest learns that it is a copy."""
ATA_LINES = (14, 15)
VIRTIO_LINES = (5, 10, 11, 12, 6, 7, *range(16, 24))
"""What is free on a PC, those first that a PIC pair has too. They are edges: each interrupt is one pulse."""


def ram(size: int, window: tuple[int, int] | None = None) -> list[tuple[int, int]]:
    """(guest physical address, size) of the pieces that `size` bytes of RAM are laid out in.

    A `window` (start, size) below 1 MiB, such as SHADOW, is left out: somebody else fills it.
    """
    low = min(size, HOLE_START)
    pieces = [(0, low)]
    if window is not None:
        start, length = window
        pieces = [(0, start), (start + length, low - start - length)]
    if size > HOLE_START:
        pieces.append((HOLE_END, size - HOLE_START))
    return [piece for piece in pieces if piece[1] > 0]


def hotplug(size: int, most: int) -> tuple[int, int]:
    """(start, size) of the region for memory that comes later, where a guest with `size` bytes may have `most`. It
    begins where Linux can add a piece of memory, whatever that is on machines of this size."""
    return -(-max(HOLE_END, HOLE_END + size - HOLE_START) // HOTPLUG_STEP) * HOTPLUG_STEP, most - size


def memory_map(size: int) -> tuple[tuple[int, int, int], ...]:
    """(start, size, type) of what a PC's firmware tells of `size` bytes of RAM, as E820: 1 usable, 2 reserved."""
    found = [(0, min(size, EBDA), USABLE)]
    if size > EBDA:
        found += [(EBDA, VIDEO - EBDA, RESERVED), (FIRMWARE, MiB - FIRMWARE, RESERVED)]
    for start, length in ram(size):
        first = max(start, MiB)
        if start + length > first:
            found.append((first, start + length - first, USABLE))
    return tuple(found)


def _is_free(start: int, size: int, loaded: tuple[tuple[int, int, str], ...], memory_end: int) -> bool:
    return start + size <= memory_end and all(start + size <= gpa or gpa + length <= start for gpa, length, _ in loaded)


def tables(size: int, loaded: tuple[tuple[int, int, str], ...], memory_end: int) -> int | None:
    """Where `size` bytes of CPU tables go: low, right above the image, or above the stack too; None without room."""
    if not size:
        return 0
    above = -(-max((gpa + length for gpa, length, _ in loaded), default=0) // PAGE) * PAGE
    taken = (*loaded, (LOW_STACK - STACK_ROOM, STACK_ROOM, "stack"))
    for start in (LOW_TABLES, above, max(above, LOW_STACK)):
        if _is_free(start, size, taken, memory_end):
            return start
    return None


def stack(mode: str, loaded: tuple[tuple[int, int, str], ...], memory_end: int) -> int:
    """Top of the first vCPU's stack when the user names none."""
    if mode == "real":
        first = min((gpa for gpa, _, _ in loaded), default=REAL_STACK)
        return first if 0x800 <= first <= 0xFFFF else min(REAL_STACK, memory_end)
    if _is_free(LOW_STACK - STACK_ROOM, STACK_ROOM, loaded, memory_end):
        return LOW_STACK
    return memory_end & ~0xF


def cmos(memory: int) -> dict[int, int]:
    """CMOS bytes in which firmware and kernels look for memory sizes, by offset (as SeaBIOS and QEMU lay them out)."""
    extended = min(max(memory - MiB, 0) // KiB, 0xFFFF)
    above_16m = min(max(min(memory, HOLE_START) - 16 * MiB, 0) // (64 * KiB), 0xFFFF)
    above_4g = max(memory - HOLE_START, 0) // (64 * KiB)
    base = min(memory // KiB, 640)
    words = {0x15: base, 0x17: extended, 0x30: extended, 0x34: above_16m}
    values = {0x5B: above_4g & 0xFF, 0x5C: above_4g >> 8 & 0xFF, 0x5D: above_4g >> 16 & 0xFF}
    for offset, word in words.items():
        values[offset], values[offset + 1] = word & 0xFF, word >> 8
    return values
