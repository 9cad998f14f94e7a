"""Resource descriptors of ACPI: what a device in the namespace occupies, put together to a _CRS.

Not modelled: DMA channels, dependent functions, connections.
Source: ACPI specification 6.4, section 6.4 (resource data types).
"""

from __future__ import annotations

from . import aml

_END, _NO_CHECKSUM = 0x79, 0x00
_MEMORY, _IO, _BUS = 0, 1, 2
_PRODUCER_MIN_MAX_FIXED = 0x0C
_ISA_RANGES = 0x03
_READ_WRITE, _CACHED = 0x01, 0x02


def current(*descriptors: bytes) -> bytes:
    """Name (_CRS, ResourceTemplate () { descriptors })."""
    return aml.named("_CRS", template(*descriptors))


def template(*descriptors: bytes) -> bytes:
    """A buffer of descriptors and the end tag; checksum 0 stands for any."""
    return aml.buffer(b"".join(descriptors) + bytes((_END, _NO_CHECKSUM)))


def ports(start: int, size: int) -> bytes:
    """`size` I/O ports from `start` on, where nothing else can be: 16 address lines are decoded."""
    address = start.to_bytes(2, "little")
    return b"\x47\x01" + address + address + bytes((1, size))


def isa_line(line: int) -> bytes:
    """An edge-triggered, active-high line of the PIC pair, not shared."""
    return b"\x22" + (1 << line).to_bytes(2, "little")


def edge_line(gsi: int) -> bytes:
    """A GSI on which the device sends pulses, active high, not shared."""
    return b"\x89\x06\x00\x03\x01" + gsi.to_bytes(4, "little")


def memory(start: int, size: int) -> bytes:
    """Fixed, writable addresses below 4 GiB."""
    return b"\x86\x09\x00\x01" + start.to_bytes(4, "little") + size.to_bytes(4, "little")


def bus_window(first: int, last: int) -> bytes:
    """The numbers of the buses below a bridge."""
    return _window(b"\x88\x0d\x00", _BUS, 0, 2, first, last)


def port_window(first: int, last: int) -> bytes:
    """Ports that a bridge hands down."""
    return _window(b"\x88\x0d\x00", _IO, _ISA_RANGES, 2, first, last)


def memory_window(first: int, last: int) -> bytes:
    """Addresses below 4 GiB that a bridge hands down, not cached."""
    return _window(b"\x87\x17\x00", _MEMORY, _READ_WRITE, 4, first, last)


def high_memory_window(first: int, last: int) -> bytes:
    """Addresses anywhere that a bridge hands down, cached."""
    return _window(b"\x8a\x2b\x00", _MEMORY, _READ_WRITE | _CACHED, 8, first, last)


def _window(tag: bytes, kind: int, specific: int, size: int, first: int, last: int) -> bytes:
    """Granularity, minimum, maximum, translation and length behind the flags, each of `size` bytes."""
    numbers = (0, first, last, 0, last - first + 1)
    fields = b"".join(number.to_bytes(size, "little") for number in numbers)
    return tag + bytes((kind, _PRODUCER_MIN_MAX_FIXED, specific)) + fields
