"""An image that is a disk, and the drive it belongs in."""

from __future__ import annotations

from ...devices.bios.drive import is_floppy_size
from ...errors import ConfigError
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..config import MachineConfig

_WORDS = {"fda": "a floppy's", "hda": "a hard disk's", "cdrom": "a CD-ROM's"}
_LETTERS = {"fda": "a", "hda": "c", "cdrom": "d"}


def moved_to_drive(config: MachineConfig, size: int, is_disc: bool) -> MachineConfig:
    """The config with its image in the drive that a disk of this size is for; the boot order starts there.

    ConfigError when there is a disk in that drive.
    """
    field = "cdrom" if is_disc else "fda" if is_floppy_size(size) else "hda"
    if getattr(config, field):
        raise ConfigError.of("image", f"it is {_WORDS[field]} image, but {field} has a disk already")
    letter = _LETTERS[field]
    order = config.boot or letter + layout.BOOT_ORDER.replace(letter, "")
    return config.replace(image="", boot=order, **{field: config.image})
