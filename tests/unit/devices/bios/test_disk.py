"""INT 13h by cylinder, head and sector: places, limits, ends, errors of the host, and addresses a guest made up."""

from __future__ import annotations

import pytest

from vmm.bus.storage import DiskError
from vmm.devices.bios import ram

BUFFER = 0x9000


def test_a_place_is_the_sector_it_names(bios) -> None:
    bios.disks["floppy"].write((3 * 36 + 18 + 4) * 512, b"here")
    frame = bios.call(0x13, 0x0201, ecx=0x0305, edx=0x0100, ebx=BUFFER)
    assert (frame.ah, frame.al, frame.carry) == (0, 1, 0)
    assert bios.memory.read(BUFFER, 4) == b"here"


def test_bits_of_the_cylinder_are_in_the_sector_register(make_bios) -> None:
    bench = make_bios(disk=bytes(512 << 20))
    assert (bench.drives[0x80].heads, bench.drives[0x80].cylinders) == (32, 520)
    bench.disks["disk"].write((513 * 32 * 63) * 512, b"far")
    frame = bench.call(0x13, 0x0201, ecx=0x0181 | 0x80, edx=0x80, ebx=BUFFER)
    assert frame.carry == 0
    assert bench.memory.read(BUFFER, 3) == b"far"


@pytest.mark.parametrize(
    ("size", "geometry"),
    [
        (1 << 20, (2, 16, 63)), (512, (1, 16, 63)), (504 << 20, (1024, 16, 63)), (505 << 20, (513, 32, 63)),
        (3 << 30, (780, 128, 63)), (4 << 30, (522, 255, 63)), (9 << 30, (1024, 255, 63)),
    ],
)  # fmt: skip
def test_hard_disks_are_translated_to_1024_cylinders_at_most(size: int, geometry: tuple[int, int, int]) -> None:
    from vmm.devices.bios.drive import Drive

    class Sparse:
        read_only = False

        def __init__(self) -> None:
            self.size = size

    drive = Drive(0x80, "disk", Sparse())
    assert (drive.cylinders, drive.heads, drive.per_track) == geometry


@pytest.mark.parametrize(
    ("ax", "cx", "dx", "error"),
    [
        (0x0201, 0x0013, 0x0000, 0x04),  # sector 19 of 18
        (0x0201, 0x0000, 0x0000, 0x04),  # sector 0
        (0x0201, 0x5001, 0x0000, 0x04),  # cylinder 80
        (0x0201, 0x0001, 0x0200, 0x04),  # head 2
        (0x0202, 0x4F12, 0x0100, 0x04),  # beyond the last sector
        (0x0200, 0x0001, 0x0000, 0x01),  # none
        (0x0281, 0x0001, 0x0080, 0x01),  # 129
        (0x0201, 0x0001, 0x0001, 0x01),  # no drive B
        (0x0401, 0x0013, 0x0000, 0x04),
        (0x0400, 0x0001, 0x0000, 0x01),
        (0x0C00, 0x5001, 0x0000, 0x04),
        (0x0501, 0x5001, 0x0000, 0x04),
        (0x0501, 0x0001, 0x0080, 0x01),
        (0x9900, 0x0001, 0x0080, 0x01),
    ],
)
def test_what_cannot_be_is_an_error_that_function_01_tells_again(bios, ax, cx, dx, error) -> None:
    before = bios.memory.read(BUFFER, 1024)
    frame = bios.call(0x13, ax, ecx=cx, edx=dx, ebx=BUFFER)
    assert (frame.ah, frame.carry) == (error, 1)
    assert bios.memory.read(BUFFER, 1024) == before
    again = bios.call(0x13, 0x0100, edx=dx)
    assert (again.ah, again.carry) == (error, 1)
    assert bios.memory.read_int(ram.DISK_STATUS if dx & 0x80 else ram.FLOPPY_STATUS, 1) == error


@pytest.mark.parametrize("target", [(0xF000, 0), (0xEFF0, 0), (0xEFF0, 0xFF), (0xA000, 0xFFFF)])
def test_a_transfer_goes_to_ram_alone(bios, target) -> None:
    segment, offset = target
    fits = (segment << 4) + offset + 1024 <= 0xF0000
    frame = bios.call(0x13, 0x0202, ecx=1, edx=0x80, es=segment, ebx=offset)
    assert (frame.ah, frame.carry, frame.al) == ((0, 0, 2) if fits else (0x09, 1, 0))
    assert bios.memory.read(0xF0000, 512) == bytes(512)


def test_a_transfer_may_cross_64_kib(bios) -> None:
    assert bios.call(0x13, 0x0204, ecx=1, edx=0x80, es=0x1000, ebx=0xFC00).carry == 0
    assert bios.memory.read(0x1FC00, 4) == b"disk"


def test_writes_reach_the_disk_and_read_only_drives_refuse_them(bios) -> None:
    bios.memory.write(BUFFER, b"new" * 200)
    assert bios.call(0x13, 0x0301, ecx=0x0002, edx=0x80, ebx=BUFFER).carry == 0
    assert bios.disks["disk"].read(512, 6) == b"newnew"
    bios.drives[0].is_read_only = True
    for ax in (0x0301, 0x0501):
        frame = bios.call(0x13, ax, ecx=0x0001, edx=0x00, ebx=BUFFER)
        assert (frame.ah, frame.carry) == (0x03, 1)
    assert bios.disks["floppy"].read(0, 6) == b"floppy"


def test_a_format_fills_one_track(bios) -> None:
    assert bios.call(0x13, 0x0512, ecx=0x0201, edx=0x0100, ebx=BUFFER).carry == 0
    track = bios.disks["floppy"].read((2 * 36 + 18) * 512, 18 * 512)
    assert track == b"\xf6" * len(track)
    assert bios.disks["floppy"].read((2 * 36 + 17) * 512, 512) == bytes(512)


@pytest.mark.parametrize("ax", [0x0201, 0x0301, 0x0501])
def test_an_error_of_the_host_is_an_error_of_the_drive(bios, monkeypatch, ax) -> None:
    def fail(*_: object) -> bytes:
        raise DiskError("the cable fell out")

    monkeypatch.setattr(bios.disks["floppy"], "read", fail)
    monkeypatch.setattr(bios.disks["floppy"], "write", fail)
    frame = bios.call(0x13, ax, ecx=1, edx=0, ebx=BUFFER)
    assert (frame.ah, frame.carry) == (0x20, 1)


def test_drives_that_are_not_there(make_bios) -> None:
    bench = make_bios(disk=bytes(1 << 20))
    frame = bench.call(0x13, 0x0800, edx=0, ecx=5)
    assert (frame.carry, frame.cx, frame.dx, frame.bx) == (0, 0, 0, 0)
    assert bench.call(0x13, 0x0800, edx=0x81).carry == 1
    assert bench.call(0x13, 0x1500, edx=0).ah == 0
    assert bench.call(0x13, 0x1600, edx=0).carry == 1
    assert bench.call(0x13, 0x0000, edx=0).carry == 0
    assert bench.memory.read_int(ram.EQUIPMENT, 2) & 1 == 0
    assert bench.memory.read_int(ram.DISK_COUNT, 1) == 1


def test_kinds_and_parameters(bios) -> None:
    floppy = bios.call(0x13, 0x0800, edx=0)
    assert (floppy.cx, floppy.dx, floppy.bl, floppy.es, floppy.di) == (0x4F12, 0x0101, 4, 0xF000, 0xEFC7)
    disk = bios.call(0x13, 0x1500, edx=0x80)
    assert (disk.ah, disk.cx << 16 | disk.dx) == (3, 16384)
    assert bios.call(0x13, 0x1600, edx=0).carry == 0
    assert bios.call(0x13, 0x1600, edx=0x80).carry == 1
