"""Raw disk images: bounds, read-only, overlays that leave the file alone, and specs that are refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vmm.backends.disk import BLOCK, SECTOR, open_disk
from vmm.bus.storage import DiskError
from vmm.errors import ConfigError


def image(folder: Path, sectors: int = 20) -> Path:
    path = folder / "disk.img"
    path.write_bytes(b"".join(bytes([number]) * SECTOR for number in range(sectors)))
    return path


def test_a_plain_path_is_written_in_place(tmp_path: Path) -> None:
    path = image(tmp_path)
    disk = open_disk(str(path))
    disk.write(SECTOR, b"new")
    disk.flush()
    assert disk.size == 20 * SECTOR
    assert not disk.read_only
    assert disk.read(SECTOR, 4) == b"new\1"
    disk.close()
    disk.close()
    assert path.read_bytes()[SECTOR : SECTOR + 4] == b"new\1"


def test_read_only_refuses_to_be_written(tmp_path: Path) -> None:
    path = image(tmp_path)
    disk = open_disk(f"{path},ro")
    assert disk.read_only
    with pytest.raises(DiskError, match="read-only"):
        disk.write(0, b"x")
    disk.flush()
    disk.close()


def test_an_overlay_reads_back_what_was_written_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = image(tmp_path)
    before = path.read_bytes()
    expected = bytearray(before)
    disk = open_disk(f"{path},overlay")
    for offset, data in ((0, b"a"), (BLOCK - 2, b"across"), (2 * BLOCK, b"z" * 2048), (len(before) - 3, b"end")):
        disk.write(offset, data)
        expected[offset : offset + len(data)] = data
    assert disk.read(0, disk.size) == expected
    assert disk.read(BLOCK - 4, 10) == expected[BLOCK - 4 : BLOCK + 6]
    assert disk.read(5, 0) == b""
    disk.close()
    assert path.read_bytes() == before


def test_bytes_are_private_to_the_disk() -> None:
    content = bytes(SECTOR)
    disk = open_disk(content)
    disk.write(0, b"changed")
    assert disk.read(0, 7) == b"changed"
    assert content == bytes(SECTOR)
    disk.flush()
    disk.close()


@pytest.mark.parametrize("spec", ["", ",ro", ",overlay"])
def test_what_is_not_on_the_disk_is_an_error_of_the_drive(tmp_path: Path, spec: str) -> None:
    disk = open_disk(f"{image(tmp_path, 1)}{spec}")
    for offset, size in ((SECTOR, 1), (-1, 1), (0, SECTOR + 1), (1 << 64, 1), (0, -1)):
        with pytest.raises(DiskError, match="not on its"):
            disk.read(offset, size)
    with pytest.raises(DiskError):
        disk.write(SECTOR - 1, b"two")
    disk.close()


def test_a_file_that_shrank_is_an_error_of_the_drive(tmp_path: Path) -> None:
    path = image(tmp_path)
    disk = open_disk(f"{path},overlay")
    os.truncate(path, SECTOR)
    with pytest.raises(DiskError, match="it was cut"):
        disk.read(0, 2 * SECTOR)
    with pytest.raises(DiskError, match="it was cut"):
        disk.write(BLOCK, b"x")
    disk.close()


def test_a_host_error_is_an_error_of_the_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = open_disk(str(image(tmp_path)))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for call in ("pread", "pwrite", "fdatasync"):
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(DiskError, match="cannot read"):
        disk.read(0, 1)
    with pytest.raises(DiskError, match="cannot write"):
        disk.write(0, b"x")
    with pytest.raises(DiskError, match="cannot be flushed"):
        disk.flush()
    disk.close()


def test_a_name_with_a_comma_is_a_name(tmp_path: Path) -> None:
    path = image(tmp_path).rename(tmp_path / "a,b")
    disk = open_disk(str(path))
    assert disk.name == str(path)
    disk.close()


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (bytes(513), "1 more than whole sectors"), (None, "No such file")]
)
def test_what_is_no_disk_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "disk.img"
    if content is not None:
        path.write_bytes(content)
    for spec in (str(path), f"{path},ro", f"{path},overlay"):
        with pytest.raises(ConfigError, match=words) as refusal:
            open_disk(spec, "hda")
        assert str(refusal.value).startswith("hda: ")


def test_folders_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        for spec in (str(path), f"{path},ro"):
            with pytest.raises(ConfigError, match="not a disk image"):
                open_disk(spec)
    for content in (b"", bytes(100)):
        with pytest.raises(ConfigError):
            open_disk(content)
    with pytest.raises(ConfigError, match="no file name"):
        open_disk("a\0b")


def test_a_file_that_may_not_be_written_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(tmp_path)
    real = os.open

    def refuse(name: str, flags: int, *rest: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", name)
        return real(name, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)  # root may write everything
    with pytest.raises(ConfigError, match=r"Permission denied; .*,ro reads it only, .*,overlay"):
        open_disk(str(path))
    open_disk(f"{path},ro").close()
