"""An extra sheet, for guests that start without firmware: the tables that firmware would have left, and what they say.

ACPI's, the MP table and SMBIOS stand where a PC's BIOS is, a place that the memory map keeps from being used as RAM.
"""

from __future__ import annotations

from ...errors import ConfigError
from ...units import MiB, format_size
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...boot.tables.hardware import Hardware, Pci
    from ..board import Board
    from ..config import MachineConfig

PRODUCT, VERSION = "vmm", "1"
"""What SMBIOS calls the machine; the version counts what a guest could tell apart."""


def place(board: Board) -> int:
    """Plugs in power management, pvpanic and the generation ID, writes the tables, and returns the RSDP's address.

    Before the engine is made. ConfigError when memory ends below the tables.
    """
    _expect_room(board)
    plug_in(board, uuid(board.config))
    return write(board)


def plug_in(board: Board, identity: bytes | None = None) -> None:
    """The same for a machine whose memory has the tables already, and with None for `identity` that too."""
    from . import generation, panic, power

    power.place(board)
    panic.place(board)
    generation.place(board, identity)
    board.waking_vector = lambda: _waking_vector(board)


def _waking_vector(board: Board) -> int:
    from ...boot.tables import acpi

    return board.memory.read_int(layout.ACPI_TABLES + acpi.WAKING_VECTOR, 4)


def write(board: Board) -> int:
    """Writes the tables for what is plugged in now, and returns the RSDP's address. ConfigError as for place()."""
    from ...boot.tables import acpi, mptable, smbios

    _expect_room(board)
    found = hardware(board)
    board.memory.write(layout.MP_POINTER, mptable.pointer(layout.MP_TABLE))
    board.memory.write(layout.MP_TABLE, mptable.encode(found))
    structures = smbios.encode(PRODUCT, VERSION, uuid(board.config))
    board.memory.write(layout.SMBIOS_ENTRY, smbios.entry_point(layout.SMBIOS_TABLES, len(structures)))
    board.memory.write(layout.SMBIOS_TABLES, structures)
    blob, root = acpi.placed(acpi.encode(found), layout.ACPI_TABLES)
    board.memory.write(layout.ACPI_ROOT, root)
    board.memory.write(layout.ACPI_TABLES, blob)
    board.waking_vector = lambda: _waking_vector(board)
    return layout.ACPI_ROOT


def place_beside_bios(board: Board) -> None:
    """ACPI's tables, power management and pvpanic for a kernel that our BIOS starts, which leaves none of its own."""
    from ...boot.tables import acpi
    from . import panic, power

    _expect_room(board)
    power.place(board)
    panic.place(board)
    blob, root = acpi.placed(acpi.encode(hardware(board)), layout.BIOS_ACPI_TABLES)
    board.memory.write(layout.BIOS_ACPI_ROOT, root)
    board.memory.write(layout.BIOS_ACPI_TABLES, blob)


def _expect_room(board: Board) -> None:
    if board.config.memory < MiB:
        raise ConfigError.of("memory", f"the machine's tables need {format_size(MiB)} of it")


def hardware(board: Board) -> Hardware:
    """What ACPI's tables tell of: what stands on the board's buses now."""
    from ...boot.tables.hardware import Hardware
    from . import generation

    return Hardware(
        cpus=board.config.vcpus,
        local_apic=layout.LOCAL_APIC,
        io_apic=layout.IO_APIC,
        io_apic_version=_io_apic_version(board.config.irqchip),
        pm_event=layout.PM_EVENT[0],
        pm_control=layout.PM_CONTROL[0],
        pm_timer=layout.PM_TIMER[0],
        pm_general=layout.PM_GENERAL[0],
        smi_command=layout.SMI_COMMAND[0],
        sci=layout.SCI_LINE,
        reset_control=layout.RESET_CONTROL[0],
        serial=tuple((start, line) for (start, _), line in zip(layout.COM, layout.COM_LINES, strict=True)),
        clock=(layout.RTC[0], layout.RTC_LINE),
        keyboard=(layout.KEYBOARD_DATA[0], layout.KEYBOARD_COMMAND[0], layout.KEYBOARD_LINE),
        generation_id=generation.place_of(board),
        virtio=() if board.virtio is None else board.virtio.places.virtio,
        panic=layout.PVPANIC[0] if board.ports.name_at(layout.PVPANIC[0]) else 0,
        pci=_pci(board),
    )


def _io_apic_version(irqchip: str) -> int:
    """The kernel's has none of the EOI register that came with version 0x20."""
    if irqchip == "kernel":
        return 0x11
    from ...devices.ioapic import VERSION_NUMBER

    return VERSION_NUMBER


def _pci(board: Board) -> Pci | None:
    if board.virtio is not None and board.virtio.places.pci is not None:
        return board.virtio.places.pci
    if board.ports.name_at(layout.PCI_ADDRESS[0]) != "pci":
        return None
    from ...boot.tables.hardware import Pci

    first, count = layout.PCI_ADDRESS[0], layout.PCI_DATA[0] + layout.PCI_DATA[1] - layout.PCI_ADDRESS[0]
    return Pci(
        config_ports=(first, count),
        ports=((0, first - 1), (first + count, layout.PORT_LIMIT - 1)),
        memory=(layout.PCI_WINDOW,),
    )


def uuid(config: MachineConfig) -> bytes:
    """The machine's UUID: the user's, or one for which equal machines have the same."""
    from ...boot.tables import smbios

    if config.uuid:
        return bytes.fromhex(config.uuid.replace("-", ""))
    image = config.image if isinstance(config.image, bytes) else config.image.encode("utf-8", "surrogateescape")
    words = f"{config.memory} {config.vcpus} {config.command_line}".encode("utf-8", "surrogateescape")
    return smbios.uuid_from(words + b"\0" + image)
