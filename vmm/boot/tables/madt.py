"""MADT: the interrupt controllers, local APICs by their ids and one I/O APIC with ISA's lines at its first inputs.

The timer's line 0 is at input 0, as KVM routes it, not at input 2 as on boards of old: no override says otherwise.
Not modelled: x2APIC ids from 255 on, several I/O APICs.
Source: ACPI specification 6.4, section 5.2.12.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Hardware

SIGNATURE, REVISION = b"APIC", 5
HIGH_LEVEL = 0x000D
"""Flags of an interrupt source: active high and level, where ISA's lines are edges."""

_LOCAL_APIC, _IO_APIC, _OVERRIDE, _NMI = 0, 1, 2, 4
_ENABLED, _HAS_PICS, _ALL, _LINT1 = 1, 1, 0xFF, 1


def body(hardware: Hardware) -> bytes:
    """The table without its header."""
    entries = hardware.local_apic.to_bytes(4, "little") + _HAS_PICS.to_bytes(4, "little")
    for index in range(hardware.cpus):
        entries += bytes((_LOCAL_APIC, 8, index, index, _ENABLED, 0, 0, 0))
    entries += bytes((_IO_APIC, 12, 0, 0)) + hardware.io_apic.to_bytes(4, "little") + bytes(4)
    gsi = hardware.sci.to_bytes(4, "little")
    entries += bytes((_OVERRIDE, 10, 0, hardware.sci)) + gsi + HIGH_LEVEL.to_bytes(2, "little")
    return entries + bytes((_NMI, 6, _ALL, 0, 0, _LINT1))
