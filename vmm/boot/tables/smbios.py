"""SMBIOS 3: what machine this is, in structures that a kernel finds by an entry point in the BIOS's memory.

Not modelled: processors, memory devices, slots and all else beyond firmware, system and chassis.
Source: DMTF DSP0134 (SMBIOS) 3.6, chapters 5.2.2 (entry point), 6.1 and 7.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRY_SIZE = 24
_MAJOR, _MINOR, _REVISION = 3, 6, 1
_FIRMWARE, _SYSTEM, _CHASSIS, _END = 0, 1, 3, 127
_POWER_SWITCH = 6
_OTHER, _SAFE, _NO_SECURITY = 1, 3, 3
_RELEASED = "01/01/2026"
_CHARACTERISTICS_UNSUPPORTED = 1 << 3
_VIRTUAL_MACHINE = 1 << 4
"""In the second byte of the firmware's extended characteristics."""


def entry_point(table: int, size: int) -> bytes:
    """For structures of `size` bytes at the guest physical address `table`; to stand at a multiple of 16."""
    content = b"_SM3_" + bytes((0, ENTRY_SIZE, _MAJOR, _MINOR, 0, _REVISION, 0))
    content += size.to_bytes(4, "little") + table.to_bytes(8, "little")
    return content[:5] + bytes((-sum(content) & 0xFF,)) + content[6:]


def encode(product: str, version: str, uuid: bytes) -> bytes:
    """The structures of a machine called `product`; `uuid` has its bytes in the order in which they are written."""
    firmware = bytes((1, 2)) + bytes(2) + bytes((3, 0)) + _CHARACTERISTICS_UNSUPPORTED.to_bytes(8, "little")
    firmware += bytes((0, _VIRTUAL_MACHINE)) + bytes((0xFF,) * 4) + bytes(2)
    system = bytes((1, 2, 3, 0)) + _mixed_endian(uuid) + bytes((_POWER_SWITCH, 0, 0))
    chassis = bytes((1, _OTHER, 2, 0, 0, _SAFE, _SAFE, _SAFE, _NO_SECURITY)) + bytes(4) + bytes((0, 0, 0, 0, 0))
    return b"".join(
        (
            _structure(_FIRMWARE, 0, firmware, (product, version, _RELEASED)),
            _structure(_SYSTEM, 1, system, (product, product, version)),
            _structure(_CHASSIS, 2, chassis, (product, version)),
            _structure(_END, 3, b"", ()),
        )
    )


def uuid_from(seed: bytes) -> bytes:
    """A UUID (version 8, variant 1) that is the same for the same seed."""
    from _blake2 import blake2b  # not by way of hashlib, which loads OpenSSL: milliseconds of every start

    digest = bytearray(blake2b(seed, digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def _mixed_endian(uuid: bytes) -> bytes:
    """The first three fields are little endian."""
    return uuid[3::-1] + uuid[5:3:-1] + uuid[7:5:-1] + uuid[8:]


def _structure(kind: int, handle: int, formatted: bytes, strings: Sequence[str]) -> bytes:
    """Header, formatted area, and the strings that it counts from 1; two zeroes end it."""
    text = b"".join(string.encode("ascii") + b"\0" for string in strings) or b"\0"
    return bytes((kind, 4 + len(formatted))) + handle.to_bytes(2, "little") + formatted + text + b"\0"
