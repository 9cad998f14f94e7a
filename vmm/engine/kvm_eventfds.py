"""Doorbells and interrupts without an exit: eventfds that KVM writes for a guest, and others that it reads for us.

Source: Documentation/virt/kvm/api.rst, KVM_IOEVENTFD, KVM_IRQFD, KVM_SET_GSI_ROUTING.
"""

from __future__ import annotations

import os

from kvm_bindings import lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings.vm import Vm


class Eventfds:
    """Those of one VM."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._fds: list[int] = []
        self._doorbells: dict[int, tuple[int, int, int, int]] = {}

    def doorbell(self, address: int, size: int, value: int | None) -> int:
        """See protocol.Engine."""
        fd = self._new()
        match, flags = (0, 0) if value is None else (value, lib.KVM_IOEVENTFD_FLAG_DATAMATCH)
        self._vm.ioeventfd(fd, address, size, flags, match)
        self._doorbells[fd] = (address, size, flags, match)
        return fd

    def remove_doorbell(self, fd: int) -> None:
        """See protocol.Engine."""
        address, size, flags, match = self._doorbells.pop(fd)
        self._vm.ioeventfd(fd, address, size, flags | lib.KVM_IOEVENTFD_FLAG_DEASSIGN, match)
        self._fds.remove(fd)
        os.close(fd)

    def interrupt(self, gsi: int) -> int:
        """See protocol.Engine."""
        fd = self._new()
        self._vm.irqfd(fd, gsi)
        return fd

    def remove_interrupt(self, fd: int, gsi: int) -> None:
        """Ends that, and closes the eventfd. What was written to it has reached the guest's interrupt controllers."""
        self._vm.irqfd(fd, gsi, lib.KVM_IRQFD_FLAG_DEASSIGN)
        self._fds.remove(fd)
        os.close(fd)

    def _new(self) -> int:
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._fds.append(fd)
        return fd

    def close(self) -> None:
        """Gives the fds back, once the VM is gone."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
