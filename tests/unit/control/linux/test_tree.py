"""Directories of the host as an initramfs: what goes in, what is left out, what is refused."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from vmm.boot import cpio
from vmm.control.linux import tree
from vmm.errors import ConfigError


def archive(top, say=print) -> bytes:
    return b"".join(cpio.pack(cpio.in_order(tree.members(str(top), say))))


@pytest.fixture
def top(tmp_path):
    top = tmp_path / "top"
    (top / "etc" / "deep").mkdir(parents=True)
    (top / "etc" / "deep" / "file").write_bytes(b"content" * 1000)
    (top / "run").write_text("#!/bin/sh\n")
    (top / "run").chmod(0o755)
    (top / "link").symlink_to("/nowhere")
    os.link(top / "run", top / "again")
    return top


def test_the_archive_holds_the_directory(top, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["cpio", "-idm", "--quiet"], cwd=out, input=archive(top), check=True)
    assert (out / "etc/deep/file").read_bytes() == b"content" * 1000
    assert (out / "run").stat().st_mode & 0o777 == 0o755
    assert (out / "again").read_text() == "#!/bin/sh\n"
    assert os.readlink(out / "link") == "/nowhere"


def test_it_is_the_same_whenever_it_is_made(top) -> None:
    first = archive(top)
    os.utime(top / "run", (1, 1))
    assert archive(top) == first


def test_sockets_and_fifos_are_left_out_with_a_word(top) -> None:
    before, said = archive(top), []
    os.mkfifo(top / "queue")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(top / "s"))
        assert archive(top, said.append) == before
    assert sorted(line.split(" is ")[1] for line in said) == ["a fifo: left out", "a socket: left out"]


@pytest.mark.parametrize(("name", "words"), [("gone", "does not exist"), ("run", "is no directory")])
def test_what_is_no_directory_is_refused(top, name, words) -> None:
    with pytest.raises(ConfigError, match=f"--dir: .*{name} {words}"):
        archive(top / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(top) -> None:
    (top / "run").chmod(0)
    with pytest.raises(ConfigError, match=r"cannot read .*run: Permission denied"):
        archive(top)


def test_an_archive_that_is_larger_than_memory_is_refused_before_it_is_made(top) -> None:
    file = tree.ArchiveFile("test")
    with pytest.raises(ConfigError, match=r"--dir: .*top makes an initramfs of .*; the guest has 4 KiB of memory"):
        file.add_directory(str(top), 4096, print)
    assert file.size == 0
    file.close()


def test_archives_can_follow_each_other_in_one_file(top) -> None:
    file = tree.ArchiveFile("test")
    try:
        file.add_members([cpio.file("first", b"1")])
        file.add_directory(str(top), 1 << 20, print)
        with open(file.path, "rb") as content:
            assert content.read() == archive_of_first() + archive(top)
    finally:
        file.close()


def archive_of_first() -> bytes:
    return b"".join(cpio.pack([cpio.file("first", b"1")]))
