"""How a CD-ROM boots: the boot catalogue of an ISO 9660 image, read and checked; and INT 13h/4Bh, which tells of it.

A catalogue's default entry names an image to load (no emulation), or one that becomes floppy A. Anything that is
wrong with it is said in words, and the CD-ROM then does not boot.
Not modelled: hard disk emulation, section entries, other platforms than x86, Joliet or any file system.
Source: "El Torito" Bootable CD-ROM Format Specification 1.0.
"""

from __future__ import annotations

from struct import pack, unpack_from

from ...bus.storage import DiskError
from .drive import CD_SECTOR, CDROM, FIRST, FLOPPY, SECTOR, Drive
from .frame import linear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .frame import Frame
    from .ram import Ram

BOOT_RECORD = 17
"""The sector that points to the catalogue."""
_RECORD = b"\0CD001\x01EL TORITO SPECIFICATION"
_MEDIA = {1: 1200 * 1024, 2: 1440 * 1024, 3: 2880 * 1024}
"""Bytes of the floppies that can be emulated, by media type."""
_BOOTABLE = 0x88
_DEFAULT_SEGMENT = 0x7C0
_SPECIFICATION = 0x13
_LOWEST = 0x500


class BootImage:
    """The default entry of a catalogue."""

    def __init__(self, media: int, segment: int, count: int, lba: int) -> None:
        self.media = media
        """0 for no emulation, or one of _MEDIA."""
        self.segment = segment
        """Where the image goes."""
        self.count = count
        """How many sectors of 512 bytes are loaded."""
        self.lba = lba
        """Its first sector of 2048 bytes."""

    def load(self, cdrom: Drive, ram: Ram) -> str:
        """Puts the start of the image into RAM; "" or what is in the way."""
        size = self.count * SECTOR
        where = linear(self.segment, 0)
        if where < _LOWEST or not ram.holds(where, size):
            return f"its boot image goes to [{where:#x}, {where + size:#x}), which is not all free RAM"
        start = self.lba * CD_SECTOR
        if start + size > cdrom.size:
            return f"its boot image ends at {start + size:#x}, the disc at {cdrom.size:#x}"
        try:
            ram.write(where, cdrom.disk.read(start, size))
        except DiskError as error:
            return str(error)
        return ""


def find(cdrom: Drive) -> BootImage | str:
    """What the disc boots, or why it boots nothing."""
    try:
        if not cdrom.has(BOOT_RECORD, 1):
            return "it is too short for a boot record"
        record = cdrom.read(BOOT_RECORD, 1)
        if not record.startswith(_RECORD):
            return "it has no El Torito boot record"
        (at,) = unpack_from("<I", record, 0x47)
        if not cdrom.has(at, 1):
            return f"its boot catalogue is at sector {at}, the disc has {cdrom.sectors}"
        return _entry(cdrom, cdrom.read(at, 1))
    except DiskError as error:
        return str(error)


def _entry(cdrom: Drive, catalogue: bytes) -> BootImage | str:
    if catalogue[0] != 1 or catalogue[30:32] != b"\x55\xaa" or sum(unpack_from("<16H", catalogue)) & 0xFFFF:
        return "its boot catalogue has a wrong checksum"
    if catalogue[1]:
        return f"its boot catalogue is for platform {catalogue[1]:#x}, not for x86"
    bootable, media, segment, _system, _unused, count, lba = unpack_from("<BBHBBHI", catalogue, 32)
    media &= 0x0F
    if bootable != _BOOTABLE:
        return "its default entry is marked as not bootable"
    if media and media not in _MEDIA:
        return f"it asks for emulation of media type {media}, which there is not here"
    if not cdrom.has(lba, 1) or (media and lba * CD_SECTOR + _MEDIA[media] > cdrom.size):
        return f"its boot image at sector {lba} is not all on the disc"
    return BootImage(media, segment or _DEFAULT_SEGMENT, count or 1, lba)


def is_image(parts: object, cdrom: Drive | None) -> bool:
    """Whether [media, segment, count, lba] can be what this disc booted."""
    if cdrom is None or type(parts) is not list or [type(part) for part in parts] != [int] * 4:
        return False
    media, segment, count, lba = parts
    is_known = media in (0, *_MEDIA) and 0 <= segment <= 0xFFFF and 0 < count <= 0xFFFF
    return is_known and cdrom.has(lba, 1) and lba * CD_SECTOR + _MEDIA.get(media, 0) <= cdrom.size


def emulated_floppy(image: BootImage, cdrom: Drive) -> Drive:
    """Floppy A, whose sectors are the image's; read-only as the disc is."""
    return Drive(FIRST[FLOPPY], FLOPPY, _ReadOnly(cdrom), image.lba * CD_SECTOR, _MEDIA[image.media])


class _ReadOnly:
    """The disc under an emulated floppy, which nobody can write whatever the file allows."""

    read_only = True

    def __init__(self, cdrom: Drive) -> None:
        self.size = cdrom.disk.size
        self.read = cdrom.disk.read

    def write(self, offset: int, data: bytes) -> None:
        raise DiskError("a CD-ROM cannot be written")

    def flush(self) -> None:
        pass


class Emulation:
    """INT 13h/4Bh. `image` is what was booted, None before; `ended` puts drive A back."""

    def __init__(self, ram: Ram, ended: Callable[[], None]) -> None:
        self._ram = ram
        self._ended = ended
        self.image: BootImage | None = None
        self.functions: dict[int, Callable[[Frame], None]] = {0x4B: self._status}

    def _status(self, frame: Frame) -> None:
        """AL 0 ends an emulation, AL 1 leaves it; both fill the specification packet at DS:SI."""
        image = self.image
        if image is None or frame.al > 1:
            frame.fail(0x01)
            return
        drive = FIRST[FLOPPY] if image.media else FIRST[CDROM]
        packet = pack("<BBBBIHHHHBBB", _SPECIFICATION, image.media, drive, 0, image.lba, 0, 0, image.segment,
                      image.count, 0, 0, 0)  # fmt: skip
        if not self._ram.write(linear(frame.ds, frame.si), packet):
            frame.fail(0x01)
            return
        if frame.al == 0 and image.media:
            self._ended()
        frame.succeed()
