"""What machines share: a template holds what memory held, nobody sees another's writes, and holes cost nothing."""

from __future__ import annotations

import mmap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.engine.kvm_pages import lay_over, template_of
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

PAGE = mmap.PAGESIZE


@pytest.fixture
def memory():
    memory = GuestMemory()
    memory.add(0, 0xA_0000)
    memory.add(MiB, 127 * MiB)
    memory.write(0x1000, b"low")
    memory.write(100 * MiB - 5, b"across pages" * 1000)
    return memory


def child_of(memory, template):
    child = memory.twin()
    lay_over(child, template)
    return child


def test_a_twin_holds_the_same_and_keeps_its_writes_to_itself(memory):
    template = template_of(memory)
    one, other = child_of(memory, template), child_of(memory, template)
    assert one.read(100 * MiB - 5, 12_000) == b"across pages" * 1000
    one.write(0x1000, b"ONE")
    memory.write(0x1000, b"MASTER"[:3])
    assert (one.read(0x1000, 3), other.read(0x1000, 3), memory.read(0x1000, 3)) == (b"ONE", b"low", b"MAS")
    assert child_of(memory, template).read(0x1000, 3) == b"low"


def test_it_takes_what_was_touched_and_no_more(memory):
    assert template_of(memory).held == 5 * PAGE


def test_a_view_of_the_master_stays_good(memory):
    view = memory.view(0x1000, 3)
    template_of(memory)
    assert bytes(view) == b"low"
    view[:] = b"new"
    assert memory.read(0x1000, 3) == b"new"
    view.release()


def test_a_child_has_children(memory):
    first = template_of(memory)
    child = child_of(memory, first)
    child.write(0x3000, b"child's")
    second = template_of(child)
    first.close()
    grandchild = child_of(child, second)
    assert grandchild.read(0x3000, 7) == b"child's"
    assert grandchild.read(0x1000, 3) == b"low"
    assert memory.read(0x3000, 7) == bytes(7)


def test_a_sealed_template_cannot_be_written(memory):
    import os

    template = template_of(memory)
    with pytest.raises(PermissionError):
        os.pwrite(template.fd, b"x", 0)


def test_regions_that_come_and_go_are_the_twin_s_too(memory):
    shadow = memory.backing(16 * PAGE)
    memory.add(0xC_0000, 4 * PAGE, "shadow", read_only=True, backing=(shadow, 2 * PAGE))
    memory.write(0xC_0000, b"rom")
    twin = child_of(memory, template_of(memory))
    assert [(each.span, each.slot, each.name, each.read_only) for each in twin.regions] == [
        (each.span, each.slot, each.name, each.read_only) for each in memory.regions
    ]
    assert twin.read(0xC_0000, 3) == b"rom"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4 * MiB - 1), st.binary(min_size=1, max_size=3 * PAGE)), max_size=12))
def test_any_writes_are_there(writes):
    memory = GuestMemory()
    memory.add(0, 5 * MiB)
    for gpa, data in writes:
        memory.write(gpa, data)
    before = memory.read(0, 5 * MiB)
    template = template_of(memory)
    assert memory.read(0, 5 * MiB) == before
    assert child_of(memory, template).read(0, 5 * MiB) == before
