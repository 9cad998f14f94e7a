"""The BIOS's services over real guest memory, with chips that the test looks at, called as the ROM calls them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vmm.backends.disk import MemoryDisk
from vmm.bus.irq import IrqWire
from vmm.bus.timers import Timers
from vmm.devices.bios import ram
from vmm.devices.bios.drive import FIRST, Drive
from vmm.devices.bios.frame import SIZE, Frame
from vmm.devices.bios.services import Bios, Places, Wires
from vmm.devices.power import SystemControlA
from vmm.devices.rtc import Rtc
from vmm.devices.serial import Serial
from vmm.memory.guest_memory import GuestMemory

FRAME = 0x7000
BUFFER = 0x9000
ROM = (0xF0000, 0x10000)
NOON = 1_000_000_000 * (1_700_000_000 // 86400 * 86400 + 12 * 3600)


class BiosBench:
    """One BIOS. `call` makes a frame, calls, and gives the frame back as the guest will see it."""

    def __init__(self, drives: dict[str, bytes], order: str = "cad") -> None:
        self.clock = 0
        self.memory = GuestMemory()
        self.memory.add(0, ROM[0])
        self.memory.add(*ROM, name="bios", read_only=True)
        self.memory.add(0x100000, 0x100000)
        self.timers = Timers(lambda: self.clock)
        self.said = bytearray()
        self.holds: list[bool] = []
        self.resets: list[str] = []
        self.ends: list[str] = []
        self.edges: list[bool] = []
        self.sent = bytearray()
        line = IrqWire(8, lambda gsi, level: self.edges.append(level))
        self.rtc = Rtc(self.timers, line.line(), NOON)
        self.a20 = SystemControlA(self.resets.append)
        self.port = Serial(IrqWire(4, lambda gsi, level: None).line(), self.sent.extend, self.timers)
        self.disks = {kind: MemoryDisk(content) for kind, content in drives.items()}
        places = Places(
            [(0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (*ROM, 2), (0x100000, 0x100000, 1)],
            (0x9FC00, 0x400), [0x3F8], (0xF000, 0xE6F5), (0xF000, 0xEFC7),
        )  # fmt: skip
        wires = Wires(
            self.timers, line.line(), lambda: self.rtc, lambda: self.a20, [lambda: self.port], self.said.extend,
            self.holds.append, self.resets.append, self.ends.append,
        )  # fmt: skip
        self.drives = {FIRST[kind]: Drive(FIRST[kind], kind, disk) for kind, disk in self.disks.items()}
        self.bios = Bios(self.memory, self.drives, order, places, wires)
        self.bios.write(0xB00, 4, 0)

    def call(self, interrupt: int, ax: int, frame_at: int = FRAME, **registers: int) -> Frame:
        """INT `interrupt` with AX and other registers, CF set before unless `carry` says otherwise."""
        frame = Frame(frame_at, [0] * 13)
        for name, value in {"eax": ax, "ds": 0, "es": 0, "carry": 0, **registers}.items():
            setattr(frame, name, value)
        frame.store(ram.Ram(self.memory))
        function = 0 if interrupt in (0x11, 0x12, 0x18, 0x19) else ax >> 8 & 0xFF
        self.bios.write((interrupt - 0x10) << 8 | function, 4, frame_at)
        seen = Frame.at(ram.Ram(self.memory), frame_at)
        assert seen is not None
        return seen

    def text(self, row: int, columns: int = 80, base: int = 0xB8000) -> str:
        """A row of the screen."""
        return self.memory.read(base + 2 * columns * row, 2 * columns)[::2].decode("cp437").rstrip()

    def sleep(self, nanoseconds: int) -> None:
        self.clock += nanoseconds
        self.timers.run_due()


def bootable(size: int, mark: bytes = b"") -> bytes:
    """A disk whose first sector starts with `mark` and has a signature."""
    return (mark.ljust(510, b"\0") + b"\x55\xaa").ljust(size, b"\0")


@pytest.fixture(scope="session")
def make_bios() -> Callable[..., BiosBench]:
    """Makes a bench: make_bios(floppy=..., disk=..., cdrom=..., order="cad")."""

    def make(order: str = "cad", **drives: bytes) -> BiosBench:
        return BiosBench(drives, order)

    return make


@pytest.fixture
def bios(make_bios: Callable[..., BiosBench]) -> BiosBench:
    """With a 1.44 MB floppy and a hard disk of 8 MiB, both bootable."""
    return make_bios(floppy=bootable(1440 * 1024, b"floppy"), disk=bootable(8 << 20, b"disk"))


assert SIZE == 42
