"""9P2000.L against a real directory: what a driver asks for happens there, and nowhere else."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from p9_client import Client, Refused

from vmm.backends.shared_directory import SharedDirectory
from vmm.devices.p9 import wire
from vmm.devices.p9.session import Session
from vmm.errors import ConfigError, SnapshotError
from vmm.state import State


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "shared"
    place.mkdir()
    (tmp_path / "secret").write_text("the host's")
    return place


@pytest.fixture
def tree(place):
    tree = SharedDirectory(str(place), False, "shares[0]")
    yield tree
    tree.close()


@pytest.fixture
def session(tree):
    session = Session(tree)
    yield session
    session.close()


@pytest.fixture
def client(session):
    return Client(session)


def refused(call, *values, **words) -> int:
    with pytest.raises(Refused) as caught:
        call(*values, **words)
    return caught.value.number


def test_a_file_is_made_written_read_and_gone(client, place):
    fid = client.create(b"file", mode=0o640)
    assert client.write(fid, 3, b"hello") == 5
    assert client.read(fid, 2) == b"\0hello"
    assert (place / "file").read_bytes() == b"\0\0\0hello"
    assert (place / "file").stat().st_mode & 0o777 == 0o640 & ~_umask()
    client.ask(wire.FSYNC, "II", fid, 0)
    client.clunk(fid)
    assert refused(client.read, fid) == errno.EBADF
    client.ask(wire.UNLINKAT, "IsI", 0, b"file", 0)
    assert not (place / "file").exists()


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


def test_directories_are_listed_whole_however_small_the_pieces(client, place):
    client.ask(wire.MKDIR, "IsII", 0, b"d", 0o755, 0)
    names = [f"{at:03}".encode() * 10 for at in range(300)]
    for name in names:
        (place / "d" / os.fsdecode(name)).touch()
    for count in (100, 8192):
        assert sorted(client.names(client.open(b"d", flags=os.O_DIRECTORY), count)) == sorted([b".", b"..", *names])


def test_links_renames_and_hard_links_are_the_host_s(client, place):
    client.clunk(client.create(b"one"))
    client.ask(wire.SYMLINK, "IssI", 0, b"link", b"../../anything", 0)
    client.ask(wire.MKDIR, "IsII", 0, b"d", 0o755, 0)
    fid, directory = client.walk(b"one"), client.walk(b"d")
    client.ask(wire.LINK, "IIs", directory, fid, b"hard")
    client.ask(wire.RENAMEAT, "IsIs", 0, b"one", directory, b"two")
    assert os.readlink(place / "link") == "../../anything"
    assert client.ask(wire.READLINK, "I", client.walk(b"link"))[2:] == b"../../anything"
    assert (place / "d/two").samefile(place / "d/hard")
    client.ask(wire.LOPEN, "II", fid, os.O_WRONLY)
    assert client.write(fid, 0, b"still it") == 8, "a fid is the file, whatever it is called"
    assert (place / "d/two").read_bytes() == b"still it"
    assert refused(client.ask, wire.UNLINKAT, "IsI", 0, b"d", 0x200) == errno.ENOTEMPTY


def test_attributes_are_set_one_by_one(client, place):
    fid = client.create(b"file")
    client.write(fid, 0, b"content")
    client.ask(wire.SETATTR, "IIIIIQQQQQ", fid, 0x1 | 0x8 | 0x20 | 0x100, 0o104600, 0, 0, 3, 0, 0, 1_000_000_000, 5)
    found = (place / "file").stat()
    assert (found.st_size, found.st_mtime_ns, found.st_mode & 0o7777) == (3, 1_000_000_000_000_000_005, 0o600)
    answer = client.ask(wire.GETATTR, "IQ", fid, 0x7FF)
    assert struct.unpack_from("<I", answer, 21) == (found.st_mode,)
    assert struct.unpack_from("<Q", answer, 49) == (3,)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"../secret", b"a\0b"])
def test_a_name_that_is_none_makes_and_removes_nothing(client, place, name):
    for kind, letters, values in (
        (wire.LCREATE, "IsIII", (0, name, 0o102, 0o644, 0)), (wire.MKDIR, "IsII", (0, name, 0o755, 0)),
        (wire.SYMLINK, "IssI", (0, name, b"x", 0)), (wire.UNLINKAT, "IsI", (0, name, 0)),
        (wire.RENAMEAT, "IsIs", (0, name, 0, b"x")), (wire.MKNOD, "IsIIII", (0, name, 0o100644, 0, 0, 0)),
    ):  # fmt: skip
        assert refused(client.ask, kind, letters, *values) == errno.EINVAL
    assert list(place.iterdir()) == []
    assert (place.parent / "secret").exists()


def test_nothing_follows_a_link_out(client, place):
    (place / "out").symlink_to(place.parent)
    (place / "secret").symlink_to(place.parent / "secret")
    assert refused(client.walk, b"out", b"secret") == errno.ENOENT
    assert refused(client.open, b"secret") == errno.ENXIO
    assert refused(client.create, b"secret") == errno.ELOOP
    assert refused(client.walk, b"..", b"shared") == errno.ENOENT
    directory = client.walk(b"out")
    assert refused(client.create, b"new", at=directory) in (errno.ENOTDIR, errno.ELOOP)
    assert client.walk(b"..")
    assert (place.parent / "secret").read_text() == "the host's"


def test_a_directory_that_becomes_a_link_meanwhile_is_still_the_directory(client, place):
    (place / "d").mkdir()
    fid = client.walk(b"d")
    (place / "d").rename(place / "moved")
    (place / "d").symlink_to(place.parent)
    client.create(b"new", at=fid)
    assert (place / "moved/new").exists()
    assert not (place.parent / "new").exists()


def test_what_could_hurt_the_host_is_refused(client, place):
    assert refused(client.ask, wire.MKNOD, "IsIIII", 0, b"disk", 0o060644, 8, 0, 0) == errno.EPERM
    fid = client.create(b"program", mode=0o6755)
    client.ask(wire.SETATTR, "IIIIIQQQQQ", fid, 1, 0o106755, 0, 0, 0, 0, 0, 0, 0)
    assert (place / "program").stat().st_mode & 0o7777 == 0o755
    assert refused(client.ask, wire.XATTRCREATE, "IsQI", client.walk(b"program"), b"user.x", 1 << 20, 0) == errno.E2BIG
    assert refused(client.ask, wire.XATTRWALK, "IIs", fid, 99, b"security.capability") == errno.EOPNOTSUPP
    os.mkfifo(place / "fifo")
    assert refused(client.open, b"fifo") == errno.ENXIO, "to open it would wait for ever"


def test_what_is_mounted_below_is_not_seen():
    """/proc/self/mem of whoever shares / would be the VMM itself."""
    tree = SharedDirectory("/", True, "shares[0]")
    session = Session(tree)
    client = Client(session)
    assert refused(client.walk, b"proc") == errno.EXDEV
    session.close()
    tree.close()


def test_read_only_is_read_only(client, tree, place):
    (place / "file").write_text("kept")
    tree.is_read_only = True
    assert client.read(client.open(b"file")) == b"kept"
    assert refused(client.open, b"file", flags=os.O_RDWR) == errno.EROFS
    assert refused(client.open, b"file", flags=os.O_TRUNC) == errno.EROFS
    assert refused(client.create, b"new") == errno.EROFS
    assert refused(client.ask, wire.UNLINKAT, "IsI", 0, b"file", 0) == errno.EROFS
    assert refused(client.ask, wire.SETATTR, "IIIIIQQQQQ", 0, 1, 0, 0, 0, 0, 0, 0, 0, 0) == errno.EROFS
    assert (place / "file").read_text() == "kept"


def test_locks_are_seen_by_the_host_and_by_other_fids(client, place):
    fid = client.create(b"file")
    lock = (fid, 1, 0, 0, 100, 1, b"guest")
    assert client.ask(wire.LOCK, "IBIQQIs", *lock) == b"\0"
    other = client.open(b"file", flags=os.O_RDWR)
    assert client.ask(wire.LOCK, "IBIQQIs", other, *lock[1:]) == b"\1"
    assert client.ask(wire.GETLOCK, "IBQQIs", other, 1, 50, 10, 1, b"guest")[:17] == struct.pack("<BQQ", 1, 0, 100)
    with open(place / "file", "r+b") as file:
        with pytest.raises(OSError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        client.clunk(fid)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_extended_attributes(client, place):
    fid = client.create(b"file")
    try:
        os.setxattr(place / "file", "user.try", b"")
    except OSError:
        pytest.skip("this file system has no user attributes")
    attribute = client.walk(b"file")
    client.ask(wire.XATTRCREATE, "IsQI", attribute, b"user.colour", 4, 0)
    assert client.write(attribute, 0, b"blue") == 4
    client.clunk(attribute)
    assert os.getxattr(place / "file", "user.colour") == b"blue"
    assert client.ask(wire.XATTRWALK, "IIs", fid, 90, b"user.colour") == (4).to_bytes(8, "little")
    assert client.read(90) == b"blue"
    assert client.ask(wire.XATTRWALK, "IIs", fid, 91, b"")
    assert set(client.read(91).split(b"\0")) == {b"user.try", b"user.colour", b""}


def test_a_session_goes_on_where_it_was_saved(client, session, tree, place):
    fid, gone = client.create(b"file"), client.create(b"gone")
    client.write(fid, 0, b"before")
    (place / "file").rename(place / "renamed")
    (place / "gone").unlink()
    saved = session.save()
    session.close()
    client.session = Session(tree)
    client.session.load(saved)
    assert client.write(fid, 6, b" and after") == 10
    assert (place / "renamed").read_bytes() == b"before and after"
    assert refused(client.read, gone) == errno.ESTALE
    client.session.close()
    for fields in ({"most_bytes": 1, "fids": []}, {"most_bytes": 8192, "fids": [[0, "x", -1]]},
                   {"most_bytes": 8192, "fids": [[0]]}):  # fmt: skip
        with pytest.raises(SnapshotError):
            Session(tree).load(State("vmm.9p", 1, fields))


def test_fids_end_somewhere(client, session):
    session._most_fids = 10
    for _ in range(9):
        client.walk()
    assert refused(client.walk) == errno.EMFILE
    assert len(os.listdir("/proc/self/fd")) < 200


def test_what_is_no_directory_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        SharedDirectory(str(tmp_path / "none"), False, "shares[0]")


KINDS = [value for name, value in vars(wire).items() if name.isupper() and isinstance(value, int) and value < 128]
PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([bytes(4), b"\1\0\0\0", b"\2\0\0\0", b"\1\0", b"\4\0file", b"\1\0d", b"\2\0..", b"\xff" * 8]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.lists(PIECES, max_size=9)), max_size=25))
def test_any_messages_get_answers_and_the_rest_of_the_host_stays_as_it_was(client, session, tmp_path, requests):
    before = sorted(os.listdir(tmp_path))
    for kind, pieces in requests:
        answer = session.answer(wire.message(kind, 3, b"".join(pieces)))
        size, answered, tag = wire.HEADER.unpack(answer[:7])
        assert size == len(answer) <= 1 << 20
        assert tag == 3
        assert answered in (wire.LERROR, kind + 1)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "secret").read_text() == "the host's"
