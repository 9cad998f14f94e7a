"""An extra sheet, for machines that start from a drive without a firmware of the user's: our BIOS and its drives."""

from __future__ import annotations

from ...backends.disk import open_disk
from ...boot.loader import BootState
from ...devices.bios.drive import CDROM, DISK, FIRST, FLOPPY, Drive
from .. import layout, rom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..board import Board

_READ_ONLY = (",ro", ",overlay")


def place(board: Board) -> None:
    """Maps the ROM, opens the drives, claims a port for each call. ConfigError for what is no drive."""
    image = rom.build()
    with open(image, "rb") as file:
        content = file.read()
    board.memory.add(*layout.ROM, name="bios", read_only=True)
    board.memory.write(layout.ROM[0], content)
    board.socket("rom", _rom).claim(board.mmio, *layout.ROM, width=8)
    drives = _drives(board)
    bios = board.socket("bios", lambda: _bios(board, drives))
    bios.claim(board.ports, *layout.BIOS_CALLS, width=4, name_of=lambda offset: str(bios.chip.name_of(offset)))
    bios.claim(board.ports, *layout.BIOS_SCAN_CODE, width=4, part=lambda chip: chip.scan_code,
               name_of=lambda offset: "int 09h")  # fmt: skip


def _rom() -> Any:
    from ...devices.shadow import RomTop

    return RomTop()


def boot_state(board: Board, loaded: tuple[tuple[int, int, str], ...] = ()) -> BootState:
    """Where the CPU starts: at the ROM's reset vector, with the ROM's symbols. `loaded` is there beside the ROM."""
    start, size = layout.ROM
    return BootState(
        format="bios",
        mode="real",
        entry=layout.BIOS_ENTRY,
        end=max(gpa + length for gpa, length, _ in ((start, size, ""), *loaded)),
        loaded=tuple(sorted(((start, size, "BIOS"), *loaded))),
        symbols=rom.symbols(rom.build()),
    )


def _drives(board: Board) -> dict[int, Drive]:
    """By number; their disks are the board's to close."""
    try:
        return _opened(board)
    except BaseException:
        for disk in board.drives.values():
            disk.close()
        raise


def _opened(board: Board) -> dict[int, Drive]:
    config, drives = board.config, {}
    specs = (
        ("fda", config.fda, FLOPPY, FIRST[FLOPPY]),
        ("hda", config.hda, DISK, FIRST[DISK]),
        ("hdb", config.hdb, DISK, FIRST[DISK] + bool(config.hda)),
        ("cdrom", config.cdrom, CDROM, FIRST[CDROM]),
    )
    for field, spec, kind, number in specs:
        if spec:
            is_plain = isinstance(spec, str) and not spec.endswith(_READ_ONLY)
            disk = open_disk(f"{spec!s},ro" if kind == CDROM and is_plain else spec, field)
            board.drives[field] = disk
            drives[number] = Drive(number, kind, disk)
    return drives


def _chip(board: Board, name: str) -> Callable[[], Any]:
    return lambda: board.device(name)


def _bios(board: Board, drives: dict[int, Drive]) -> Any:
    from ...devices.bios.services import Bios, Places, Wires

    places = Places(
        memory_map=layout.memory_map(board.config.memory),
        ebda=(layout.EBDA, layout.VIDEO - layout.EBDA),
        com_ports=[start for start, _ in layout.COM],
        configuration=layout.BIOS_CONFIGURATION,
        diskette=layout.BIOS_DISKETTE,
    )
    wires = Wires(
        timers=board.timers,
        clock_line=board.line(layout.RTC_LINE),
        rtc=lambda: board.device("rtc"),
        a20=lambda: board.device("system-control-a"),
        serial=[_chip(board, f"com{index + 1}") for index in range(len(layout.COM))],
        say=board.output("bios"),
        hold_keyboard=lambda held: board.device("i8042").write(4, 1, 0xAD if held else 0xAE),
        reset_requested=board.reset_requested,
        nothing_boots=board.nothing_boots,
    )
    order = board.config.boot or layout.BOOT_ORDER
    return Bios(board.memory, drives, order, places, wires, has_kernel=board.config.is_kernel)
