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


@pytest.mark.parametrize("field", sorted(set(OF_FIELDS) - {"shares"}))
def test_each_goes_with_a_field_there_is(field):
    assert field in MachineConfig._fields
