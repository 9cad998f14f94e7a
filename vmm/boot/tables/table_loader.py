"""The script by which firmware installs ACPI tables: fw_cfg's file etc/table-loader, commands of 128 bytes.

It allocates memory for two other files, adds where they landed to the pointers in them, and fills in checksums.
Source: QEMU's linker/loader interface as firmware reads it (commands ALLOCATE, ADD_POINTER, ADD_CHECKSUM).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .acpi import Tables

SCRIPT, TABLES, RSDP = "etc/table-loader", "etc/acpi/tables", "etc/acpi/rsdp"

_ALLOCATE, _ADD_POINTER, _ADD_CHECKSUM = 1, 2, 3
_HIGH, _BELOW_1M = 1, 2  # zones of ALLOCATE
_NAME, _COMMAND = 56, 128


def files(tables: Tables) -> list[tuple[str, bytes]]:
    """(name, content) of the script and the two files that it installs."""
    script = _allocate(TABLES, 64, _HIGH) + _allocate(RSDP, 16, _BELOW_1M)
    for at, size in tables.pointers:
        script += _command(_ADD_POINTER, _name(TABLES) + _name(TABLES) + at.to_bytes(4, "little") + bytes((size,)))
    for at, size in tables.rsdp_pointers:
        script += _command(_ADD_POINTER, _name(RSDP) + _name(TABLES) + at.to_bytes(4, "little") + bytes((size,)))
    script += b"".join(_checksum(TABLES, *where) for where in tables.sums)
    script += b"".join(_checksum(RSDP, *where) for where in tables.rsdp_sums)
    return [(RSDP, tables.rsdp), (TABLES, tables.blob), (SCRIPT, script)]


def _name(name: str) -> bytes:
    return name.encode().ljust(_NAME, b"\0")


def _command(number: int, arguments: bytes) -> bytes:
    return (number.to_bytes(4, "little") + arguments).ljust(_COMMAND, b"\0")


def _allocate(name: str, alignment: int, zone: int) -> bytes:
    return _command(_ALLOCATE, _name(name) + alignment.to_bytes(4, "little") + bytes((zone,)))


def _checksum(name: str, at: int, start: int, size: int) -> bytes:
    return _command(_ADD_CHECKSUM, _name(name) + b"".join(part.to_bytes(4, "little") for part in (at, start, size)))
