"""The MP table as a kernel reads it: from the floating pointer through every entry, with sums."""

from __future__ import annotations

import struct

import pytest

from vmm.boot.tables import mptable
from vmm.boot.tables.hardware import Hardware

HARDWARE = Hardware(cpus=3, local_apic=0xFEE0_0000, io_apic=0xFEC0_0000, sci=9, reset_control=0xCF9)
SIZES = {0: 20, 1: 8, 2: 8, 3: 8, 4: 8}


def entries(table: bytes) -> list[bytes]:
    """All entries, in ascending order of their types as the specification wants them."""
    found, at = [], 44
    while at < len(table):
        size = SIZES[table[at]]
        found.append(table[at : at + size])
        at += size
    assert at == len(table)
    assert [entry[0] for entry in found] == sorted(entry[0] for entry in found)
    return found


def test_the_pointer_leads_to_the_table() -> None:
    pointer = mptable.pointer(0xF_0400)
    assert len(pointer) == 16
    assert sum(pointer) & 0xFF == 0
    assert struct.unpack("<4sIBB", pointer[:10]) == (b"_MP_", 0xF_0400, 1, 4)
    assert pointer[11:] == bytes(5)  # a table is there, interrupts come through the PICs first


@pytest.mark.parametrize("cpus", [1, 3, 64])
def test_the_header_counts_and_sums_up(cpus: int) -> None:
    table = mptable.encode(HARDWARE.replace(cpus=cpus))
    assert sum(table) & 0xFF == 0
    signature, size, revision = struct.unpack_from("<4sHB", table)
    assert (signature, size, revision) == (b"PCMP", len(table), 4)
    assert table[8:28] == b"VMM     VMM         "
    assert struct.unpack_from("<HI", table, 34) == (len(entries(table)), 0xFEE0_0000)


def test_processors_by_their_local_apics_and_one_starts() -> None:
    processors = [entry for entry in entries(mptable.encode(HARDWARE)) if entry[0] == 0]
    assert [(entry[1], entry[3]) for entry in processors] == [(0, 3), (1, 1), (2, 1)]
    assert all(struct.unpack_from("<I", entry, 8)[0] & 1 << 9 for entry in processors)  # they have an APIC


def test_the_io_apic_has_an_id_of_its_own() -> None:
    (io_apic,) = (entry for entry in entries(mptable.encode(HARDWARE)) if entry[0] == 2)
    assert struct.unpack("<BBBBI", io_apic) == (2, 3, 0x11, 1, 0xFEC0_0000)


def test_isa_lines_reach_inputs_of_the_same_number_but_for_the_cascade() -> None:
    wires = [struct.unpack("<BBHBBBB", entry) for entry in entries(mptable.encode(HARDWARE)) if entry[0] == 3]
    assert {wire[1:4] for wire in wires} == {(0, 0, 0)}
    assert [wire[4] for wire in wires] == [0, 1, *range(3, 16)]
    assert all(wire[4] == wire[6] and wire[5] == 3 for wire in wires)


def test_the_pics_are_at_lint0_of_the_first_and_nmi_at_lint1_of_all() -> None:
    local = [struct.unpack("<BBHBBBB", entry) for entry in entries(mptable.encode(HARDWARE)) if entry[0] == 4]
    assert [(wire[1], wire[5], wire[6]) for wire in local] == [(3, 0, 0), (1, 0xFF, 1)]
