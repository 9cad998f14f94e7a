"""The ROM that firmware/ is assembled to, and how a build that cannot be is told."""

from __future__ import annotations

import shutil

import pytest

from vmm.errors import HostError
from vmm.machine import layout, rom

needs_gcc = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("ld")), reason="needs gcc and ld: apt install gcc binutils"
)


@needs_gcc
def test_what_programs_look_for_stands_where_they_look(tmp_path) -> None:
    with open(rom.build(cache=str(tmp_path)), "rb") as file:
        image = file.read()
    assert len(image) == layout.ROM[1]
    assert image[0xFFF0] == 0xEA  # a far jump
    assert image[0xFFF3:0xFFF5] == b"\x00\xf0"
    assert image[0xFFFE] == 0xFC
    assert image[layout.BIOS_CONFIGURATION[1] :][:5] == b"\x08\x00\xfc\x01\x00"
    assert image[layout.BIOS_DISKETTE[1] :][3:5] == b"\x02\x12"


@needs_gcc
def test_it_is_built_once_until_a_source_changes(tmp_path) -> None:
    folder = tmp_path / "firmware"
    shutil.copytree(rom.find(), folder)
    first = rom.build(str(folder), str(tmp_path / "cache"))
    assert rom.build(str(folder), str(tmp_path / "cache")) == first
    with open(folder / "post.S", "a", encoding="ascii") as file:
        file.write("/* another line */\n")
    assert rom.build(str(folder), str(tmp_path / "cache")) != first


@needs_gcc
def test_a_source_that_is_refused_is_told_in_one_line(tmp_path) -> None:
    folder = tmp_path / "firmware"
    shutil.copytree(rom.find(), folder)
    (folder / "post.S").write_text("no such thing\n")
    with pytest.raises(HostError, match=r"^the BIOS cannot be built: gcc: .*post\.S"):
        rom.build(str(folder), str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


def test_a_missing_compiler_is_told_with_its_remedy(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="there is no gcc; apt install gcc binutils"):
        rom.build(cache=str(tmp_path / "cache"))


def test_a_cache_that_cannot_be_written_is_told_with_its_remedy(tmp_path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(HostError, match="set XDG_CACHE_HOME"):
        rom.build(cache=str(tmp_path / "cache"))
