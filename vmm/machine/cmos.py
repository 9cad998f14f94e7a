"""CMOS bytes in which SeaBIOS looks for drives, their order and the number of CPUs, beside the memory sizes of layout.

Source: SeaBIOS's and QEMU's use of CMOS RAM; IBM PC AT technical reference (drive types).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import MachineConfig

FLOPPY_TYPES, DISK_TYPES, EQUIPMENT, FIRST_TYPE, SECOND_TYPE = 0x10, 0x12, 0x14, 0x19, 0x1A
BOOT_FLAGS_1, TRANSLATION, BOOT_FLAGS_2, CPUS = 0x38, 0x39, 0x3D, 0x5F
DEFAULT_ORDER = "cad"

_USER_TYPE = 47
_FPU_AND_POINTER = 0x06
_ORDER = {"a": 1, "c": 2, "d": 3}
_LBA = 1
_PLAIN_GEOMETRY = 1024 * 16 * 63 * 512
"""Bytes that a BIOS can reach by CHS as a disk of 16 heads and 63 sectors has it; beyond, it makes up a geometry."""


def for_firmware(config: MachineConfig, sizes: dict[str, int]) -> dict[int, int]:
    """Values by offset. `sizes` gives the bytes of the drives that are there by their fields of the configuration."""
    order = [_ORDER[letter] for letter in config.boot or DEFAULT_ORDER] + [0, 0]
    disks = [field in sizes for field in ("hda", "hdb")]
    translations = [_LBA if sizes.get(field, 0) > _PLAIN_GEOMETRY else 0 for field in ("hda", "hdb")]
    return {
        FLOPPY_TYPES: 0,
        DISK_TYPES: disks[0] * 0xF0 | disks[1] * 0x0F,
        EQUIPMENT: _FPU_AND_POINTER,
        FIRST_TYPE: disks[0] * _USER_TYPE,
        SECOND_TYPE: disks[1] * _USER_TYPE,
        BOOT_FLAGS_1: order[2] << 4,
        BOOT_FLAGS_2: order[0] | order[1] << 4,
        TRANSLATION: translations[0] | translations[1] << 2,
        CPUS: config.vcpus - 1,
    }
