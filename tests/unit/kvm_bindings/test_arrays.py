"""Structs with an array at the end, from Python sequences and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvm_bindings import arrays, ffi, lib

u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)


@settings(max_examples=50)
@given(st.lists(st.tuples(*[u32] * 7), max_size=20))
def test_cpuid_entries_come_back_as_they_went_in(entries):
    cpuid = arrays.new_cpuid2(entries)
    assert cpuid.nent == len(entries)
    assert arrays.cpuid2_entries(cpuid) == entries


@settings(max_examples=50)
@given(st.dictionaries(u32, u64, max_size=20))
def test_msr_values_come_back_as_they_went_in(values):
    msrs = arrays.new_msrs(values)
    assert msrs.nmsrs == len(values)
    assert arrays.msr_values(msrs, len(values)) == values


def test_only_the_msrs_that_the_kernel_did_are_given():
    assert arrays.msr_values(arrays.new_msrs({1: 10, 2: 20, 3: 30}), 2) == {1: 10, 2: 20}


@settings(max_examples=50)
@given(st.lists(st.one_of(st.tuples(u32, u32, u32), st.tuples(u32, u32, u32, u32)), max_size=20))
def test_routes_to_pins_and_messages_come_back_as_they_went_in(routes):
    routing = arrays.new_irq_routing(routes)
    assert routing.nr == len(routes)
    assert arrays.irq_routes(routing) == routes
    for entry, route in zip(routing.entries[0 : routing.nr], routes, strict=True):
        assert entry.type == (lib.KVM_IRQ_ROUTING_IRQCHIP if len(route) == 3 else lib.KVM_IRQ_ROUTING_MSI)


@given(st.sets(st.integers(1, 64)))
def test_a_signal_mask_blocks_the_signals_given(signals):
    mask = arrays.new_signal_mask(signals)
    assert mask.len == 8
    assert arrays.blocked_signals(mask) == signals


def test_room_for_the_kernel_is_announced():
    assert arrays.empty_cpuid2(100).nent == 100
    assert ffi.sizeof(arrays.empty_cpuid2(100)[0]) >= 100 * ffi.sizeof("struct kvm_cpuid_entry2")
    msr_list = arrays.empty_msr_list(3)
    assert msr_list.nmsrs == 3
    msr_list.indices[1] = 0x174
    assert arrays.msr_indices(msr_list) == [0, 0x174, 0]


def test_a_msr_filter_points_to_its_bitmaps():
    wanted, bitmaps = arrays.new_msr_filter([(lib.KVM_MSR_FILTER_READ, 0x100, b"\x0f\0")], default_deny=True)
    assert wanted.flags == lib.KVM_MSR_FILTER_DEFAULT_DENY
    first = wanted.ranges[0]
    assert (first.flags, first.base, first.nmsrs) == (lib.KVM_MSR_FILTER_READ, 0x100, 16)
    assert first.bitmap == bitmaps[0]
    assert first.bitmap[0] == 0x0F
    assert wanted.ranges[1].nmsrs == 0


def test_more_ranges_than_a_filter_has_are_refused():
    with pytest.raises(ValueError, match="at most 16 ranges, 17 came"):
        arrays.new_msr_filter([(1, 0, b"\0")] * 17)
