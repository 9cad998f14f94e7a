"""Page tables: the ones we build, and walks through them, through hand-made ones, and through garbage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.cpu import control, paging
from vmm.errors import HostError

PAGING = control.CR0_PE | control.CR0_PG
LONG = control.EFER_LME | control.EFER_LMA


class Memory:
    """Guest memory of a given size, answering short beyond its end."""

    def __init__(self, size: int = 0x80000) -> None:
        self.raw = bytearray(size)
        self.reads = 0

    def write(self, gpa: int, data: bytes) -> None:
        assert gpa + len(data) <= len(self.raw)
        self.raw[gpa : gpa + len(data)] = data

    def entry(self, gpa: int, value: int, size: int = 8) -> None:
        self.write(gpa, value.to_bytes(size, "little"))

    def read(self, gpa: int, size: int) -> bytes:
        self.reads += 1
        return bytes(self.raw[gpa : gpa + size])


def walk64(memory: Memory, gva: int, cr3: int = 0x1000, efer: int = LONG, cr4: int = control.CR4_PAE) -> paging.Walk:
    return paging.walk(memory.read, cr3, PAGING, cr4, efer, gva)


@pytest.fixture(scope="module")
def identity() -> Memory:
    memory = Memory()
    memory.write(0x1000, paging.identity64(0x1000, 6 << 30))
    return memory


@settings(max_examples=100)
@given(gva=st.integers(0, (6 << 30) - 1))
def test_long_mode_tables_map_every_address_to_itself(identity: Memory, gva: int) -> None:
    walk = walk64(identity, gva)
    assert (walk.gpa, walk.page_size, walk.fault) == (gva, 2 << 20, "")
    assert (walk.writable, walk.user, walk.executable) == (True, True, True)
    assert [entry.level for entry in walk.entries] == ["PML4E", "PDPTE", "PDE"]
    assert all("A" in entry.flags.split() for entry in walk.entries)


@pytest.mark.parametrize(("memory_end", "gigabytes"), [(1 << 20, 4), (4 << 30, 4), ((4 << 30) + 1, 5), (9 << 30, 9)])
def test_long_mode_tables_reach_the_end_of_memory_and_at_least_4_gib(memory_end: int, gigabytes: int) -> None:
    tables = paging.identity64(0, memory_end)
    assert len(tables) == (2 + gigabytes) * 0x1000
    memory = Memory()
    memory.write(0, tables)
    assert walk64(memory, (gigabytes << 30) - 1, cr3=0).gpa == (gigabytes << 30) - 1
    assert "PDPTE is not present" in walk64(memory, gigabytes << 30, cr3=0).fault


def test_long_mode_tables_beyond_512_gib_are_refused() -> None:
    with pytest.raises(ValueError, match="512 GiB"):
        paging.identity64(0, (512 << 30) + 1)


@settings(max_examples=50)
@given(gva=st.integers(0, 0xFFFF_FFFF))
def test_32_bit_tables_map_4_gib_to_itself(gva: int) -> None:
    memory = Memory()
    memory.write(0x3000, paging.identity32())
    walk = paging.walk(memory.read, 0x3000, PAGING, control.CR4_PSE, 0, gva)
    assert (walk.gpa, walk.page_size) == (gva, 4 << 20)


def test_without_paging_an_address_is_itself() -> None:
    walk = paging.walk(Memory().read, 0, control.CR0_PE, 0, 0, 0x1_2345_6789)
    assert (walk.gpa, walk.entries, walk.page_size) == (0x2345_6789, [], 0)
    assert walk.in_words() == ["0x23456789 -> 0x23456789 (no paging)"]


def test_32_bit_paging_walks_two_levels_to_a_4_kib_page() -> None:
    memory = Memory()
    memory.entry(0x1000 + 4 * 3, 0x2007, 4)
    memory.entry(0x2000 + 4 * 5, 0x0000_9005, 4)
    walk = paging.walk(memory.read, 0x1000, PAGING, 0, 0, 3 << 22 | 5 << 12 | 0x123)
    assert (walk.gpa, walk.page_size, walk.writable, walk.user) == (0x9123, 0x1000, False, True)
    assert [(entry.level, entry.gpa) for entry in walk.entries] == [("PDE", 0x100C), ("PTE", 0x2014)]


def test_a_4_mib_page_may_lie_above_4_gib_and_needs_pse() -> None:
    memory = Memory()
    memory.entry(0x1000, 0x0040_0000 | 0x83 | 1 << 13, 4)
    assert paging.walk(memory.read, 0x1000, PAGING, control.CR4_PSE, 0, 0x5678).gpa == 0x1_0040_5678
    narrow = paging.walk(memory.read, 0x1000, PAGING, control.CR4_PSE, 0, 0x5678, physical_bits=32)
    assert "reserved" in narrow.fault
    without_pse = paging.walk(memory.read, 0x1000, PAGING, 0, 0, 0x5678)
    assert without_pse.fault == "the PTE at 0x402014 lies outside guest memory"


def test_pae_walks_three_levels_from_a_table_of_four() -> None:
    memory = Memory()
    memory.entry(0x1020 + 8 * 2, 0x2001)
    memory.entry(0x2000 + 8 * 1, 0x3003)
    memory.entry(0x3000 + 8 * 7, 0x8_0000_4000 | 3)
    gva = 2 << 30 | 1 << 21 | 7 << 12 | 0x10
    walk = paging.walk(memory.read, 0x1020, PAGING, control.CR4_PAE, 0, gva)
    assert (walk.gpa, walk.mode, walk.user) == (0x8_0000_4010, "PAE paging", False)


def test_five_levels_are_walked_with_la57() -> None:
    memory = Memory()
    for level, table in enumerate((0x1000, 0x2000, 0x3000, 0x4000)):
        memory.entry(table + 8 * (level + 1), table + 0x1000 | 7)
    memory.entry(0x5000 + 8 * 9, 0x7_7000 | 7 | paging.NO_EXECUTE)
    gva = 1 << 48 | 2 << 39 | 3 << 30 | 4 << 21 | 9 << 12 | 0xABC
    walk = walk64(memory, gva, efer=LONG | control.EFER_NXE, cr4=control.CR4_PAE | control.CR4_LA57)
    assert (walk.gpa, walk.executable) == (0x77ABC, False)
    assert [entry.level for entry in walk.entries] == ["PML5E", "PML4E", "PDPTE", "PDE", "PTE"]
    assert walk.entries[-1].flags == "P W U XD"


def test_a_1_gib_page_is_found() -> None:
    memory = Memory()
    memory.entry(0x1000, 0x2003)
    memory.entry(0x2000, 0x4000_0000 | 0x83)
    walk = walk64(memory, 0x1234567)
    assert (walk.gpa, walk.page_size) == (0x4123_4567, 1 << 30)
    assert walk.in_words()[-1] == "0x1234567 -> 0x41234567, 1024 MiB page, writable executable (4-level paging)"


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({}, "the PML4E is not present"),
        ({0x1000: 0x2003, 0x2000: 0x3003}, "the PDE is not present"),
        ({0x1000: 0x83}, "the PML4E has reserved bits set: 0x80"),
        ({0x1000: 0x2003 | 1 << 63}, "the PML4E has reserved bits set: 0x8000000000000000"),
        ({0x1000: 0x2003, 0x2000: 0x3003, 0x3000: 0x2083}, "the PDE has reserved bits set: 0x2000"),
        ({0x1000: 0x7_0000_0003}, "the PDPTE at 0x700000000 lies outside guest memory"),
    ],
)
def test_a_walk_that_ends_early_says_why(entries: dict[int, int], fault: str) -> None:
    memory = Memory()
    for gpa, value in entries.items():
        memory.entry(gpa, value)
    walk = walk64(memory, 0)
    assert (walk.gpa, walk.fault) == (None, fault)
    assert fault in walk.in_words()[-1]


def test_an_address_between_the_halves_is_not_canonical(identity: Memory) -> None:
    assert "canonical" in walk64(identity, 1 << 47).fault
    assert "not present" in walk64(identity, 0xFFFF_8000_0000_0000).fault


def test_memory_that_refuses_the_read_ends_the_walk() -> None:
    def refuse(gpa: int, size: int) -> bytes:
        raise HostError("no memory there")

    walk = paging.walk(refuse, 0x1000, PAGING, control.CR4_PAE, LONG, 0)
    assert "outside guest memory" in walk.fault


@settings(max_examples=100)
@given(
    garbage=st.binary(min_size=64, max_size=64),
    cr3=st.integers(0, (1 << 64) - 1),
    cr4=st.sampled_from([0, control.CR4_PSE, control.CR4_PAE, control.CR4_PAE | control.CR4_LA57]),
    efer=st.sampled_from([0, LONG, LONG | control.EFER_NXE]),
    gva=st.integers(0, (1 << 64) - 1),
)
def test_garbage_in_memory_ends_a_walk_within_five_reads(
    garbage: bytes, cr3: int, cr4: int, efer: int, gva: int
) -> None:
    reads = []

    def read(gpa: int, size: int) -> bytes:
        reads.append(gpa)
        return bytes(garbage[(gpa + index) % 64] for index in range(size))

    walk = paging.walk(read, cr3, PAGING, cr4, efer, gva)
    assert len(reads) <= 5
    assert (walk.gpa is None) == bool(walk.fault)
    assert all(len(line) <= 100 for line in walk.in_words())
