"""What [drives] in an expect.toml says: a guest that is a disk, the drive it is in, and the drives beside it."""

from __future__ import annotations

from ..records import Record
from ..units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .guest_spec import Reader

DRIVES = ("fda", "hda", "hdb", "cdrom")
IMAGE = "image"
MANNERS = (IMAGE, f"{IMAGE},ro")
BOOT_SECTOR = 0x7C00


class GuestDrives(Record):
    """The drives of a guest that boots by the BIOS; none for other guests."""

    contents: tuple[tuple[str, str], ...] = ()
    """(field of MachineConfig, what is in it): "image" or "image,ro" for what the guest is built to, or a size."""
    size: int = 0
    """Bytes of the guest's image, zeros at its end."""
    load: int = BOOT_SECTOR
    """Address that the image's first byte is linked for."""
    boot: str = ""

    def __bool__(self) -> bool:
        return bool(self.contents)

    def fields(self, image: str) -> dict[str, Any]:
        """The fields of a MachineConfig, once the image is built; the image itself is never written."""
        found: dict[str, Any] = {"boot": self.boot}
        for drive, content in self.contents:
            if content in MANNERS:
                found[drive] = f"{image},{'ro' if content.endswith('ro') else 'overlay'}"
            else:
                found[drive] = bytes(parse_size(content))
        return found


def read_drives(reader: Reader, table: dict[str, Any]) -> GuestDrives:
    """The section; breaches go to the reader."""
    reader.only(table, "drives.", (*DRIVES, "size", "load", "boot"))
    contents = []
    for drive in DRIVES:
        content = reader.value(table, f"drives.{drive}", str, None)
        if content is None:
            continue
        if content not in MANNERS and not _is_size(content):
            reader.breach(f"drives.{drive}", f"must be one of {', '.join(MANNERS)}, or a size, not {content!r}")
        contents.append((drive, content))
    size = reader.value(table, "drives.size", str, "")
    if table and not _is_size(size):
        reader.breach("drives.size", "is needed: how large the guest's image is")
        size = "0"
    return GuestDrives(
        contents=tuple(contents),
        size=parse_size(size) if size else 0,
        load=reader.value(table, "drives.load", int, BOOT_SECTOR),
        boot=reader.value(table, "drives.boot", str, ""),
    )


def _is_size(text: str) -> bool:
    try:
        return parse_size(text) > 0
    except ValueError:
        return False
