"""VMs come and go without leaving file descriptors or mappings behind."""

from __future__ import annotations

import gc
import os

import pytest

from kvm_bindings import ffi, lib

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(60)]


def held():
    with open("/proc/self/maps") as maps:
        return len(os.listdir("/proc/self/fd")), sum("kvm" in line for line in maps)


def test_fifty_vms_closed_leave_nothing(system):
    before = held()
    for _ in range(50):
        with system.create_vm() as vm, vm.create_vcpu(0) as first, vm.create_vcpu(1) as second:
            assert first.run.immediate_exit == second.run.immediate_exit == 0
    assert held() == before


def test_fifty_vms_forgotten_leave_nothing(system):
    before = held()
    for _ in range(50):
        system.create_vm().create_vcpu(0)
    gc.collect()
    assert held() == before


def test_the_dirty_ring_is_unmapped_with_its_vcpu(system, need):
    need("KVM_CAP_DIRTY_LOG_RING")
    before = held()
    for _ in range(10):
        with system.create_vm() as vm:
            vm.enable_cap(lib.KVM_CAP_DIRTY_LOG_RING, args=(65536,))
            with vm.create_vcpu(0) as vcpu:
                assert vcpu.map_dirty_ring(65536) == vcpu.map_dirty_ring(65536)
    assert held() == before


def test_a_vcpu_that_cannot_be_mapped_leaves_no_fd(system):
    before = held()
    with system.create_vm() as vm:
        vm.vcpu_mmap_size = 0
        with pytest.raises(OSError, match="mmap on a vcpu fd: EINVAL"):
            vm.create_vcpu(0)
    assert held() == before


def test_fds_are_not_inherited(system):
    with system.create_vm() as vm, vm.create_vcpu(0) as vcpu:
        assert not any(os.get_inheritable(fd) for fd in (system.fd, vm.fd, vcpu.fd))
        assert vcpu.fileno() == vcpu.fd
        assert ffi.typeof(vcpu.run) is ffi.typeof("struct kvm_run *")
