"""INT 19h and 18h: which drive starts, with what in DL and memory, and what is said when none does."""

from __future__ import annotations

import pytest


def bootable(size: int, mark: bytes) -> bytes:
    return (mark.ljust(510, b"\0") + b"\x55\xaa").ljust(size, b"\0")


FLOPPY, DISK = bootable(160 * 1024, b"floppy"), bootable(1 << 20, b"disk")


@pytest.mark.parametrize(
    ("order", "mark", "drive"),
    [("ac", b"floppy", 0), ("ca", b"disk", 0x80), ("dca", b"disk", 0x80), ("c", b"disk", 0x80)],
)
def test_the_first_drive_of_the_order_that_can_boots(make_bios, order, mark, drive) -> None:
    bench = make_bios(order, floppy=FLOPPY, disk=DISK)
    frame = bench.call(0x19, 0, es=5, ds=6, ebx=7, edx=0x1234)
    assert (frame.cs, frame.ip, frame.dx, frame.ds, frame.es, frame.bx) == (0, 0x7C00, drive, 0, 0, 0)
    assert bench.memory.read(0x7C00, len(mark)) == mark
    assert bench.ends == []


def test_a_drive_that_gives_up_hands_over_to_the_next(make_bios) -> None:
    bench = make_bios("ac", floppy=FLOPPY, disk=DISK)
    bench.call(0x19, 0)
    frame = bench.call(0x18, 0)
    assert (frame.dl, bench.memory.read(0x7C00, 4)) == (0x80, b"disk")
    frame = bench.call(0x18, 0, cs=1, ip=2)
    assert (frame.cs, frame.ip) == (1, 2)
    assert bench.ends == ["no bootable device (floppy: it gave up; hard disk: it gave up)"]
    assert bench.text(1) == "No bootable device (floppy: it gave up; hard disk: it gave up)"
    assert bench.call(0x19, 0).dl == 0


def test_every_drives_fault_is_told(make_bios) -> None:
    bench = make_bios("acd", floppy=bytes(160 * 1024), disk=b"\xff" * 1024, cdrom=bytes(64 * 2048))
    bench.call(0x19, 0)
    signature = "its first sector has no boot signature 55 AA"
    assert bench.ends == [
        f"no bootable device (floppy: {signature}; hard disk: {signature}; CD-ROM: it has no El Torito boot record)"
    ]


def test_no_drive_at_all(make_bios) -> None:
    bench = make_bios("d", floppy=FLOPPY)
    bench.call(0x19, 0)
    assert bench.ends == ["no bootable device (no drive that the boot order names)"]
    assert b"No bootable device" in bytes(bench.said)


def test_a_disk_that_cannot_be_read_is_passed_over(make_bios, monkeypatch) -> None:
    from vmm.bus.storage import DiskError

    bench = make_bios("ac", floppy=FLOPPY, disk=DISK)

    def fail(*_: object) -> bytes:
        raise DiskError("it is scratched")

    monkeypatch.setattr(bench.disks["floppy"], "read", fail)
    assert bench.call(0x19, 0).dl == 0x80
    assert bench.bios.bootstrap.faults == ["floppy: it is scratched"]
