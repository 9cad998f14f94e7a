from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.errors import ConfigError, HostError
from vmm.memory.guest_memory import HUGE_PAGE, LARGE, GuestMemory
from vmm.units import MiB

PAGE = 4096


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 4 * PAGE)
    memory.add(0x10_0000, 2 * PAGE, "rom", read_only=True)
    yield memory
    memory.close()


def test_sizes_and_regions(memory):
    assert memory.size == 4 * PAGE
    assert memory.end == 0x10_0000 + 2 * PAGE
    assert [(region.name, region.slot, region.read_only) for region in memory.regions] == [
        ("ram", 0, False),
        ("rom", 1, True),
    ]
    assert GuestMemory().end == 0


def test_what_is_written_is_read(memory):
    memory.write(0xFFE, b"abcd")
    assert memory.read(0xFFC, 8) == b"\0\0abcd\0\0"
    memory.write_int(0x100, 4, 0x1_2345_6789)
    assert memory.read_int(0x100, 8) == 0x2345_6789
    memory.write(0x10_0000, bytearray(b"rom"))
    assert memory.read(0x10_0000, 3) == b"rom"
    assert memory.read(5, 0) == b""


def test_fill_reaches_its_ends_and_no_further(memory):
    memory.fill(0x10, 0x20, 0xAA)
    assert memory.read(0, 0x40) == bytes(0x10) + b"\xaa" * 0x20 + bytes(0x10)
    memory.fill(0x10, 0x10)
    assert memory.read(0x10, 0x20) == bytes(0x10) + b"\xaa" * 0x10


def test_fill_works_on_more_than_one_chunk():
    memory = GuestMemory()
    memory.add(0, 3 * MiB)
    memory.fill(1, 2 * MiB + 5, 7)
    assert memory.read(0, 2) == b"\0\7"
    assert memory.read(2 * MiB + 5, 2) == b"\7\0"
    memory.close()


@pytest.mark.parametrize(
    ("gpa", "size"), [(4 * PAGE, 1), (4 * PAGE - 1, 2), (-1, 1), (0, 5 * PAGE), (1 << 60, 1), (0, -1)]
)
def test_what_is_not_wholly_memory_is_refused_with_what_there_is(memory, gpa, size):
    assert not memory.contains(gpa, size)
    for access in (memory.read, memory.read_int, memory.fill, memory.view):
        with pytest.raises(ConfigError, match=r"are not in guest memory \(\[0x0, 0x4000\) ram, "):
            access(gpa, size)
    if size > 0:
        with pytest.raises(ConfigError):
            memory.write(gpa, bytes(size))
        with pytest.raises(ConfigError):
            memory.write_int(gpa, size, 0)


@pytest.mark.parametrize(("gpa", "size"), [(1, PAGE), (0, PAGE + 1), (0x20_0000, 0), (0x20_0000, -PAGE)])
def test_regions_are_whole_pages(memory, gpa, size):
    with pytest.raises(ConfigError, match="whole pages"):
        memory.add(gpa, size)


def test_regions_do_not_overlap(memory):
    with pytest.raises(ConfigError, match=r"overlaps rom at \[0x100000, 0x102000\)"):
        memory.add(0x10_1000, PAGE)
    memory.add(0x10_2000, PAGE)
    assert len(memory.regions) == 3


def test_more_than_the_host_has_is_a_host_error():
    with pytest.raises(HostError, match=r"no host memory for .*give the guest less"):
        GuestMemory().add(0, 1 << 60)


def test_a_view_is_the_memory_itself(memory):
    view = memory.view(0x100, 4)
    view[:] = b"view"
    assert memory.read(0x100, 4) == b"view"
    memory.write(0x100, b"VIEW")
    assert bytes(view) == b"VIEW"
    with pytest.raises(BufferError):
        memory.close()
    view.release()
    memory.close()
    memory.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2 * PAGE - 1), st.binary(min_size=1, max_size=600)), max_size=10))
def test_memory_is_an_array_of_bytes(writes):
    memory, model = GuestMemory(), bytearray(2 * PAGE)
    memory.add(0x4000, 2 * PAGE)
    for at, data in writes:
        if at + len(data) <= len(model):
            memory.write(0x4000 + at, data)
            model[at : at + len(data)] = data
        else:
            with pytest.raises(ConfigError):
                memory.write(0x4000 + at, data)
    assert memory.read(0x4000, len(model)) == model
    memory.close()


def test_regions_over_one_backing_come_and_go_and_its_content_stays(memory):
    backing = memory.backing(4 * PAGE)
    backing[PAGE : PAGE + 4] = b"kept"
    upper = memory.add(0x20_0000, PAGE, "upper", backing=(backing, PAGE))
    lower = memory.add(0x20_1000, PAGE, "lower", read_only=True, backing=(backing, 0))
    assert memory.read(0x20_0000, 4) == b"kept"
    memory.write(0x20_1000, b"low")
    memory.remove(upper)
    assert not memory.contains(0x20_0000)
    memory.remove(lower)
    whole = memory.add(0x20_0000, 4 * PAGE, "whole", backing=(backing, 0))
    assert memory.read(0x20_0000, 3) + memory.read(0x20_1000, 4) == b"lowkept"
    assert {upper.slot, lower.slot} == {2, 3}
    assert whole.slot in (2, 3)  # slots are used again


def test_a_region_that_overlaps_leaves_no_trace(memory):
    backing = memory.backing(PAGE)
    for wanted in (None, (backing, 0)):
        with pytest.raises(ConfigError, match="overlaps ram"):
            memory.add(3 * PAGE, PAGE, backing=wanted)
    assert memory.add(0x20_0000, PAGE).slot == 2


def test_a_page_that_the_host_forgets_keeps_its_content_and_others_do_nothing(memory):
    memory.write(0x1FFE, b"ab" + b"page" * 1024)
    memory.refault(0x2000)
    assert memory.read(0x1FFE, 8) == b"abpagepa"
    for gpa in (0x2001, 1 << 40, -4096):
        memory.refault(gpa)
    assert memory.read(0x1FFE, 8) == b"abpagepa"


@pytest.mark.parametrize(("gpa", "size"), [(0, LARGE), (4 << 30, LARGE)])
def test_a_large_region_lies_where_the_kernel_can_show_the_guest_huge_pages(gpa, size):
    memory = GuestMemory()
    region = memory.add(gpa, size)
    start = ctypes.c_char.from_buffer(region.mapping)
    assert (ctypes.addressof(start) - gpa) % HUGE_PAGE == 0
    assert (region.offset, len(region.mapping)) == (0, size)  # all of it is the region
    del start
    memory.write(gpa + size - 4, b"last")
    assert memory.read(gpa + size - 4, 4) == b"last"
    memory.close()
