"""The memory map as fw_cfg's file etc/e820 holds it: records of 20 bytes, little endian, address, size and kind.

Source: QEMU documentation, docs/specs/fw_cfg; ACPI specification, section 15 (kinds of address ranges).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

RAM, RESERVED = 1, 2


def encode(ranges: Iterable[tuple[int, int, int]]) -> bytes:
    """The file for (address, size, kind) of each range."""
    return b"".join(
        start.to_bytes(8, "little") + size.to_bytes(8, "little") + kind.to_bytes(4, "little")
        for start, size, kind in ranges
    )
