"""openat2(2), which Python lacks: opens what is below a directory and nothing else, whatever is moved meanwhile.

By ctypes, which is imported when a directory is shared: one call needs no compiled module (docs/adr/0015).
"""

from __future__ import annotations

import ctypes
import os
from struct import Struct

_NUMBER = 437
"""The same on every architecture."""
_HOW = Struct("<QQQ")
_NO_MOUNTS, _NO_MAGIC_LINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _NO_MOUNTS | _NO_MAGIC_LINKS | _NO_SYMLINKS | _BENEATH
_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def open_beneath(directory: int, name: bytes, flags: int, mode: int = 0) -> int:
    """A file descriptor. No link on the way is followed; with O_PATH and O_NOFOLLOW the last part may be one. OSError:
    EXDEV for what leads out or onto another mount,
    ELOOP for a link, ENOSYS before Linux 5.6."""
    how = _HOW.pack(flags | os.O_CLOEXEC, mode, _RESOLVE)
    fd = int(
        _syscall(ctypes.c_long(_NUMBER), ctypes.c_int(directory), ctypes.c_char_p(name), ctypes.c_char_p(how),
                 ctypes.c_size_t(_HOW.size))
    )  # fmt: skip
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return fd
