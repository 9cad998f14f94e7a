"""An ATA hard disk: reads and writes of sectors by CHS, 28-bit and 48-bit LBA, and what hosts ask before.

A sector that is not there is IDNF, one that the host's side cannot give UNC, one that it cannot take a device fault.
Not modelled: DMA commands, security, SMART, host protected area, power management (accepted, without effect).
Source: ATA/ATAPI-6 (T13/1410D), section 8.
"""

from __future__ import annotations

from ...bus.storage import DiskError
from ...errors import SnapshotError
from .drive import (
    ABRT,
    COUNT,
    DF,
    DRDY,
    DSC,
    ERR,
    FEATURES,
    HIGH,
    IDLE,
    IDNF,
    LBA,
    LOW,
    MID,
    SECTOR,
    UNC,
    Drive,
)  # fmt: skip
from .identity import MOST_MULTIPLE, of_disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...bus.storage import Storage

READ, READ_EXT, READ_MULTIPLE, READ_MULTIPLE_EXT = (0x20, 0x21), 0x24, 0xC4, 0x29
WRITE, WRITE_EXT, WRITE_MULTIPLE, WRITE_MULTIPLE_EXT = (0x30, 0x31), 0x34, 0xC5, 0x39
VERIFY, VERIFY_EXT = (0x40, 0x41), 0x42
INITIALIZE_PARAMETERS, SET_MULTIPLE, IDENTIFY, SET_FEATURES, CHECK_POWER = 0x91, 0xC6, 0xEC, 0xEF, 0xE5
FLUSH = (0xE7, 0xEA)
WITHOUT_EFFECT = (*range(0x10, 0x20), 0x70, 0xE0, 0xE1, 0xE2, 0xE3, 0xE6)  # recalibrate, seek, power states
_EXTENDED = (READ_EXT, READ_MULTIPLE_EXT, WRITE_EXT, WRITE_MULTIPLE_EXT, VERIFY_EXT)
_MULTIPLE = (READ_MULTIPLE, READ_MULTIPLE_EXT, WRITE_MULTIPLE, WRITE_MULTIPLE_EXT)
_READS = (*READ, READ_EXT, READ_MULTIPLE, READ_MULTIPLE_EXT)
_WRITES = (*WRITE, WRITE_EXT, WRITE_MULTIPLE, WRITE_MULTIPLE_EXT)
_VERIFIES = (*VERIFY, VERIFY_EXT)
_FEATURES = (0x02, 0x82, 0x03, 0x55, 0xAA, 0x66, 0xCC)  # write cache, transfer mode, look-ahead, defaults
_TRANSFER_MODE = 0x03
_HEADS, _TRACK = 16, 63
_ACCESS_CAUSES_DMA = 0x20  # transfer modes from here on are DMA's


class HardDisk(Drive):
    """The drive over `storage`."""

    kind = "hard disk"

    def __init__(self, storage: Storage, serial: str) -> None:
        self._storage = storage
        self._serial = serial
        self._sectors = storage.size // SECTOR
        self._cylinders = max(1, min(self._sectors // (_HEADS * _TRACK), 16383))
        self.heads, self.track = _HEADS, _TRACK
        self.multiple = self.position = self.left = self.block = 0
        super().__init__()

    def forget(self) -> None:
        """A reset ends the transfer; geometry and block size stay, as software expects of drives since ATA-4."""
        self.left = 0

    def execute(self, command: int) -> None:
        """Starts a command; unknown ones are aborted."""
        if command in _READS or command in _WRITES or command in _VERIFIES:
            self._start_transfer(command)
        elif command == IDENTIFY:
            self.left = 0
            self.give(self._identity())
        elif command in FLUSH:
            self._flush()
        elif command in WITHOUT_EFFECT:
            self.finish()
        elif command == CHECK_POWER:
            self.registers[COUNT] = 0xFF  # active
            self.finish()
        elif command == INITIALIZE_PARAMETERS and self.registers[COUNT]:
            self.heads, self.track = (self.device & 0xF) + 1, self.registers[COUNT]
            self.finish()
        elif command == SET_MULTIPLE:
            self._set_multiple(self.registers[COUNT])
        elif command == SET_FEATURES:
            self._set_features()
        else:
            self.fail(ABRT)

    # -- sectors --

    def _start_transfer(self, command: int) -> None:
        extended, multiple = command in _EXTENDED, command in _MULTIPLE
        position = self._address(extended)
        count = self.registers[COUNT] | (self.previous[COUNT] << 8 if extended else 0)
        count = count or (1 << 16 if extended else 1 << 8)
        if multiple and not self.multiple:
            self.fail(ABRT)
        elif position is None or position + count > self._sectors:
            self.fail(IDNF)
        elif command in _VERIFIES:
            self.finish()
        elif command in _WRITES and self._storage.read_only:
            self.fail(ABRT)
        else:
            self.position, self.left = position, count
            self.block = self.multiple if multiple else 1
            if command in _READS:
                self.more_to_give()
            else:
                self.take(min(self.block, self.left) * SECTOR, ask=False)

    def _address(self, extended: bool) -> int | None:
        """The first sector of a command; None when its CHS address names none."""
        low, mid, high = self.registers[LOW], self.registers[MID], self.registers[HIGH]
        if extended:
            upper = self.previous[LOW] | self.previous[MID] << 8 | self.previous[HIGH] << 16
            return low | mid << 8 | high << 16 | upper << 24
        if self.device & LBA:
            return low | mid << 8 | high << 16 | (self.device & 0xF) << 24
        head = self.device & 0xF
        if not 1 <= low <= self.track or head >= self.heads:
            return None
        return ((mid | high << 8) * self.heads + head) * self.track + low - 1

    def more_to_give(self) -> None:
        """The next block of a read, if there is one; else the command is over."""
        if not self.left:  # the last block was fetched: no interrupt when it has been
            self.phase = IDLE
            self.status = DRDY | DSC
            return
        count = min(self.block, self.left)
        try:
            data = self._storage.read(self.position * SECTOR, count * SECTOR)
        except DiskError:
            self._show(self.position)
            self.fail(UNC)
            return
        self.position += count
        self.left -= count
        self.give(data)

    def taken(self, data: bytes) -> None:
        """A block of a write."""
        try:
            self._storage.write(self.position * SECTOR, data)
        except DiskError:
            self._show(self.position)
            self._fault()
            return
        self.position += len(data) // SECTOR
        self.left -= len(data) // SECTOR
        if self.left:
            self.take(min(self.block, self.left) * SECTOR, ask=True)
        else:
            self.finish()

    def _show(self, position: int) -> None:
        """Leaves the sector at fault in the task file."""
        self.registers[LOW : HIGH + 1] = (position & 0xFF_FFFF).to_bytes(3, "little")
        self.previous[LOW : HIGH + 1] = (position >> 24 & 0xFF_FFFF).to_bytes(3, "little")

    def _fault(self) -> None:
        self.fail(ABRT)
        self.status = DRDY | DSC | DF | ERR

    def _flush(self) -> None:
        try:
            self._storage.flush()
        except DiskError:
            self._fault()
        else:
            self.finish()

    # -- what hosts ask and set --

    def _identity(self) -> bytes:
        current = min(self._sectors // (self.heads * self.track), 0xFFFF), self.heads, self.track
        return of_disk(self._sectors, self._serial, (self._cylinders, _HEADS, _TRACK), current, self.multiple)

    def _set_multiple(self, count: int) -> None:
        if count > MOST_MULTIPLE or count & (count - 1):
            self.multiple = 0
            self.fail(ABRT)
        else:
            self.multiple = count
            self.finish()

    def _set_features(self) -> None:
        feature, mode = self.registers[FEATURES], self.registers[COUNT]
        if feature not in _FEATURES or (feature == _TRANSFER_MODE and mode >= _ACCESS_CAUSES_DMA):
            self.fail(ABRT)
        else:
            self.finish()

    def save_command(self) -> dict[str, Any]:
        names = ("heads", "track", "multiple", "position", "left", "block")
        return {name: getattr(self, name) for name in names}

    def check_command(self, fields: dict[str, Any]) -> None:
        multiple, block = fields["multiple"], fields["block"]
        sizes_fit = multiple <= MOST_MULTIPLE and not multiple & (multiple - 1) and block <= MOST_MULTIPLE
        if not sizes_fit or not (1 <= fields["heads"] <= 16 and 1 <= fields["track"] <= 255):
            raise SnapshotError("vmm.ata: no hard disk has that geometry or block size")
        if fields["position"] + fields["left"] > self._sectors:
            raise SnapshotError(f"vmm.ata: the disk has {self._sectors} sectors, the saved transfer goes beyond")
        if fields["left"] and not block:
            raise SnapshotError("vmm.ata: a transfer moves at least a sector")
