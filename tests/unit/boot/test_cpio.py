"""The newc archive: GNU cpio reads it back, byte for byte the same each time, and refusals."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

from vmm.boot import cpio
from vmm.errors import BootError

MEMBERS = [
    cpio.symlink("bin/sh", "busybox"),
    cpio.file("init", b"#!/bin/sh\n", 0o755),
    cpio.file("bin/busybox", bytes(range(256)) * 33 + b"odd", 0o4755),
    cpio.directory("root", 0o700),
    cpio.file("empty", b""),
    cpio.Member(name="dev/console", mode=cpio.CHARACTER_DEVICE | 0o600, device=(5, 1)),
    cpio.Member(name="dev/vda", mode=cpio.BLOCK_DEVICE | 0o660, device=(254, 0)),
]


def archive(members) -> bytes:
    return b"".join(cpio.pack(cpio.in_order(members)))


def test_the_bytes_are_those_of_the_format() -> None:
    assert archive([cpio.file("a", b"hello")]) == (
        b"070701" b"00000001" b"000081A4" b"00000000" b"00000000" b"00000001" b"00000000" b"00000005"
        b"00000000" b"00000000" b"00000000" b"00000000" b"00000002" b"00000000" b"a\0" b"hello\0\0\0"
        b"070701" b"00000000" b"00000000" b"00000000" b"00000000" b"00000001" b"00000000" b"00000000"
        b"00000000" b"00000000" b"00000000" b"00000000" b"0000000B" b"00000000" b"TRAILER!!!\0" b"\0\0\0"
    )  # fmt: skip


def test_the_order_of_the_members_does_not_matter() -> None:
    assert archive(MEMBERS) == archive(reversed(MEMBERS))


def test_the_size_is_known_before() -> None:
    assert cpio.size_of(cpio.in_order(MEMBERS)) == len(archive(MEMBERS))
    assert len(archive(MEMBERS)) % 4 == 0  # another archive may follow


def test_directories_come_before_what_is_in_them_and_are_added() -> None:
    names = [member.name for member in cpio.in_order([cpio.file("a/b/c", b""), cpio.file("a-b", b"")])]
    assert names.index("a") < names.index("a/b") < names.index("a/b/c")


def test_the_later_of_two_members_with_one_name_counts() -> None:
    assert archive([cpio.file("a", b"1"), cpio.file("a", b"2")]) == archive([cpio.file("a", b"2")])


@pytest.mark.skipif(shutil.which("cpio") is None, reason="GNU cpio is not installed: apt install cpio")
def test_gnu_cpio_reads_it_back(tmp_path) -> None:
    is_root = os.geteuid() == 0
    members = [member for member in MEMBERS if is_root or not member.name.startswith("dev")]
    subprocess.run(["cpio", "-idm", "--quiet"], cwd=tmp_path, input=archive(members), check=True)
    for member in members:
        status = (tmp_path / member.name).lstat()
        assert stat.S_IFMT(status.st_mode) == stat.S_IFMT(member.mode)
        if not stat.S_ISLNK(status.st_mode):
            assert stat.S_IMODE(status.st_mode) == stat.S_IMODE(member.mode)
            assert status.st_mtime == 0 or stat.S_ISDIR(status.st_mode)
        if stat.S_ISREG(status.st_mode):
            assert (tmp_path / member.name).read_bytes() == b"".join(member.content())
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            assert (os.major(status.st_rdev), os.minor(status.st_rdev)) == member.device
    assert os.readlink(tmp_path / "bin/sh") == "busybox"


def test_a_name_that_is_no_utf8_keeps_its_bytes() -> None:
    assert b"\0\0\0\xff\xfe\0" in b"\0\0\0" + archive([cpio.file(os.fsdecode(b"\xff\xfe"), b"")])[110:]


def test_a_member_beyond_four_gibibytes_is_refused() -> None:
    big = cpio.Member(name="big", mode=cpio.FILE | 0o644, size=1 << 32)
    with pytest.raises(BootError, match="big has 4294967296 bytes"):
        cpio.size_of([big])


@pytest.mark.parametrize("content", [b"short", b"much longer"])
def test_a_content_of_another_size_than_was_said_is_refused(content) -> None:
    wrong = cpio.Member(name="log", mode=cpio.FILE | 0o644, size=8, content=lambda: (content,))
    with pytest.raises(BootError, match="log is not of the 8 bytes it had"):
        archive([wrong])
