"""Where live sockets lie: only in a directory that is ours alone, and only those of processes that live."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vmm.control.live.sockets import LONGEST, ask, folder_in, path_in, running
from vmm.errors import HostError


@pytest.fixture
def dead() -> int:
    """The PID of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    done.wait()
    return done.pid


def test_the_folder_is_made_for_us_alone(tmp_path):
    folder = folder_in(str(tmp_path), make=True)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert folder_in(str(tmp_path), make=True) == folder


def test_a_folder_that_others_can_enter_is_not_used(tmp_path):
    (tmp_path / "vmm").mkdir()
    (tmp_path / "vmm").chmod(0o755)
    with pytest.raises(PermissionError):
        folder_in(str(tmp_path), make=True)
    assert running(str(tmp_path)) == []


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "vmm").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        folder_in(str(tmp_path), make=True)


def test_listing_removes_the_sockets_of_the_dead_and_leaves_other_files(tmp_path, dead):
    folder = tmp_path / "vmm"
    folder.mkdir(mode=0o700)
    for name in (f"{dead}.sock", f"{os.getpid()}.sock", "notes.txt", "x.sock"):
        (folder / name).touch()
    assert running(str(tmp_path)) == [(os.getpid(), str(folder / f"{os.getpid()}.sock"))]
    assert sorted(os.listdir(folder)) == sorted([f"{os.getpid()}.sock", "notes.txt", "x.sock"])


def test_no_runtime_directory_lists_nothing(tmp_path):
    assert running(str(tmp_path / "missing")) == []


def test_a_path_has_at_most_107_bytes():
    stem = "/" + "x" * (LONGEST - len("/1.sock") - 1)
    assert len(path_in(stem, 1)) == LONGEST
    with pytest.raises(OSError, match="too long"):
        path_in(stem + "x", 1)


def test_asking_where_nobody_listens_is_the_hosts_error(tmp_path):
    with pytest.raises(HostError, match="does not answer"):
        ask(str(tmp_path / "1.sock"), "info")
