"""Which images are disks, and the drives they go to."""

from __future__ import annotations

import os

import pytest

from vmm.errors import ConfigError
from vmm.machine.config import MachineConfig
from vmm.machine.schematic.image import with_drive


def disk(size: int, at_start: bytes = b"", at_8001: bytes = b"", at_202: bytes = b"") -> bytes:
    content = bytearray(size)
    content[: len(at_start)] = at_start
    content[510:512] = b"\x55\xaa"
    content[0x202 : 0x202 + len(at_202)] = at_202
    if at_8001:
        content[0x8001 : 0x8001 + len(at_8001)] = at_8001
    return bytes(content)


ISO = bytes(0x8001) + b"CD001" + bytes(0x1000)


@pytest.fixture(params=["bytes", "path"])
def given(request, tmp_path):
    """given(content) is the content itself, or a file with it."""

    def make(content: bytes):
        if request.param == "bytes":
            return content
        path = tmp_path / "image"
        path.write_bytes(content)
        return str(path)

    return make


@pytest.mark.parametrize(
    ("content", "drive", "order"),
    [
        (disk(512), "fda", "acd"), (disk(1440 << 10), "fda", "acd"), (disk(160 << 10), "fda", "acd"),
        (disk(1024), "hda", "cad"), (disk(8 << 20), "hda", "cad"), (ISO, "cdrom", "dca"),
        (disk(1 << 20, at_8001=b"CD001"), "cdrom", "dca"),
    ],
    ids=["sector", "1.44M", "160K", "two sectors", "8M", "iso", "hybrid iso"],
)  # fmt: skip
def test_a_disk_goes_to_its_drive_which_boots_first(given, content, drive, order) -> None:
    image = given(content)
    config = with_drive(MachineConfig(image=image))
    assert (config.image, getattr(config, drive), config.boot, config.has_bios) == ("", image, order, True)


@pytest.mark.parametrize(
    "content",
    [
        bytes(512), b"\xf4", disk(513), disk(1024, b"\x7fELF"), b"",
        bytes(0x8001) + b"CD00",
        b"MZ" + disk(512)[2:],  # all that is left of a kernel, of 512 bytes
    ],
)  # fmt: skip
def test_what_is_no_disk_stays_an_image(given, content) -> None:
    config = MachineConfig(image=given(content))
    assert with_drive(config) is config


def test_a_kernel_that_has_a_boot_signature_is_no_disk(given) -> None:
    config = MachineConfig(image=given(disk(4096, at_202=b"HdrS")))
    assert with_drive(config) is config
    assert not config.has_bios
    assert config.replace(boot_protocol="linux16").has_bios


@pytest.mark.parametrize("said", [{"mode": "real"}, {"load": 0x7C00}, {"entry": 0x7C00}, {"format": "flat"}])
def test_who_says_how_to_load_an_image_gets_it_loaded(said) -> None:
    config = MachineConfig(image=disk(512), **said)
    assert with_drive(config) is config


def test_the_manner_of_a_drive_may_be_said_of_an_image(tmp_path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(disk(8 << 20))
    for manner in (",ro", ",overlay"):
        assert with_drive(MachineConfig(image=f"{path}{manner}")).hda == f"{path}{manner}"
    assert with_drive(MachineConfig(image=f"{path},both")).image == f"{path},both"


def test_an_order_of_the_users_stays(given) -> None:
    assert with_drive(MachineConfig(image=given(disk(512)), boot="ca")).boot == "ca"


def test_a_drive_that_has_a_disk_already_is_refused(given) -> None:
    with pytest.raises(ConfigError, match=r"^image: it is a floppy's image, but fda has a disk already$"):
        with_drive(MachineConfig(image=given(disk(512)), fda=bytes(512)))


def test_what_cannot_be_read_is_left_to_the_loader(tmp_path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "none"), str(tmp_path), str(tmp_path / "fifo"), "/dev/zero", "a\0b"):
        assert with_drive(MachineConfig(image=path)).image == path
