"""The state at a guest's first instruction, checked against the tables that were written with it."""

import pytest

from vmm.cpu import control, modes, paging
from vmm.cpu.segments import decode
from vmm.units import GiB, MiB

TABLES = 0x10000


class Memory:
    def __init__(self) -> None:
        self.raw = bytearray(b"\xa5" * MiB)
        self.touched = (MiB, 0)

    def write(self, gpa: int, data: bytes) -> None:
        self.raw[gpa : gpa + len(data)] = data
        self.touched = (min(self.touched[0], gpa), max(self.touched[1], gpa + len(data)))

    def read(self, gpa: int, size: int) -> bytes:
        return bytes(self.raw[gpa : gpa + size])


@pytest.fixture
def memory() -> Memory:
    return Memory()


def start(mode: str, memory: Memory, user: bool = False, kernel_stack: int = 0) -> modes.InitialState:
    if mode == "long":
        return modes.long(memory.write, 0x100000, 0x9F000, TABLES, 16 * MiB, user, kernel_stack)
    make = {"protected": modes.protected, "paged": modes.paged}[mode]
    return make(memory.write, 0x100000, 0x9F000, TABLES, user, kernel_stack)


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("mode", ["protected", "paged", "long"])
def test_every_segment_register_is_what_its_descriptor_in_memory_says(mode: str, user: bool, memory: Memory) -> None:
    state = start(mode, memory, user)
    base, limit = state.gdt
    table = memory.read(base, limit + 1)
    assert table[:8] == bytes(8)
    for name, segment in state.segments().items():
        if segment.unusable:
            assert name == "ldt"
            continue
        at = segment.selector & ~7
        size = 16 if mode == "long" and name == "tr" else 8
        assert decode(table[at : at + size], segment.selector) == segment, name
        assert segment.selector & 3 == segment.dpl
    assert state.cs.dpl == state.ss.dpl == (3 if user else 0)


@pytest.mark.parametrize("mode", ["protected", "paged", "long"])
def test_tables_stay_inside_the_area_that_was_promised(mode: str, memory: Memory) -> None:
    start(mode, memory)
    assert memory.touched == (TABLES, TABLES + modes.table_size(mode, 16 * MiB))


def test_real_mode_needs_no_tables() -> None:
    assert modes.table_size("real") == 0


def test_more_memory_needs_more_tables(memory: Memory) -> None:
    modes.long(memory.write, 0, 0, TABLES, 8 * GiB)
    assert memory.touched[1] - TABLES == modes.table_size("long", 8 * GiB) == 11 * 0x1000


@pytest.mark.parametrize("mode", ["paged", "long"])
def test_code_stack_and_devices_are_mapped_to_themselves(mode: str, memory: Memory) -> None:
    state = start(mode, memory)
    for gva in (state.rip, state.rsp - 8, 0xD000_0000, 0xFEE0_0000, 0xFFFF_FFFF):
        assert paging.walk(memory.read, state.cr3, state.cr0, state.cr4, state.efer, gva).gpa == gva


def test_long_mode_is_active_and_code_is_64_bit(memory: Memory) -> None:
    state = start("long", memory)
    assert state.efer & control.EFER_LMA
    assert state.cr0 & control.CR0_PG
    assert state.cr4 & control.CR4_PAE
    assert (state.cs.l, state.cs.db) == (1, 0)
    assert state.cs.selector == modes.KERNEL_CODE


def test_a_start_in_ring_3_may_use_ports(memory: Memory) -> None:
    state = start("long", memory, user=True)
    assert state.rflags >> control.RFLAGS_IOPL_SHIFT & 3 == 3
    bitmap = state.tr.base + int.from_bytes(memory.read(state.tr.base + 0x66, 2), "little")
    assert bitmap + 0x1000 // 8 <= state.tr.base + state.tr.limit
    assert memory.read(bitmap, 0x1000 // 8 + 1) == bytes(0x1000 // 8) + b"\xff"


def test_a_start_in_ring_0_gives_ring_3_no_ports(memory: Memory) -> None:
    state = start("long", memory)
    assert state.rflags == control.RFLAGS_FIXED
    assert int.from_bytes(memory.read(state.tr.base + 0x66, 2), "little") > state.tr.limit


@pytest.mark.parametrize(("given", "expected"), [(0, TABLES + 0x1000), (0x70000, 0x70000)])
def test_the_tss_names_the_stack_of_ring_0(given: int, expected: int, memory: Memory) -> None:
    long = start("long", memory, kernel_stack=given)
    assert int.from_bytes(memory.read(long.tr.base + 4, 8), "little") == expected
    protected = start("protected", memory, kernel_stack=given)
    assert int.from_bytes(memory.read(protected.tr.base + 4, 4), "little") == expected
    assert int.from_bytes(memory.read(protected.tr.base + 8, 2), "little") == modes.KERNEL_DATA


def test_selectors_suit_syscall_and_sysret() -> None:
    assert modes.KERNEL_DATA == modes.KERNEL_CODE + 8
    assert modes.USER_DATA == modes.USER_CODE32 + 8
    assert modes.USER_CODE64 == modes.USER_CODE32 + 16


def test_tables_off_a_page_boundary_are_refused(memory: Memory) -> None:
    with pytest.raises(ValueError, match="page aligned"):
        modes.protected(memory.write, 0, 0, 0x10008)


@pytest.mark.parametrize(("cs", "ip"), [(0, 0x7C00), (0xF000, 0xFFF0), (0x1234, 0)])
def test_real_mode_starts_at_any_cs_ip(cs: int, ip: int) -> None:
    state = modes.real(cs, ip)
    assert (state.cs.selector, state.cs.base, state.rip) == (cs, cs << 4, ip)
    assert not state.cr0 & control.CR0_PE
    assert state.idt == (0, 0x3FF)


@pytest.mark.parametrize("stack", [0, 0x7C00, 0xFFFF, 0x10000, 0x80000, 0x9FC00, 0x100000])
def test_a_real_mode_stack_may_end_anywhere_in_the_first_mebibyte(stack: int) -> None:
    state = modes.real(0, 0, stack=stack)
    assert state.ss.base + state.rsp == stack
    assert state.rsp <= 0xFFFF
    assert state.ss.selector <= 0xFFFF


def test_unreal_mode_reaches_4_gib_through_data_segments_alone() -> None:
    state = modes.real(0, 0x7C00, unreal=True)
    assert {getattr(state, name).limit for name in ("ds", "es", "fs", "gs")} == {0xFFFF_FFFF}
    assert state.cs.limit == state.ss.limit == 0xFFFF


def test_real_mode_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="ip"):
        modes.real(0, 0x10000)
    with pytest.raises(ValueError, match="stack"):
        modes.real(0, 0, stack=0x100001)


def test_a_copy_changes_on_its_own(memory: Memory) -> None:
    state = start("long", memory)
    other = state.copy()
    other.rsp = 0x1234
    other.rdi = 1
    assert (state.rsp, state.rdi) == (0x9F000, 0)
    assert other.cs == state.cs
    assert "rdi=1" in repr(other)


def test_general_lists_all_eighteen_registers() -> None:
    general = modes.real(0, 0x7C00).general()
    assert len(general) == 18
    assert general["rip"] == 0x7C00


def test_power_on_starts_16_bytes_below_4_gib() -> None:
    state = modes.reset()
    assert state.cs.base + state.rip == (1 << 32) - 16
    assert (state.cs.selector, state.ds.base, state.idt) == (0xF000, 0, (0, 0x3FF))
    assert modes.real(0xF000, 0xFFF0).cs.base == 0xF_0000, "the segment that real() gives is shared and stays"
