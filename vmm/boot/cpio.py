"""The "newc" form of a cpio archive, which Linux unpacks as its initramfs, made of members that are described.

The same members give the same bytes: they are sorted by name, belong to root, are dated 1970, and are numbered in
order. Directories that nobody described are added. Hard links are not known: each name is a file of its own.
Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux, and cpio(5).
"""

from __future__ import annotations

from ..errors import BootError
from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DIRECTORY, FILE, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE = 0o040000, 0o100000, 0o120000, 0o020000, 0o060000
"""The kinds of members, as in st_mode."""
MOST_CONTENT = 0xFFFF_FFFF
"""Bytes of one member: the field for it has eight hexadecimal digits."""

_KIND = 0o170000
_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_ALIGNMENT = 4


class Member(Record):
    """One name in the archive."""

    name: str
    """Path without a leading slash; bytes that are no UTF-8 as surrogates, as os.fsdecode() gives them."""
    mode: int
    """Kind and permissions, as st_mode."""
    size: int = 0
    """Bytes of the content."""
    content: Callable[[], Iterable[bytes]] = tuple
    """Gives the content in pieces, `size` bytes in all, when it is wanted."""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device node."""


def directory(name: str, permissions: int = 0o755) -> Member:
    """A directory."""
    return Member(name=name, mode=DIRECTORY | permissions)


def file(name: str, content: bytes, permissions: int = 0o644) -> Member:
    """A file with what is in it."""
    return Member(name=name, mode=FILE | permissions, size=len(content), content=lambda: (content,))


def symlink(name: str, target: str) -> Member:
    """A symbolic link."""
    content = target.encode("utf-8", "surrogateescape")
    return Member(name=name, mode=SYMLINK | 0o777, size=len(content), content=lambda: (content,))


def in_order(members: Iterable[Member]) -> list[Member]:
    """The members by name with all the directories they lie in; of two with one name the later counts."""
    named = {member.name: member for member in members}
    for name in list(named):
        parent, slash, _ = name.rpartition("/")
        while slash and parent not in named:
            named[parent] = directory(parent)
            parent, slash, _ = parent.rpartition("/")
    return [named[name] for name in sorted(named)]


def size_of(members: Iterable[Member]) -> int:
    """Bytes of the archive that pack() makes of members that are in_order()."""
    return sum(len(_header(member, 0)) + _padded(member.size) for member in members) + len(_end())


def pack(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive of members that are in_order(), in pieces. BootError for what the format cannot hold, and where a
    content has another size than was said."""
    for number, member in enumerate(members, start=1):
        yield _header(member, number)
        left = member.size
        for piece in member.content():
            left -= len(piece)
            yield piece
        if left:
            raise BootError("cpio", f"{member.name} is not of the {member.size} bytes it had: it changes")
        yield bytes(_padded(member.size) - member.size)
    yield _end()


def _header(member: Member, number: int) -> bytes:
    if member.size > MOST_CONTENT:
        raise BootError("cpio", f"{member.name} has {member.size} bytes; a member has at most {MOST_CONTENT}")
    return _head(member.name, number, member.mode, member.size, member.device)


def _end() -> bytes:
    return _head(_TRAILER, 0, 0, 0, (0, 0))


def _head(member: str, number: int, mode: int, size: int, device: tuple[int, int]) -> bytes:
    """ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check; name."""
    name = member.encode("utf-8", "surrogateescape") + b"\0"
    links = 2 if mode & _KIND == DIRECTORY else 1
    fields = (number, mode, 0, 0, links, 0, size, 0, 0, *device, len(name), 0)
    head = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
    return head + bytes(_padded(len(head)) - len(head))


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
