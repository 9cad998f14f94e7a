"""Memory slots, and the three ways to hear of a guest's writes: dirty bitmap, dirty ring, coalesced ring."""

from __future__ import annotations

import os

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]
WRITES_TWO_PAGES = "c6060050aa c6060090bb f4"  # mov byte [0x5000],0xaa; mov byte [0x9000],0xbb; hlt


def pages(bitmap):
    return {page for page in range(16) if bitmap[page // 8] >> page % 8 & 1}


def test_slots_that_overlap_are_refused_with_a_hint(guest):
    with pytest.raises(KvmError, match=r"KVM_SET_USER_MEMORY_REGION on a vm fd: EEXIST .*overlaps"):
        guest.vm.set_user_memory_region(1, 0, 0x8000, 0x1000, guest.hva)
    with pytest.raises(KvmError, match=r"EINVAL .*multiples of 4096"):
        guest.vm.set_user_memory_region(1, 0, 0x100000, 0x123, guest.hva)


def test_the_dirty_log_tells_the_pages_written_once(bare):
    bare.map_memory(lib.KVM_MEM_LOG_DIRTY_PAGES)
    vcpu = bare.enter(WRITES_TWO_PAGES)
    bitmap = ffi.new("__u8[8]")
    bare.vm.get_dirty_log(0, bitmap)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT
    bare.vm.get_dirty_log(0, bitmap)
    assert {5, 9} <= pages(bitmap) <= {1, 5, 9}
    bare.vm.get_dirty_log(0, bitmap)
    assert pages(bitmap) == set()


def test_a_log_of_a_slot_without_logging_says_so(guest):
    with pytest.raises(KvmError, match=r"KVM_GET_DIRTY_LOG on a vm fd: ENOENT .*KVM_MEM_LOG_DIRTY_PAGES"):
        guest.vm.get_dirty_log(0, ffi.new("__u8[8]"))


def test_with_manual_protection_the_log_stands_until_cleared(bare, need):
    need("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2")
    bare.vm.enable_cap(lib.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, args=(lib.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,))
    bare.map_memory(lib.KVM_MEM_LOG_DIRTY_PAGES)
    assert bare.enter(WRITES_TWO_PAGES).run_once() == lib.KVM_EXIT_HLT
    bitmap = ffi.new("__u8[8]")
    for _ in range(2):
        bare.vm.get_dirty_log(0, bitmap)
        assert {5, 9} <= pages(bitmap)
    bare.vm.clear_dirty_log(0, 0, 16, bitmap)
    bare.vm.get_dirty_log(0, bitmap)
    assert pages(bitmap) == set()


def test_the_dirty_ring_lists_the_pages_in_order(bare, need):
    need("KVM_CAP_DIRTY_LOG_RING")
    size = 4096 * ffi.sizeof("struct kvm_dirty_gfn")
    bare.vm.enable_cap(lib.KVM_CAP_DIRTY_LOG_RING, args=(size,))
    bare.map_memory(lib.KVM_MEM_LOG_DIRTY_PAGES)
    vcpu = bare.enter(WRITES_TWO_PAGES)
    ring = vcpu.map_dirty_ring(size)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT
    seen = []
    while ring[len(seen)].flags & lib.KVM_DIRTY_GFN_F_DIRTY:
        ring[len(seen)].flags = lib.KVM_DIRTY_GFN_F_RESET
        seen.append(ring[len(seen)].offset)
    assert [page for page in seen if page != 1] == [5, 9]
    assert bare.vm.reset_dirty_rings() == len(seen)


def test_port_writes_are_coalesced_into_the_ring(guest, need):
    need("KVM_CAP_COALESCED_PIO")
    vcpu = guest.enter("b90500 b000 e670 fec0 e2fa f4")  # mov cx,5; mov al,0; again: out 0x70,al; inc al; loop again
    guest.vm.register_coalesced_mmio(0x70, 1, pio=True)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT
    ring = vcpu.coalesced_ring()
    assert (ring.first, ring.last) == (0, 5)
    entries = ring.coalesced_mmio[0:5]
    assert [(e.phys_addr, e.len, e.pio, e.data[0]) for e in entries] == [(0x70, 1, 1, i) for i in range(5)]
    guest.vm.unregister_coalesced_mmio(0x70, 1, pio=True)


def test_a_slot_with_guest_memfd_wherever_the_kernel_has_it(guest, need):
    need("KVM_CAP_GUEST_MEMFD", "KVM_CAP_USER_MEMORY2")
    fd = guest.vm.create_guest_memfd(0x4000)
    try:
        assert os.fstat(fd).st_size == 0x4000
    finally:
        os.close(fd)
    guest.vm.set_user_memory_region2(1, 0, 0x100000, 0x1000, guest.hva)
    guest.vm.set_user_memory_region2(1, 0, 0x100000, 0, guest.hva)
    with pytest.raises(KvmError, match=r"KVM_CREATE_GUEST_MEMFD on a vm fd: EINVAL .*multiple of 4096"):
        guest.vm.create_guest_memfd(123)
