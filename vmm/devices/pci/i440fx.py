"""The host bridge 82441FX (PMC), device 0: of its registers those that say what is behind the last 256 KiB below 1 MiB.

Its PAM registers have four bits for each of thirteen segments: reads go to RAM or else to the ROM, writes to RAM or
nowhere. Not modelled: memory timing, DRAM row boundaries, system management RAM (SMRAM keeps what is written).
Source: Intel 82441FX PMC datasheet 290549, section 3.2.
"""

from __future__ import annotations

from ...units import KiB
from .config_space import COMMAND, REVISION, SUBSYSTEM, ConfigSpace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAM = 0x59
PAM_COUNT = 7
SMRAM = 0x72
SEGMENTS = (*((index * 16 * KiB, 16 * KiB) for index in range(12)), (192 * KiB, 64 * KiB))
"""(offset in the window of 256 KiB, size) of each segment."""
READ_RAM, WRITE_RAM = 0x1, 0x2
"""Bits of a segment's attribute."""

_MEMORY_AND_MASTER = 0x0006
_VIRTUAL_MACHINE = 0x1100_1AF4
"""The subsystem by which firmware for virtual machines knows that it runs on one."""


def attributes(registers: bytes) -> tuple[int, ...]:
    """The attribute of each segment, from the seven PAM registers: the first has the last segment in its upper half."""
    halves = [half for register in registers[1:] for half in (register & 0xF, register >> 4)]
    return (*halves, registers[0] >> 4)


def host_bridge(shadow: Callable[[tuple[int, ...]], None]) -> ConfigSpace:
    """The function. `shadow` gets the attributes of all segments whenever a PAM register was written."""
    space = ConfigSpace(0x8086, 0x1237, 0x0600)
    space.put(COMMAND, 2, _MEMORY_AND_MASTER, writable=0x0100)
    space.put(REVISION, 1, 2)
    space.put(SUBSYSTEM, 4, _VIRTUAL_MACHINE)
    space.put(PAM, 1, 0, writable=0x30)
    for register in range(PAM + 1, PAM + PAM_COUNT):
        space.put(register, 1, 0, writable=0x33)
    space.put(SMRAM, 1, 0x02, writable=0x78)

    def changed(offset: int, size: int) -> None:
        if offset < PAM + PAM_COUNT and offset + size > PAM:
            shadow(attributes(space.read(PAM, PAM_COUNT).to_bytes(PAM_COUNT, "little")))

    space.changed = changed
    return space
