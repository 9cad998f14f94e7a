"""Files that are either whole or not there: written under a temporary name, synced, renamed.

An older file stays until then. A link is followed, and a device or a pipe is written as it is.
"""

from __future__ import annotations

import os
from stat import S_ISREG

from ..errors import ConfigError, HostError


def check_path(field: str, path: str) -> None:
    """ConfigError, under `field`, when it is plain before the run that write_file could not write `path` after it."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise ConfigError.of(field, f"{path} is a folder")
    if not os.path.isdir(folder):
        raise ConfigError.of(field, f"there is no folder {folder}")
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise ConfigError.of(field, f"no permission to write {path}")


def write_file(path: str, content: bytes) -> None:
    """Writes `path`. HostError when it cannot."""
    try:
        if _is_special(path):
            with open(path, "wb") as file:
                file.write(content)
        else:
            _replace(os.path.realpath(path), content)
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from error


def _is_special(path: str) -> bool:
    return os.path.exists(path) and not S_ISREG(os.stat(path).st_mode)


def _replace(path: str, content: bytes) -> None:
    arriving = f"{path}.{os.getpid()}.tmp"
    try:
        with open(arriving, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(arriving, path)
    except BaseException:
        if os.path.exists(arriving):
            os.unlink(arriving)
        raise
