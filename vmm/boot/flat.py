"""Flat binaries: bytes copied as they are to one address, in any CPU mode, and started there.

Default addresses: a boot sector (real mode, 55 AA at byte 510) goes where a BIOS would put it, 0x7c00. Other
real-mode images go to 0x1000, above the interrupt table and the BIOS data area, with room for a stack below them.
The other modes load at 1 MiB, above everything a PC keeps in low memory.
"""

from __future__ import annotations

from . import formats
from .loader import BootParams, BootState, check_entry, check_mode, check_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image, Memory

format = "flat"

BOOT_SECTOR = 0x7C00
REAL_MODE = 0x1000
ABOVE_LOW_MEMORY = 0x10_0000


def recognises(image: Image) -> bool:
    """True when the bytes are of no format known to vmm.boot.formats: a flat binary has no mark of its own."""
    return formats.detect(image) == formats.FLAT


def default_address(image: Image, mode: str) -> int:
    """Where `image` goes in `mode` when the user names no address."""
    if mode != "real":
        return ABOVE_LOW_MEMORY
    return BOOT_SECTOR if formats.has_boot_signature(image) else REAL_MODE


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Copies the image to `params.load`; the entry is its first byte unless `params.entry` names another.

    The mode is real unless given. Asked for by name, it takes any bytes, a text file too. BootError when the mode is
    unknown, the image does not fit in memory, or the entry is not inside the image.
    """
    mode = "real" if params.mode is None else params.mode
    check_mode(format, mode)
    gpa = default_address(image, mode) if params.load is None else params.load
    entry = gpa if params.entry is None else params.entry
    loaded = ((gpa, len(image), "flat image"),)
    check_room(format, memory, gpa, len(image), f"the image of {len(image)} bytes")
    check_entry(format, mode, entry, loaded)
    memory.write(gpa, image)
    return BootState(format=format, mode=mode, entry=entry, end=gpa + len(image), loaded=loaded)
