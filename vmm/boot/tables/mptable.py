"""The MP table, by which kernels without ACPI find processors, the I/O APIC and how interrupts are wired.

One bus, ISA, whose lines reach the inputs of the same numbers; a PIC pair on LINT0 of the first processor.
Not modelled: PCI, several I/O APICs, extended entries.
Source: Intel MultiProcessor Specification 1.4 (242016), chapter 4.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Hardware

POINTER_SIZE = 16

_REVISION = 4  # 1.4
_PROCESSOR, _BUS, _IO_APIC, _INTERRUPT, _LOCAL_INTERRUPT = range(5)
_LOCAL_APIC_VERSION = 0x14
_ENABLED, _BOOTSTRAP = 0x01, 0x02
_SIGNATURE, _FEATURES = 0x600, 0x201
"""Of the processors: a Pentium Pro's family, with FPU and APIC. Kernels ask the processor itself for more."""
_INT, _NMI, _EXTERNAL = 0, 1, 3
_AS_THE_BUS_DOES = 0
_ISA, _ALL = 0, 0xFF
_ISA_LINES = (0, 1, *range(3, 16))
"""All but the one that joins the PIC pair."""
_HEADER = 44


def pointer(table: int) -> bytes:
    """The floating pointer to a table at the guest physical address `table`; to stand at a multiple of 16."""
    return _summed(b"_MP_" + table.to_bytes(4, "little") + bytes((POINTER_SIZE // 16, _REVISION, 0)) + bytes(5), 10)


def encode(hardware: Hardware) -> bytes:
    """The configuration table."""
    io_apic = hardware.cpus  # the first id that no processor has
    entries = [_processor(index) for index in range(hardware.cpus)]
    entries.append(bytes((_BUS, _ISA)) + b"ISA   ")
    version = hardware.io_apic_version
    entries.append(bytes((_IO_APIC, io_apic, version, _ENABLED)) + hardware.io_apic.to_bytes(4, "little"))
    lines = (*_ISA_LINES, *(device.line for device in hardware.virtio if device.line not in _ISA_LINES))
    entries += [_interrupt(_INTERRUPT, _INT, line, io_apic, line) for line in lines]
    entries.append(_interrupt(_LOCAL_INTERRUPT, _EXTERNAL, 0, 0, 0))
    entries.append(_interrupt(_LOCAL_INTERRUPT, _NMI, 0, _ALL, 1))
    body = b"".join(entries)
    header = b"PCMP" + (_HEADER + len(body)).to_bytes(2, "little") + bytes((_REVISION, 0)) + b"VMM     VMM         "
    header += bytes(6) + len(entries).to_bytes(2, "little") + hardware.local_apic.to_bytes(4, "little") + bytes(4)
    return _summed(header + body, 7)


def _processor(index: int) -> bytes:
    flags = _ENABLED | (0 if index else _BOOTSTRAP)
    known = _SIGNATURE.to_bytes(4, "little") + _FEATURES.to_bytes(4, "little")
    return bytes((_PROCESSOR, index, _LOCAL_APIC_VERSION, flags)) + known + bytes(8)


def _interrupt(entry: int, kind: int, line: int, apic: int, pin: int) -> bytes:
    return bytes((entry, kind)) + _AS_THE_BUS_DOES.to_bytes(2, "little") + bytes((_ISA, line, apic, pin))


def _summed(content: bytes, at: int) -> bytes:
    """`content` with the byte at `at` such that all add up to 0."""
    return content[:at] + bytes((-sum(content) & 0xFF,)) + content[at + 1 :]
