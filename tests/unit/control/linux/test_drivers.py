"""Which of Debian's modules go with which devices."""

from __future__ import annotations

import pytest

from vmm.control.linux.drivers import OF_FIELDS, of
from vmm.machine.config import MachineConfig


def test_none_without_devices_and_the_transport_first_with_some():
    assert of({}) == of({"virtio": "pci", "disks": (), "rng": False}) == ()
    assert of({"rng": True}) == ("virtio_mmio", "virtio_rng")
    assert of({"virtio": "pci", "disks": ("a", "b"), "vsock": "5,/v"}) == (
        "virtio_pci", "virtio_blk", "vmw_vsock_virtio_transport",
    )  # fmt: skip


def test_a_shared_directory_has_the_driver_of_its_server():
    assert of({"shares": ("/a", "/b:tag,ro")}) == ("virtio_mmio", "9pnet_virtio", "9p")
    assert of({"shares": ("/a,virtiofs",)}) == ("virtio_mmio", "virtiofs")
    assert of({"shares": ("/a:tag,virtiofs,ro", "/b")}) == ("virtio_mmio", "9pnet_virtio", "9p", "virtiofs")


@pytest.mark.parametrize("field", sorted(OF_FIELDS))
def test_each_goes_with_a_field_there_is(field):
    assert field in MachineConfig._fields
