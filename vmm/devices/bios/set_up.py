"""What a BIOS leaves in memory before it boots: the BIOS data area, the extended one, the tables of hard disks.

Source: IBM PS/2 and PC BIOS interface technical reference, section 3 (data areas, fixed disk parameter table).
"""

from __future__ import annotations

from struct import pack

from . import ram as at
from .drive import DISK, FIRST, FLOPPY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .drive import Drive
    from .ram import Ram

_DISK_TABLES = 0x3D
"""Offset of the first hard disk's table in the EBDA, where BIOSes have it."""
_DISK_VECTORS = (0x41, 0x46)
_HAS_FLOPPY, _HAS_FPU, _COLOUR_80, _FLOPPIES, _COM_PORTS = 0x0001, 0x0002, 0x0020, 6, 9
_SERIAL_PATIENCE = 1


def write(ram: Ram, ebda: tuple[int, int], drives: Mapping[int, Drive], com_ports: Sequence[int]) -> None:
    """All but what the services of video, keyboard and time start by themselves. `ebda` is (address, size)."""
    address, size = ebda
    ram.write(at.BDA, bytes(at.BDA_SIZE))
    ram.write(address, bytes(size))
    ram.put(address, size >> 10)
    ram.put(at.EBDA_SEGMENT, address >> 4, 2)
    ram.put(at.BASE_MEMORY, address >> 10, 2)
    for index, port in enumerate(com_ports):
        ram.put(at.COM_PORTS + 2 * index, port, 2)
        ram.put(at.SERIAL_TIMEOUTS + index, _SERIAL_PATIENCE)
    disks = [drive for number, drive in sorted(drives.items()) if drive.kind == DISK]
    ram.put(at.DISK_COUNT, len(disks))
    equipment = _HAS_FPU | _COLOUR_80 | len(com_ports) << _COM_PORTS
    if drives.get(FIRST[FLOPPY]) is not None:
        equipment |= _HAS_FLOPPY
    ram.put(at.EQUIPMENT, equipment, 2)
    for index, drive in enumerate(disks[: len(_DISK_VECTORS)]):
        offset = _DISK_TABLES + 16 * index
        ram.write(address + offset, _disk_table(drive))
        ram.write(4 * _DISK_VECTORS[index], pack("<HH", offset, address >> 4))


def _disk_table(drive: Drive) -> bytes:
    many_heads = 8 if drive.heads > 8 else 0
    return pack("<HBHHBBBBBHBB", drive.cylinders, drive.heads & 0xFF, 0, 0xFFFF, 0, many_heads, 0, 0, 0,
                drive.cylinders, drive.per_track, 0)  # fmt: skip
