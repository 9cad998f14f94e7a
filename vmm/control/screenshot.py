"""A text screen as a file, in the format that the file's name asks for."""

from __future__ import annotations

import os

from ..errors import ConfigError, nearest
from .whole_file import check_path, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..observe.screen import Screen

FORMATS = (".png", ".svg", ".txt")


def check(field: str, path: str) -> None:
    """ConfigError, under `field`, when it is plain before the run that `write` could not write `path` after it."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in FORMATS:
        raise ConfigError.of(field, f"{path} must end in {', '.join(FORMATS)}{nearest(ending, FORMATS)}")
    check_path(field, path)


def write(path: str, screen: Screen) -> None:
    """Writes `path`, whole or not at all. HostError when it cannot."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".png":
        write_file(path, screen.as_png())
    else:
        write_file(path, (screen.as_svg() if ending == ".svg" else screen.text).encode())
