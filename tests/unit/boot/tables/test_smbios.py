"""SMBIOS as a kernel reads it: the entry point, then structure by structure."""

from __future__ import annotations

import struct
import uuid

from vmm.boot.tables import smbios

TEXT = "01234567-89ab-cdef-0123-456789abcdef"


def structures(table: bytes) -> dict[int, tuple[bytes, list[str]]]:
    """By type: (structure, its strings)."""
    found, at, handles = {}, 0, set()
    while at < len(table):
        kind, size, handle = struct.unpack_from("<BBH", table, at)
        assert handle not in handles
        handles.add(handle)
        end = table.index(b"\0\0", at + size)
        found[kind] = (table[at : at + size], [part.decode() for part in table[at + size : end].split(b"\0") if part])
        at = end + 2
    assert at == len(table)
    return found


def test_the_entry_point_sums_up_and_leads_to_the_structures() -> None:
    entry = smbios.entry_point(0xF_0100, 0x123)
    assert len(entry) == 24
    assert sum(entry) & 0xFF == 0
    assert struct.unpack("<5sBBBBBBBIQ", entry)[2:] == (24, 3, 6, 0, 1, 0, 0x123, 0xF_0100)


def test_what_the_machine_is_called() -> None:
    found = structures(smbios.encode("vmm", "1", uuid.UUID(TEXT).bytes))
    assert list(found) == [0, 1, 3, 127]
    system, strings = found[1]
    assert [strings[number - 1] for number in system[4:7]] == ["vmm", "vmm", "1"]
    assert uuid.UUID(bytes_le=bytes(system[8:24])) == uuid.UUID(TEXT)
    firmware, strings = found[0]
    assert [strings[number - 1] for number in (firmware[4], firmware[5], firmware[8])] == ["vmm", "1", "01/01/2026"]
    assert firmware[0x13] & 1 << 4  # a virtual machine's
    assert (len(firmware), len(system), len(found[3][0]), len(found[127][0])) == (0x1A, 0x1B, 0x16, 4)


def test_a_seed_gives_one_uuid_of_the_kind_made_for_that() -> None:
    made = uuid.UUID(bytes=smbios.uuid_from(b"seed"))
    assert made == uuid.UUID(bytes=smbios.uuid_from(b"seed"))
    assert made != uuid.UUID(bytes=smbios.uuid_from(b"another"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
