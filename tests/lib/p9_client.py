"""The asking side of 9P2000.L, for tests: requests as bytes to a session, answers taken apart."""

from __future__ import annotations

import struct
from typing import Any

from vmm.devices.p9 import wire
from vmm.devices.p9.session import Session


class Refused(Exception):
    """An answer that is an error; `number` is its errno."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Client:
    """Has attached fid 0 to the root."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ask(wire.VERSION, "Is", 65536, b"9P2000.L")
        self.ask(wire.ATTACH, "IIssI", 0, wire.NO_FID, b"", b"", 0)
        self._next = 1

    def ask(self, kind: int, letters: str, *values: Any, data: bytes = b"") -> bytes:
        """The answer's fields."""
        fields = b"".join(
            wire.text(value) if letter == "s" else struct.pack(f"<{letter}", value)
            for letter, value in zip(letters, values, strict=True)
        )
        answer = self.session.answer(wire.message(kind, 7, fields + data))
        size, answered, tag = wire.HEADER.unpack(answer[:7])
        assert (size, tag) == (len(answer), 7)
        if answered == wire.LERROR:
            raise Refused(int.from_bytes(answer[7:11], "little"))
        assert answered == kind + 1
        return answer[7:]

    def walk(self, *names: bytes, at: int = 0) -> int:
        """The fid of what is there; Refused when not all of the way exists."""
        fid, self._next = self._next, self._next + 1
        found = self.ask(wire.WALK, "IIH" + "s" * len(names), at, fid, len(names), *names)
        if found[0] != len(names):
            raise Refused(2)
        return fid

    def create(self, name: bytes, at: int = 0, flags: int = 0o102, mode: int = 0o644) -> int:
        """A new file, open."""
        fid = self.walk(at=at)
        self.ask(wire.LCREATE, "IsIII", fid, name, flags, mode, 0)
        return fid

    def open(self, *names: bytes, flags: int = 0) -> int:
        """A file that is there, open."""
        fid = self.walk(*names)
        self.ask(wire.LOPEN, "II", fid, flags)
        return fid

    def write(self, fid: int, offset: int, content: bytes) -> int:
        return int.from_bytes(self.ask(wire.WRITE, "IQI", fid, offset, len(content), data=content), "little")

    def read(self, fid: int, offset: int = 0, count: int = 8192) -> bytes:
        return self.ask(wire.READ, "IQI", fid, offset, count)[4:]

    def clunk(self, fid: int) -> None:
        self.ask(wire.CLUNK, "I", fid)

    def names(self, fid: int, count: int = 8192) -> list[bytes]:
        """What is in an open directory, read `count` bytes at a time."""
        found, offset = [], 0
        while entries := self.ask(wire.READDIR, "IQI", fid, offset, count)[4:]:
            while entries:
                offset, _, size = struct.unpack_from("<QBH", entries, 13)
                found.append(entries[24 : 24 + size])
                entries = entries[24 + size :]
        return found
