"""Holes in a host's file: ranges that read as zeroes and take no room.

Source: fallocate(2), FALLOC_FL_PUNCH_HOLE; block devices take it too.
"""

from __future__ import annotations

import errno
import os

from ..bus.storage import DiskError

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_CANNOT = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV, errno.EPERM)


def punched(fd: int, offset: int, size: int, name: str) -> bool:
    """Whether `size` bytes of the file from `offset` on are a hole now; False where the host has none there. DiskError,
    with the disk's `name`, when it fails."""
    import ctypes  # not before the first: it costs milliseconds

    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if not libc.fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, size):
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise DiskError(f"{name}: cannot make a hole of {size} bytes at {offset:#x}: {os.strerror(code)}")
