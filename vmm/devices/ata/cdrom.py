"""An ATAPI CD-ROM drive with a disc that stays in it: packets, and the SCSI commands that boot from it.

A disc is one data track of 2048-byte sectors. Data goes out in pieces as large as the host's byte count allows.
Not modelled: audio, raw sectors, changing discs and the attention that follows, DMA.
Source: ATA/ATAPI-6 (T13/1410D), section 9.8 (PACKET protocol); SFF-8020i and MMC-3 (commands, sense data).
"""

from __future__ import annotations

from ...bus.storage import DiskError
from ...errors import SnapshotError
from .drive import ABRT, COUNT, DRDY, DRQ, DSC, ERR, FEATURES, HIGH, IDLE, MID, Drive
from .identity import of_cdrom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...bus.storage import Storage

BLOCK = 2048
PACKET_SIZE = 12
DEVICE_RESET, PACKET, IDENTIFY_PACKET, IDENTIFY, SET_FEATURES = 0x08, 0xA0, 0xA1, 0xEC, 0xEF
WITHOUT_EFFECT = (0xE0, 0xE1, 0xE2, 0xE3, 0xE6)
COMMAND_PHASE, DATA_PHASE, STATUS_PHASE = 0x01, 0x02, 0x03
"""Interrupt reasons, which COUNT has during a packet command: CoD, IO, both."""
NOT_READY, MEDIUM_ERROR, ILLEGAL_REQUEST = 0x2, 0x3, 0x5
INVALID_COMMAND, OUT_OF_RANGE, INVALID_FIELD, UNRECOVERED = 0x20, 0x21, 0x24, 0x11

_DMA = 0x01  # of FEATURES
_MOST_BYTES = 0xFFFE  # of one piece
_LEAD_OUT = 0xAA
_MODE_PAGES = {
    0x01: bytes((0x01, 0x06, 0, 3, 0, 0, 0, 0)),
    0x2A: bytes((0x2A, 0x12, 0, 0, 0x71, 0, 0x29)).ljust(20, b"\0"),
}


class CdRom(Drive):
    """The drive over `storage`, of which it uses whole blocks."""

    kind = "CD-ROM drive"
    signature = (0x14, 0xEB)

    def __init__(self, storage: Storage, serial: str) -> None:
        self._storage = storage
        self._serial = serial
        self._blocks = storage.size // BLOCK
        self.sense_key = self.sense_code = 0
        self.position = self.left = self.limit = 0
        """Of the disc's bytes that are still to go out, the first and how many; and how many go in one piece."""
        self.answer = b""
        """What else is to go out: an answer that is no part of the disc."""
        super().__init__()

    def ready_status(self) -> int:
        return 0  # a packet device is not "ready" in ATA's sense until it is asked

    def forget(self) -> None:
        """A reset ends the command and its sense data."""
        self.left = self.sense_key = self.sense_code = 0
        self.answer = b""

    def execute(self, command: int) -> None:
        """Starts an ATA command; unknown ones are aborted."""
        if command == PACKET:
            self._start_packet()
        elif command == IDENTIFY_PACKET:
            self.left = 0
            self.answer = b""
            self.give(of_cdrom(self._serial))
        elif command == DEVICE_RESET:
            self.reset()
        elif command in WITHOUT_EFFECT or (command == SET_FEATURES and self.registers[FEATURES] == 0x03):
            self.finish()
        else:
            if command == IDENTIFY:  # the signature tells the host what it talks to
                self.registers[COUNT : HIGH + 1] = bytes((1, 1, *self.signature))
            self.fail(ABRT)

    def _start_packet(self) -> None:
        if self.registers[FEATURES] & _DMA:
            self.fail(ABRT)
            return
        self.limit = self.registers[MID] | self.registers[HIGH] << 8
        self.limit = min(self.limit or _MOST_BYTES, _MOST_BYTES)
        if self.limit > 1:
            self.limit &= ~1
        self.registers[COUNT] = COMMAND_PHASE
        self.take(PACKET_SIZE, ask=False)

    def taken(self, data: bytes) -> None:
        """The packet is here: does what it says."""
        opcode = data[0]
        self.left, self.answer = 0, b""
        if opcode != 0x03:  # REQUEST SENSE tells of the command before
            self.sense_key = self.sense_code = 0
        handler = _COMMANDS.get(opcode)
        if handler is None:
            self._refuse(ILLEGAL_REQUEST, INVALID_COMMAND)
        else:
            handler(self, data)

    # -- commands --

    def _done(self, packet: bytes) -> None:
        """TEST UNIT READY, START STOP UNIT, PREVENT REMOVAL, SEEK: nothing to do."""
        self._end()

    def _request_sense(self, packet: bytes) -> None:
        sense = bytearray(18)
        sense[0], sense[2], sense[7], sense[12] = 0x70, self.sense_key, 10, self.sense_code
        self.sense_key = self.sense_code = 0
        self._reply(bytes(sense), packet[4])

    def _inquiry(self, packet: bytes) -> None:
        if packet[1] & 1:
            self._refuse(ILLEGAL_REQUEST, INVALID_FIELD)
            return
        self._reply(bytes((0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0)) + b"VMM     CD-ROM          1.0 ", packet[4])

    def _read_capacity(self, packet: bytes) -> None:
        if not self._blocks:
            self._refuse(NOT_READY, 0x3A)
            return
        self._reply((self._blocks - 1).to_bytes(4, "big") + BLOCK.to_bytes(4, "big"), 8)

    def _read_10(self, packet: bytes) -> None:
        self._read(int.from_bytes(packet[2:6], "big"), int.from_bytes(packet[7:9], "big"))

    def _read_12(self, packet: bytes) -> None:
        self._read(int.from_bytes(packet[2:6], "big"), int.from_bytes(packet[6:10], "big"))

    def _read(self, block: int, count: int) -> None:
        if block + count > self._blocks:
            self._refuse(ILLEGAL_REQUEST, OUT_OF_RANGE)
            return
        self.position, self.left = block * BLOCK, count * BLOCK
        self.more_to_give()

    def _read_toc(self, packet: bytes) -> None:
        """Format 0: the one track and the lead-out; format 1: the one session."""
        in_minutes, form, first = packet[1] & 2, packet[2] & 0xF or packet[9] >> 6, packet[6]

        def address(block: int) -> bytes:
            if not in_minutes:
                return block.to_bytes(4, "big")
            frames = block + 150
            return bytes((0, frames // 75 // 60 & 0xFF, frames // 75 % 60, frames % 75))

        track = bytes((0, 0x14, 1, 0)) + address(0)
        lead_out = bytes((0, 0x16, _LEAD_OUT, 0)) + address(self._blocks)
        if form == 0 and (first <= 1 or first == _LEAD_OUT):
            body = (b"" if first == _LEAD_OUT else track) + lead_out
        elif form == 1:
            body = track
        else:
            self._refuse(ILLEGAL_REQUEST, INVALID_FIELD)
            return
        self._reply((len(body) + 2).to_bytes(2, "big") + b"\x01\x01" + body, int.from_bytes(packet[7:9], "big"))

    def _mode_sense(self, packet: bytes) -> None:
        page = packet[2] & 0x3F
        pages = _MODE_PAGES.values() if page == 0x3F else [_MODE_PAGES[page]] if page in _MODE_PAGES else []
        body = b"".join(pages)
        if not body:
            self._refuse(ILLEGAL_REQUEST, INVALID_FIELD)
            return
        self._reply(
            (len(body) + 6).to_bytes(2, "big") + bytes((0x01, 0, 0, 0, 0, 0)) + body, int.from_bytes(packet[7:9], "big")
        )

    # -- phases --

    def _reply(self, answer: bytes, most: int) -> None:
        self.answer = answer[:most]
        self.more_to_give()

    def more_to_give(self) -> None:
        """The next piece, or the end of the command."""
        piece = self.answer[: self.limit]
        self.answer = self.answer[self.limit :]
        if self.command == IDENTIFY_PACKET:
            self.phase, self.status = IDLE, DRDY | DSC
            return
        if not piece and self.left:
            size = min(self.limit, self.left)
            try:
                piece = self._storage.read(self.position, size)
            except DiskError:
                self._refuse(MEDIUM_ERROR, UNRECOVERED)
                return
            self.position += size
            self.left -= size
        if not piece:
            self._end()
            return
        self.registers[COUNT] = DATA_PHASE
        self.registers[MID], self.registers[HIGH] = len(piece) & 0xFF, len(piece) >> 8
        self.give(piece)
        self.status = DRDY | DRQ

    def _end(self) -> None:
        self.registers[COUNT] = STATUS_PHASE
        self.finish()
        self.status = DRDY

    def _refuse(self, key: int, code: int) -> None:
        self.left, self.answer = 0, b""
        self.sense_key, self.sense_code = key, code
        self.registers[COUNT] = STATUS_PHASE
        self.fail(key << 4 | ABRT)
        self.status = DRDY | ERR

    def save_command(self) -> dict[str, Any]:
        names = ("sense_key", "sense_code", "position", "left", "limit", "answer")
        return {name: getattr(self, name) for name in names}

    def check_command(self, fields: dict[str, Any]) -> None:
        if (
            fields["limit"] > _MOST_BYTES
            or len(fields["answer"]) > 0xFFFF
            or max(fields["sense_key"] >> 4, fields["sense_code"] >> 8)
        ):
            raise SnapshotError("vmm.ata: no CD-ROM drive can be in that state")
        if fields["position"] + fields["left"] > self._blocks * BLOCK:
            raise SnapshotError(f"vmm.ata: the disc has {self._blocks} blocks, the saved transfer goes beyond")
        if fields["left"] and not fields["limit"]:
            raise SnapshotError("vmm.ata: a piece has at least a byte")


_COMMANDS = {
    0x00: CdRom._done, 0x03: CdRom._request_sense, 0x12: CdRom._inquiry, 0x1B: CdRom._done, 0x1E: CdRom._done,
    0x25: CdRom._read_capacity, 0x28: CdRom._read_10, 0x2B: CdRom._done, 0x43: CdRom._read_toc,
    0x5A: CdRom._mode_sense, 0xA8: CdRom._read_12,
}  # fmt: skip
