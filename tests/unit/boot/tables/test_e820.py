"""The memory map in the form that firmware reads."""

from __future__ import annotations

import struct

from vmm.boot.tables import e820


def test_records_of_twenty_bytes() -> None:
    encoded = e820.encode([(0, 0xC000_0000, e820.RAM), (1 << 32, 1 << 30, e820.RESERVED)])
    assert list(struct.iter_unpack("<QQI", encoded)) == [(0, 0xC000_0000, 1), (1 << 32, 1 << 30, 2)]
