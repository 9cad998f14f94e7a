"""An extra sheet, with `firmware`, `fw_cfg` or `pc_testdev`: fw_cfg, and what a guest finds in it."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board

IDE = "/pci@i0cf8/ide@1,1/drive@{channel}/disk@{unit}"
"""An ATA drive of the machine in the words of Open Firmware, as bootorder has it."""
DRIVES = {"c": (("hda", 0, 0), ("hdb", 0, 1)), "d": (("cdrom", 1, 0),)}
"""(field of the configuration, channel, unit) of the drives that a letter of `boot` stands for."""
DEFAULT_ORDER = "cad"
NEVER_AGAIN = bytes([0xFF] * 4)
"""How long to wait before a machine that found nothing to boot is reset."""


def place(board: Board) -> None:
    """Claims the addresses; the items are put together at the first access."""
    socket = board.socket("fw-cfg", lambda: _fw_cfg(board))
    socket.claim(board.ports, *layout.FW_CFG, part=lambda chip: chip.ports, width=2)
    socket.claim(board.ports, *layout.FW_CFG_DMA, part=lambda chip: chip.dma, width=4)


def _fw_cfg(board: Board) -> Any:
    from ...devices import fw_cfg
    from .tables import uuid

    config = board.config
    numbers = {
        fw_cfg.RAM_SIZE: (config.memory, 8),
        fw_cfg.NOGRAPHIC: (1, 2),
        fw_cfg.NB_CPUS: (config.vcpus, 2),
        fw_cfg.MAX_CPUS: (config.vcpus, 2),
        fw_cfg.NUMA: (0, 8),
        fw_cfg.BOOT_MENU: (0, 2),
    }
    items = {key: value.to_bytes(size, "little") for key, (value, size) in numbers.items()}
    items[fw_cfg.UUID] = uuid(config)
    files = {"bootorder": _boot_order(board), "etc/e820": _memory_map(board)}
    if config.firmware:
        files.update(_for_firmware(board))
    files.update(dict(config.fw_cfg))
    return fw_cfg.FwCfg(board.memory, items, sorted(files.items()))


def _memory_map(board: Board) -> bytes:
    from ...boot.tables import e820

    ram = [(start, size, e820.RAM) for start, size in layout.ram(board.config.memory)]
    return e820.encode([*ram, (*layout.HOST_PAGES, e820.RESERVED)])


def _boot_order(board: Board) -> bytes:
    drives = [drive for letter in board.config.boot or DEFAULT_ORDER for drive in DRIVES.get(letter, ())]
    paths = [IDE.format(channel=channel, unit=unit) for field, channel, unit in drives if getattr(board.config, field)]
    return "\n".join(paths).encode() + b"\0"


def _for_firmware(board: Board) -> dict[str, bytes]:
    """What a ROM gets unless the user says otherwise: ACPI tables, its console on COM1, no reset when nothing boots."""
    from ...boot.tables import acpi, table_loader
    from .tables import hardware

    return {
        **dict(table_loader.files(acpi.encode(hardware(board)))),
        "etc/boot-fail-wait": NEVER_AGAIN,
        "etc/sercon-port": layout.COM[0][0].to_bytes(2, "little"),
    }
