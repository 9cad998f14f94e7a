"""A 9P2000.L session: fids that stand for files, and the requests that are made of them.

Names are one component each; "..", which no Linux asks for, leads nowhere but from the root to itself. A request that
cannot be answered gets the errno that says why; a message that is none at all gets EPROTO.
Sources: Linux, include/net/9p/9p.h and fs/9p; diod, protocol.md (9P2000.L).
"""

from __future__ import annotations

import errno

from ...errors import SnapshotError
from ...state import State
from . import wire
from .attributes import get_attributes, qid_of, set_attributes
from .fids import Fid
from .wire import Fields, MessageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree import File, Tree

MOST_BYTES = 512 << 10
"""Of a message."""
LEAST_BYTES = 4096
MOST_FIDS = 16384
MOST_NAMES = 16
"""That one walk may have (P9_MAXWELEM)."""
MOST_XATTR = 64 << 10
"""Bytes of an extended attribute's value (XATTR_SIZE_MAX)."""
_DIALECT = b"9P2000.L"
_REMOVE_DIRECTORY = 0x200
"""AT_REMOVEDIR."""
_SCHEMA = "vmm.9p"


class Session:
    """With a driver; a new version message begins it anew."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.most_bytes = MOST_BYTES
        self._most_fids = min(MOST_FIDS, tree.most_files)
        self._fids: dict[int, Fid] = {}
        self._answers: dict[int, Callable[[Fields], bytes]] = {
            wire.ATTACH: self._attach, wire.WALK: self._walk, wire.CLUNK: self._clunk, wire.FLUSH: lambda fields: b"",
            wire.LOPEN: self._open, wire.LCREATE: self._create, wire.GETATTR: self._get, wire.SETATTR: self._set,
            wire.STATFS: self._statfs, wire.SYMLINK: self._symlink, wire.MKNOD: self._mknod, wire.MKDIR: self._mkdir,
            wire.READLINK: self._readlink, wire.LINK: self._link, wire.RENAMEAT: self._rename,
            wire.UNLINKAT: self._unlink, wire.READDIR: self._list, wire.FSYNC: self._sync, wire.LOCK: self._lock,
            wire.GETLOCK: self._getlock, wire.XATTRWALK: self._xattr, wire.XATTRCREATE: self._new_xattr,
            wire.VERSION: self._version,
        }  # fmt: skip

    # -- messages --

    def answer(self, message: bytes) -> bytes:
        """The whole answer to a whole request that carries its data in itself."""
        request = memoryview(message)
        room = bytearray(self.most_bytes)
        size = self.serve(message[: wire.WRITE_HEAD] if message[4:5] == b"\x76" else message,
                          [request[wire.WRITE_HEAD :]], [memoryview(room)[wire.READ_HEAD :]])  # fmt: skip
        if isinstance(size, bytes):
            return size
        return wire.HEADER.pack(wire.READ_HEAD + size, wire.READ + 1, int.from_bytes(message[5:7], "little")) + (
            size.to_bytes(4, "little") + room[wire.READ_HEAD : wire.READ_HEAD + size]
        )

    def serve(self, message: bytes, data: list[memoryview], room: list[memoryview]) -> bytes | int:
        """The answer to `message`. Where that is a WRITE its data is in `data`; where it is a READ the answer's data
        goes to `room`, and how much that was is returned in place of the answer."""
        _, kind, tag = wire.HEADER.unpack(message[:7]) if len(message) >= 7 else (0, 0, wire.NO_TAG)
        try:
            if kind == wire.READ:
                return self._read(Fields(message), room)
            fields = self._write(Fields(message), data) if kind == wire.WRITE else self._other(kind, message)
            return wire.message(kind + 1, tag, fields)
        except OSError as error:
            number = error.errno or errno.EIO
        except MessageError:
            number = errno.EPROTO
        return wire.message(wire.LERROR, tag, number.to_bytes(4, "little"))

    def _other(self, kind: int, message: bytes) -> bytes:
        answer = self._answers.get(kind)
        if answer is None:
            raise OSError(errno.EOPNOTSUPP, "no such request")
        return answer(Fields(message))

    def _version(self, fields: Fields) -> bytes:
        size, dialect = fields.number("I"), fields.text()
        if size < LEAST_BYTES:
            raise MessageError
        self.close()
        self.most_bytes = min(size, MOST_BYTES)
        return self.most_bytes.to_bytes(4, "little") + wire.text(_DIALECT if dialect == _DIALECT else b"unknown")

    # -- fids --

    def _fid(self, fields: Fields) -> Fid:
        fid = self._fids.get(fields.number("I"))
        if fid is None:
            raise OSError(errno.EBADF, "no such fid")
        return fid

    def _keep(self, number: int, fid: Fid) -> None:
        """From now on `number` stands for it."""
        if number == wire.NO_FID or number in self._fids or len(self._fids) >= self._most_fids:
            fid.close()
            raise OSError(errno.EMFILE if len(self._fids) >= self._most_fids else errno.EBADF, "no new fid")
        self._fids[number] = fid

    def _attach(self, fields: Fields) -> bytes:
        number = fields.numbers("II")[0]
        fid = Fid(self._tree.root())
        self._keep(number, fid)
        return qid_of(fid.file.stat())

    def _walk(self, fields: Fields) -> bytes:
        at, number, count = fields.numbers("IIH")
        names = [fields.text() for _ in range(min(count, MOST_NAMES + 1))]
        fid = self._fids.get(at)
        if fid is None:
            raise OSError(errno.EBADF, "no such fid")
        if count > MOST_NAMES:
            raise MessageError
        file, qids = fid.file.walk(b"."), b""
        for found, name in enumerate(names):
            try:
                further = file.walk(name)
            except OSError:
                file.close()
                if not found:
                    raise
                return found.to_bytes(2, "little") + qids
            file.close()
            file = further
            qids += qid_of(file.stat())
        if number == at:
            fid.close()
            del self._fids[at]
        self._keep(number, Fid(file))
        return count.to_bytes(2, "little") + qids

    def _clunk(self, fields: Fields) -> bytes:
        fid = self._fids.pop(fields.number("I"), None)
        if fid is None:
            raise OSError(errno.EBADF, "no such fid")
        try:
            fid.finish()
        finally:
            fid.close()
        return b""

    # -- files --

    def _open(self, fields: Fields) -> bytes:
        fid, flags = self._fid(fields), fields.number("I")
        fid.open(flags)
        return qid_of(fid.file.stat()) + bytes(4)

    def _create(self, fields: Fields) -> bytes:
        fid, name = self._fid(fields), fields.text()
        flags, mode, _ = fields.numbers("III")
        fid.become(fid.file.create(name, flags, mode), flags)
        return qid_of(fid.file.stat()) + bytes(4)

    def _read(self, fields: Fields, room: list[memoryview]) -> int:
        fid = self._fid(fields)
        offset, count = fields.numbers("QI")
        return fid.read(room, offset, min(count, self.most_bytes - wire.READ_HEAD))

    def _write(self, fields: Fields, data: list[memoryview]) -> bytes:
        fid = self._fid(fields)
        offset, count = fields.numbers("QI")
        return fid.write(data, offset, count).to_bytes(4, "little")

    def _list(self, fields: Fields) -> bytes:
        fid = self._fid(fields)
        offset, count = fields.numbers("QI")
        found = fid.listed(offset, min(count, self.most_bytes - wire.READ_HEAD))
        return len(found).to_bytes(4, "little") + found

    def _sync(self, fields: Fields) -> bytes:
        self._fid(fields).opened.sync(bool(fields.number("I")))
        return b""

    def _get(self, fields: Fields) -> bytes:
        return get_attributes(self._fid(fields).file.stat())

    def _set(self, fields: Fields) -> bytes:
        set_attributes(self._fid(fields).file, fields)
        return b""

    def _statfs(self, fields: Fields) -> bytes:
        kind, block, blocks, free, available, files, free_files, longest = self._fid(fields).file.statfs()
        sizes = b"".join(each.to_bytes(8, "little") for each in (blocks, free, available, files, free_files, 0))
        return kind.to_bytes(4, "little") + block.to_bytes(4, "little") + sizes + longest.to_bytes(4, "little")

    # -- names --

    def _symlink(self, fields: Fields) -> bytes:
        fid, name, target = self._fid(fields), fields.text(), fields.text()
        return self._made(fid.file.make_link(name, target))

    def _mknod(self, fields: Fields) -> bytes:
        fid, name = self._fid(fields), fields.text()
        return self._made(fid.file.make_node(name, fields.number("I")))

    def _mkdir(self, fields: Fields) -> bytes:
        fid, name = self._fid(fields), fields.text()
        return self._made(fid.file.make_directory(name, fields.number("I")))

    def _made(self, file: File) -> bytes:
        try:
            return qid_of(file.stat())
        finally:
            file.close()

    def _readlink(self, fields: Fields) -> bytes:
        return wire.text(self._fid(fields).file.read_link())

    def _link(self, fields: Fields) -> bytes:
        directory, fid = self._fid(fields), self._fid(fields)
        directory.file.link(fields.text(), fid.file)
        return b""

    def _rename(self, fields: Fields) -> bytes:
        here, name, there = self._fid(fields), fields.text(), self._fid(fields)
        here.file.rename(name, there.file, fields.text())
        return b""

    def _unlink(self, fields: Fields) -> bytes:
        fid, name = self._fid(fields), fields.text()
        fid.file.unlink(name, bool(fields.number("I") & _REMOVE_DIRECTORY))
        return b""

    # -- locks and extended attributes --

    def _lock(self, fields: Fields) -> bytes:
        fid = self._fid(fields)
        kind, _, start, size, _ = fields.numbers("BIQQI")
        return bytes((0 if fid.opened.lock(kind, start, size) else 1,))

    def _getlock(self, fields: Fields) -> bytes:
        fid = self._fid(fields)
        kind, start, size, process = fields.numbers("BQQI")
        client = fields.text()
        found = fid.opened.lock_in_the_way(kind, start, size) or (2, start, size, process)
        numbers = zip(found, (1, 8, 8, 4), strict=True)
        return b"".join(value.to_bytes(width, "little") for value, width in numbers) + wire.text(client)

    def _xattr(self, fields: Fields) -> bytes:
        fid, number, name = self._fid(fields), fields.number("I"), fields.text()
        value = fid.file.attribute(name) if name else fid.file.attributes()
        self._keep(number, Fid(fid.file.walk(b"."), value))
        return len(value).to_bytes(8, "little")

    def _new_xattr(self, fields: Fields) -> bytes:
        fid, name = self._fid(fields), fields.text()
        size, flags = fields.numbers("QI")
        if size > MOST_XATTR:
            raise OSError(errno.E2BIG, "no attribute is so large")
        fid.expect(name, size, flags)
        return b""

    # -- its life --

    def close(self) -> None:
        """Nothing is open any more. Legal twice."""
        fids, self._fids = self._fids, {}
        for fid in fids.values():
            fid.close()

    def save(self) -> State:
        """Where each fid's file is. Locks are the host's, and not part of it."""
        fids = [[number, *fid.save()] for number, fid in self._fids.items()]
        return State(_SCHEMA, 1, {"most_bytes": self.most_bytes, "fids": fids})

    def load(self, state: State) -> None:
        """Opens the same files, where they are still there; one that is not is ESTALE from now on."""
        fields = state.expect(_SCHEMA, 1, ("most_bytes", "fids"))
        size, fids = fields["most_bytes"], fields["fids"]
        if type(size) is not int or not LEAST_BYTES <= size <= MOST_BYTES or not isinstance(fids, list):
            raise SnapshotError(f"{_SCHEMA}: this is no session")
        self.close()
        self.most_bytes = size
        for row in fids[:MOST_FIDS]:
            if not isinstance(row, list) or len(row) != 3 or type(row[0]) is not int:
                raise SnapshotError(f"{_SCHEMA}: this is no fid")
            self._fids[row[0]] = Fid.loaded(self._tree, row[1], row[2])
