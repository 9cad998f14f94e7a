"""A screen as a file: the name says the format."""

from __future__ import annotations

import pytest

from vmm.control import screenshot
from vmm.errors import ConfigError
from vmm.observe.screen import Screen

SHOWN = Screen(columns=3, rows=1, cells=b"H\x07i\x07\xfb\x07")


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.png", b"\x89PNG"), ("a.PNG", b"\x89PNG"), ("a.svg", b"<svg "), ("a.b.txt", "Hi√\n".encode())],
)
def test_the_ending_says_the_format(tmp_path, name, start):
    path = str(tmp_path / name)
    screenshot.check("--screenshot", path)
    screenshot.write(path, SHOWN)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.gif", "a.gif must end in .png, .svg, .txt"),
        ("a.pgn", "did you mean .png"),
        ("png", "png must end in"),
        (".png", "must end in"),
        ("nowhere/a.png", "there is no folder"),
    ],
)
def test_a_name_that_cannot_be_is_told_before_the_run(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"^--screenshot: .*{words}"):
        screenshot.check("--screenshot", name)
