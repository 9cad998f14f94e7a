"""A device inside the kernel, made by Vm.create_device; all it has is attributes."""

from __future__ import annotations

from .descriptor import Descriptor


class Device(Descriptor):
    """The fd of one in-kernel device. Its attributes: {has,get,set}_device_attr."""

    kind = "device"
