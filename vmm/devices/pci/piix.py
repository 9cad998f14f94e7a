"""The functions of a PIIX bridge, device 1: ISA (PIIX3), IDE (PIIX3) and power management (PIIX4).

They are registers alone: interrupt routing is kept and not acted on, the IDE channels stand at their ISA addresses and
master no bus, the power management block stands where `pm_base` says. Its bit that lets a write to the command port
raise a system management interrupt is set from power-on, as firmware finds it where that is set up already: there is no
system management mode here.
Source: Intel 82371FB/SB (PIIX/PIIX3) datasheet 290550, 82371AB (PIIX4) datasheet 290562.
"""

from __future__ import annotations

from .config_space import COMMAND, INTERRUPT_LINE, INTERRUPT_PIN, ConfigSpace

PIRQ_ROUTES = 0x60
IDE_TIMING = 0x40
PM_BASE, DEVICE_ACTIVITY_B, PM_ENABLE, SMBUS_BASE, SMBUS_CONFIGURATION = 0x40, 0x58, 0x80, 0x90, 0xD2
APMC_EN = 1 << 25
_IO_SPACE = 0x0001
_NOT_ROUTED = 0x80


def isa_bridge() -> ConfigSpace:
    """Function 0."""
    space = ConfigSpace(0x8086, 0x7000, 0x0601, multifunction=True)
    space.put(COMMAND, 2, 0x0007)
    for register in range(PIRQ_ROUTES, PIRQ_ROUTES + 4):
        space.put(register, 1, _NOT_ROUTED, writable=0x8F)
    return space


def ide() -> ConfigSpace:
    """Function 1, both channels in compatibility mode."""
    space = ConfigSpace(0x8086, 0x7010, 0x0101)
    space.put(COMMAND, 2, 0, writable=_IO_SPACE)
    space.put(IDE_TIMING, 4, 0, writable=0xFFFF_FFFF)
    return space


def power_management(pm_base: int, line: int) -> ConfigSpace:
    """Function 3; `line` is the interrupt line that its block is wired to."""
    space = ConfigSpace(0x8086, 0x7113, 0x0680)
    space.put(COMMAND, 2, 0, writable=_IO_SPACE)
    space.put(INTERRUPT_LINE, 1, line, writable=0xFF)
    space.put(INTERRUPT_PIN, 1, 1)
    space.put(PM_BASE, 4, pm_base | 1)
    space.put(DEVICE_ACTIVITY_B, 4, APMC_EN, writable=0xFFFF_FFFF & ~APMC_EN)
    space.put(PM_ENABLE, 1, 0, writable=0x01)
    space.put(SMBUS_BASE, 4, 1, writable=0xFFF0)
    space.put(SMBUS_CONFIGURATION, 1, 0, writable=0x0F)
    return space
