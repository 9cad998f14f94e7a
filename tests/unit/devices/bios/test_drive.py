"""Which sizes floppies have."""

from __future__ import annotations

import pytest

from vmm.backends.disk import MemoryDisk
from vmm.devices.bios.drive import Drive, is_floppy_size
from vmm.errors import ConfigError


@pytest.mark.parametrize(
    ("size", "geometry"),
    [
        (160, (40, 1, 8)), (180, (40, 1, 9)), (320, (40, 2, 8)), (360, (40, 2, 9)), (720, (80, 2, 9)),
        (1200, (80, 2, 15)), (1440, (80, 2, 18)), (2880, (80, 2, 36)),
    ],
)  # fmt: skip
def test_a_floppys_geometry_is_that_of_its_size(size: int, geometry: tuple[int, int, int]) -> None:
    drive = Drive(0, "floppy", MemoryDisk(bytes(size * 1024)))
    assert (drive.cylinders, drive.heads, drive.per_track) == geometry
    assert drive.cylinders * drive.heads * drive.per_track == drive.sectors
    assert drive.lba(*(part - 1 for part in geometry[:2]), geometry[2]) == drive.sectors - 1


def test_a_bare_sector_is_the_start_of_a_floppy_and_the_rest_is_not_there() -> None:
    drive = Drive(0, "floppy", MemoryDisk(bytes(512)))
    assert is_floppy_size(512)
    assert drive.lba(0, 0, 2) == 1
    assert drive.has(0, 1)
    assert not drive.has(1, 1)


@pytest.mark.parametrize("size", [1024, 1440 * 1024 + 512, 8 << 20])
def test_a_size_that_no_floppy_has_is_refused_in_one_line(size: int) -> None:
    assert not is_floppy_size(size)
    with pytest.raises(ConfigError, match=r"^fda: no floppy has .*1440 KiB"):
        Drive(0, "floppy", MemoryDisk(bytes(size)))
