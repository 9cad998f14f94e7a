"""Files that are whole or not there, and what is told before a run of where they cannot be."""

from __future__ import annotations

import pytest

from vmm.control.whole_file import check_path, write_file
from vmm.errors import ConfigError, HostError


def test_any_bytes_are_written_as_they_are(tmp_path):
    path = tmp_path / "a.png"
    write_file(str(path), bytes(range(256)))
    assert path.read_bytes() == bytes(range(256))
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_and_a_full_one_is_told():
    write_file("/dev/null", b"x")
    with pytest.raises(HostError, match="cannot write /dev/full: No space left on device"):
        write_file("/dev/full", b"x")


def test_what_cannot_be_written_is_told_before(tmp_path):
    check_path("--out", str(tmp_path / "new"))
    check_path("--out", "/dev/null")
    check_path("--out", "plain-name")
    with pytest.raises(ConfigError, match=r"--out: .* is a folder"):
        check_path("--out", str(tmp_path))
    with pytest.raises(ConfigError, match="--out: there is no folder"):
        check_path("--out", str(tmp_path / "no" / "file"))
