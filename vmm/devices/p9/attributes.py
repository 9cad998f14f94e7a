"""What a file is to 9P: its qid, and the attributes that are asked for and set.

Source: Linux, fs/9p/vfs_inode_dotl.c.
"""

from __future__ import annotations

from struct import Struct

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tree import File, Stat
    from .wire import Fields

DIRECTORY, LINK, REGULAR, KIND = 0o040000, 0o120000, 0o100000, 0o170000
_BASIC = 0x7FF
"""P9_STATS_BASIC: mode to blocks."""
_GET = Struct("<III15Q")
_SECOND = 1_000_000_000
SET_MODE, SET_UID, SET_GID, SET_SIZE, SET_ATIME, SET_MTIME = 1, 2, 4, 8, 0x10, 0x20
ATIME_GIVEN, MTIME_GIVEN = 0x80, 0x100


def kind_of(mode: int) -> int:
    """A qid's type."""
    return {DIRECTORY: 0x80, LINK: 0x02}.get(mode & KIND, 0)


def path_of(device: int, inode: int) -> int:
    """A qid's path: other files have another, on other file systems too."""
    return inode ^ (device & 0xFFFF) << 48 ^ (device >> 16 & 0xFFFF) << 32


def qid_of(stat: Stat) -> bytes:
    """Of a file."""
    version = stat.st_mtime_ns ^ stat.st_size << 8
    return wire.qid(kind_of(stat.st_mode), version, path_of(stat.st_dev, stat.st_ino))


def get_attributes(stat: Stat) -> bytes:
    """GETATTR's answer."""
    times = [part for time in (stat.st_atime_ns, stat.st_mtime_ns, stat.st_ctime_ns, 0) for part in _parts(time)]
    numbers = (stat.st_nlink, stat.st_rdev, stat.st_size, stat.st_blksize, stat.st_blocks, *times, 0, 0)
    return _BASIC.to_bytes(8, "little") + qid_of(stat) + _GET.pack(stat.st_mode, stat.st_uid, stat.st_gid, *numbers)


def _parts(time: int) -> tuple[int, int]:
    """(seconds, nanoseconds), seconds before 1970 as the 64 bits that they are."""
    return time // _SECOND & 0xFFFF_FFFF_FFFF_FFFF, time % _SECOND


def set_attributes(file: File, fields: Fields) -> None:
    """SETATTR's request."""
    valid, mode, uid, gid, size, *times = fields.numbers("IIIIQQQQQ")
    accessed, modified = (_signed(times[at]) * _SECOND + times[at + 1] % _SECOND for at in (0, 2))
    if valid & (SET_UID | SET_GID):
        file.set_owner(uid if valid & SET_UID else -1, gid if valid & SET_GID else -1)
    if valid & SET_MODE:
        file.set_mode(mode & 0o7777)
    if valid & SET_SIZE:
        file.set_size(size)
    if valid & (SET_ATIME | SET_MTIME):
        file.set_times(
            (accessed if valid & ATIME_GIVEN else -1) if valid & SET_ATIME else None,
            (modified if valid & MTIME_GIVEN else -1) if valid & SET_MTIME else None,
        )


def _signed(value: int) -> int:
    """Seconds that fit what hosts keep."""
    value = value - (1 << 64) if value >> 63 else value
    return max(-(1 << 33), min(value, 1 << 33))
