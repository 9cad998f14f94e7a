"""A drive as the BIOS sees it: a number, a disk, and the cylinders, heads and sectors that calls count in.

Floppies have the geometry of their size; a size that no floppy has is refused. Hard disks get the translation that
PCs agreed on for large disks: 63 sectors, and the fewest of 16 to 255 heads that need no more than 1024 cylinders.
Source: Phoenix Enhanced Disk Drive Specification 1.1, appendix (LBA-assisted translation).
"""

from __future__ import annotations

from ...errors import ConfigError
from ...units import KiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...bus.storage import Storage

SECTOR, CD_SECTOR = 512, 2048
FLOPPY, DISK, CDROM = "floppy", "disk", "cdrom"
FIRST = {FLOPPY: 0x00, DISK: 0x80, CDROM: 0xE0}
"""The number of the first drive of each kind."""

_FLOPPIES = {
    160 * KiB: (40, 1, 8, 1), 180 * KiB: (40, 1, 9, 1), 320 * KiB: (40, 2, 8, 1), 360 * KiB: (40, 2, 9, 1),
    720 * KiB: (80, 2, 9, 3), 1200 * KiB: (80, 2, 15, 2), 1440 * KiB: (80, 2, 18, 4), 2880 * KiB: (80, 2, 36, 6),
}  # fmt: skip
"""Bytes of each format: cylinders, heads, sectors, the type that function 08h tells."""
_BARE_SECTOR = 512
_MOST_CYLINDERS = 1024


def is_floppy_size(size: int) -> bool:
    """Whether a floppy has that many bytes; a boot sector alone counts as the start of one."""
    return size in _FLOPPIES or size == _BARE_SECTOR


class Drive:
    """One drive with its disk. `start` and `size` are for a disk that is a part of another (El Torito's floppies)."""

    def __init__(self, number: int, kind: str, disk: Storage, start: int = 0, size: int | None = None) -> None:
        self.number = number
        self.kind = kind
        self.disk = disk
        self.start = start
        self.size = disk.size - start if size is None else size
        self.sector = CD_SECTOR if kind == CDROM else SECTOR
        self.sectors = self.size // self.sector
        self.locks = 0
        """How often a CD-ROM was locked (function 45h) without being unlocked."""
        self.is_read_only = disk.read_only or kind == CDROM
        self.floppy_type = 0
        self.cylinders, self.heads, self.per_track = self._geometry()

    def _geometry(self) -> tuple[int, int, int]:
        if self.kind == FLOPPY:
            if not is_floppy_size(self.size):
                known = ", ".join(format_size(size) for size in _FLOPPIES)
                raise ConfigError.of("fda", f"no floppy has {format_size(self.size)}; they have {known}")
            cylinders, heads, sectors, self.floppy_type = _FLOPPIES.get(self.size, (80, 2, 18, 4))
            return cylinders, heads, sectors
        if self.kind == CDROM:
            return 0, 0, 0
        for heads in (16, 32, 64, 128, 255):
            cylinders = self.sectors // (heads * 63)
            if cylinders <= _MOST_CYLINDERS:
                break
        return min(max(cylinders, 1), _MOST_CYLINDERS), heads, 63

    def lba(self, cylinder: int, head: int, sector: int) -> int | None:
        """The number of a sector, which counts from 1 in CHS; None for a place that the geometry does not have."""
        if not (cylinder < self.cylinders and head < self.heads and 1 <= sector <= self.per_track):
            return None
        return (cylinder * self.heads + head) * self.per_track + sector - 1

    def has(self, lba: int, count: int) -> bool:
        """Whether the disk has all these sectors."""
        return lba >= 0 and lba + count <= self.sectors

    def read(self, lba: int, count: int) -> bytes:
        """Whole sectors; DiskError as of the disk."""
        return self.disk.read(self.start + lba * self.sector, count * self.sector)

    def write(self, lba: int, data: bytes) -> None:
        """Whole sectors; DiskError as of the disk."""
        self.disk.write(self.start + lba * self.sector, data)
