"""JSON files: whole or as they were."""

from __future__ import annotations

import json
import os

import pytest

from vmm.control.json_file import to_text, write_json
from vmm.errors import HostError


def test_text_is_json_with_bytes_in_hex_and_a_line_end():
    text = to_text({"code": b"\xf0\x0f", "n": 1})
    assert text.endswith("}\n")
    assert json.loads(text) == {"code": "f00f", "n": 1}


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.json"
    for count in (1, 2):
        write_json(str(path), {"count": count})
        assert json.loads(path.read_text()) == {"count": count}
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(HostError, match=r"cannot write .*a\.json: No space left on device"):
        write_json(str(path), {})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")

    def interrupt(_fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_json(str(path), {})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write_json(str(tmp_path / "link"), {})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "{}\n"


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_json(str(tmp_path / "pipe"), {})
    assert os.read(reader, 10) == b"{}\n"
    os.close(reader)
