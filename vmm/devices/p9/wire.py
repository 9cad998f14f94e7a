"""What 9P messages are made of: numbers, strings, qids.

A message is size[4] type[1] tag[2] and its fields, all little-endian; a string is its size[2] and its bytes.
Sources: 9P2000 intro(5); Linux, include/net/9p/9p.h (9P2000.L).
"""

from __future__ import annotations

from struct import Struct

HEADER = Struct("<IBH")
STATFS, LOPEN, LCREATE, SYMLINK, MKNOD, READLINK = 8, 12, 14, 16, 18, 22
GETATTR, SETATTR, XATTRWALK, XATTRCREATE, READDIR, FSYNC, LOCK, GETLOCK = 24, 26, 30, 32, 40, 50, 52, 54
LINK, MKDIR, RENAMEAT, UNLINKAT, VERSION, ATTACH, FLUSH, WALK = 70, 72, 74, 76, 100, 104, 108, 110
READ, WRITE, CLUNK = 116, 118, 120
"""The requests; an answer's type is one more."""
LERROR = 7
MOST_REQUEST = 1 << 20
"""Bytes of a message: more than any session agrees on."""
NO_FID = 0xFFFF_FFFF
NO_TAG = 0xFFFF
READ_HEAD, WRITE_HEAD = 11, 23
"""Bytes in front of the data that READ's answer and WRITE's request have."""
_NUMBERS = {letter: Struct(f"<{letter}") for letter in "BHIQ"}
_QID = Struct("<BIQ")
QID_SIZE = _QID.size


class MessageError(Exception):
    """A message that is none."""


class Fields:
    """Takes the fields out of a request."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = HEADER.size

    def number(self, letter: str) -> int:
        """An unsigned number, by its letter in struct."""
        kind = _NUMBERS[letter]
        end = self._at + kind.size
        if end > len(self._message):
            raise MessageError
        (value,) = kind.unpack_from(self._message, self._at)
        self._at = end
        return int(value)

    def numbers(self, letters: str) -> list[int]:
        """Several of them."""
        return [self.number(letter) for letter in letters]

    def text(self) -> bytes:
        """A string."""
        size = self.number("H")
        end = self._at + size
        if end > len(self._message):
            raise MessageError
        text = self._message[self._at : end]
        self._at = end
        return text


def text(value: bytes) -> bytes:
    """A string, as a field."""
    return len(value).to_bytes(2, "little") + value


def qid(kind: int, version: int, path: int) -> bytes:
    """What identifies a file, as a field: type[1] version[4] path[8]."""
    return _QID.pack(kind, version & 0xFFFF_FFFF, path & 0xFFFF_FFFF_FFFF_FFFF)


def message(kind: int, tag: int, fields: bytes) -> bytes:
    """A whole message."""
    return HEADER.pack(HEADER.size + len(fields), kind, tag) + fields
