"""What all KVM file descriptors share: a number, a certain end, ioctls that raise KvmError, and device attributes."""

from __future__ import annotations

import os

from ._kvm import ffi, lib
from .errors import KvmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from ._kvm import CData

_ioctl_int = lib.kvm_ioctl_int
_ioctl_ptr = lib.kvm_ioctl_ptr
_close_fd = os.close


class Descriptor:
    """Owner of one KVM fd. `fd` is -1 once closed: later calls fail with EBADF instead of hitting a stranger."""

    kind = ""
    """The kind of fd in the kernel's hierarchy: "system", "vm", "vcpu" or "device"."""
    fd = -1

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def fileno(self) -> int:
        """The fd's number, for select and friends."""
        return self.fd

    def close(self) -> None:
        """Closes the fd. Legal twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            _close_fd(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self.fd >= 0:
            self.close()

    def ioctl_int(self, name: str, argument: int = 0) -> int:
        """The ioctl of that kernel name with a number as argument; its answer, or KvmError."""
        answer = _ioctl_int(self.fd, getattr(lib, name), argument)
        if answer < 0:
            raise KvmError(name, self.kind, -answer)
        return answer

    def ioctl_ptr(self, name: str, argument: CData) -> int:
        """The ioctl of that kernel name with a pointer as argument; its answer, or KvmError."""
        answer = _ioctl_ptr(self.fd, getattr(lib, name), argument)
        if answer < 0:
            raise KvmError(name, self.kind, -answer)
        return answer

    def fill(self, name: str, struct: CData) -> CData:
        """The same, giving the struct that the kernel has filled in."""
        self.ioctl_ptr(name, struct)
        return struct

    def has_device_attr(self, group: int, attr: int, flags: int = 0) -> bool:
        """KVM_HAS_DEVICE_ATTR: whether this fd has that attribute."""
        try:
            self.ioctl_ptr("KVM_HAS_DEVICE_ATTR", ffi.new("struct kvm_device_attr *", (flags, group, attr, 0)))
        except KvmError as error:
            if error.errno_name == "ENXIO":
                return False
            raise
        return True

    def get_device_attr(self, group: int, attr: int, into: CData, flags: int = 0) -> CData:
        """KVM_GET_DEVICE_ATTR: the attribute's value, written to where `into` points."""
        address = int(ffi.cast("uintptr_t", into))
        self.ioctl_ptr("KVM_GET_DEVICE_ATTR", ffi.new("struct kvm_device_attr *", (flags, group, attr, address)))
        return into

    def set_device_attr(self, group: int, attr: int, value: CData, flags: int = 0) -> None:
        """KVM_SET_DEVICE_ATTR: takes the value from where `value` points; NULL for attributes that have none."""
        address = int(ffi.cast("uintptr_t", value))
        self.ioctl_ptr("KVM_SET_DEVICE_ATTR", ffi.new("struct kvm_device_attr *", (flags, group, attr, address)))
