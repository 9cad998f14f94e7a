"""FADT: ACPI's fixed hardware, a power management block with a power button, and the reset control register.

Not modelled: the hardware-reduced form, which has no such block.
Source: ACPI specification 6.4, section 5.2.9; section 5.2.9.3 for the boot architecture flags.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Hardware

SIGNATURE, REVISION, MINOR = b"FACP", 6, 4
POINTERS = ((36, 4), (40, 4), (140, 8))
"""(offset, size) in the table of its pointers: to the FACS, to the DSDT, and the latter in 64 bits. The FACS is given
once, or kernels take it for two."""
HARD_RESET = 0x06
"""What the reset register takes: bits 1 and 2 of the reset control register."""
ACPI_ENABLE, ACPI_DISABLE = 0xF1, 0xF0
"""What the SMI command port takes."""

_LEGACY_DEVICES, _KEYBOARD_CONTROLLER, _NO_VGA, _NO_CMOS_CLOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 5
_WBINVD, _C1, _NO_SLEEP_BUTTON, _NO_WAKE_BY_CLOCK, _RESET = 1 << 0, 1 << 2, 1 << 5, 1 << 6, 1 << 10
_FLAGS = _WBINVD | _C1 | _NO_SLEEP_BUTTON | _NO_WAKE_BY_CLOCK | _RESET
_NO_C2, _NO_C3 = 101, 1001
"""Latencies beyond what the specification allows: these states are not there."""
_CENTURY = 0x32
_SYSTEM_IO = 1


def body(hardware: Hardware, facs: int, dsdt: int) -> bytes:
    """The table without its header: 240 bytes."""
    event, control, timer, general = hardware.pm_event, hardware.pm_control, hardware.pm_timer, hardware.pm_general
    command, sci = hardware.smi_command, hardware.sci
    enable = bytes((ACPI_ENABLE, ACPI_DISABLE)) if command else bytes(2)
    lengths = bytes((4, 2, 0, 4, 2 if general else 0))
    return b"".join(
        (
            _number(facs, 4), _number(dsdt, 4), bytes(2), _number(sci, 2), _number(command, 4), enable, bytes(2),
            _number(event, 4), bytes(4), _number(control, 4), bytes(4), bytes(4), _number(timer, 4),
            _number(general, 4), bytes(4), lengths, bytes(3), _number(_NO_C2, 2), _number(_NO_C3, 2),
            bytes(4), bytes(4), bytes((_CENTURY if hardware.clock else 0,)), _number(_architecture(hardware), 2), b"\0",
            _number(_FLAGS, 4), _port(hardware.reset_control, 8), bytes((HARD_RESET, 0, 0, MINOR)),
            bytes(8), _number(dsdt, 8), _port(event, 32), bytes(12), _port(control, 16), bytes(12), bytes(12),
            _port(timer, 32), _port(general, 16), bytes(44),
        )
    )  # fmt: skip


def _architecture(hardware: Hardware) -> int:
    """What an operating system may look for by itself on a PC."""
    flags = _LEGACY_DEVICES
    flags |= _KEYBOARD_CONTROLLER if hardware.keyboard else 0
    flags |= 0 if hardware.has_vga else _NO_VGA
    return flags | (0 if hardware.clock else _NO_CMOS_CLOCK)


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def _port(port: int, bits: int) -> bytes:
    """A generic address structure for a port, accessed in one piece; all zero for none."""
    if not port:
        return bytes(12)
    return bytes((_SYSTEM_IO, bits, 0, {8: 1, 16: 2, 32: 3}[bits])) + _number(port, 8)
