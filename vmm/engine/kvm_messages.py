"""Messages (MSI) to the local APICs: by KVM_SIGNAL_MSI, and one that is sent often by an irqfd of its own.

A write to an eventfd takes 0.6 us and the ioctl 1.4; but a route takes up to a millisecond to make, for KVM waits until
nobody reads the old table, and an irqfd two to give back. So what is sent BUSY times has earned them.
Source: Documentation/virt/kvm/api.rst, KVM_SIGNAL_MSI, KVM_IRQFD, KVM_SET_GSI_ROUTING.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

from .kvm_irqchip import send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kvm_bindings.vm import Vm

    from .kvm_eventfds import Eventfds
    from .kvm_irqchip import Routes

    Message = tuple[int, int]
    """(address, data)."""

BUSY = 1000
MOST = 64
"""Irqfds. A guest that goes on moving its interrupts about has the newest sent by the ioctl."""


class Messages:
    """Those of one VM."""

    def __init__(self, vm: Vm, routes: Routes, events: Eventfds) -> None:
        self._vm = vm
        self._routes = routes
        self._events = events
        self._fds: dict[Message, int] = {}
        self._gsis: dict[Message, int] = {}
        """Whose routes stand, with an irqfd or without."""
        self._sent: dict[Message, int] = {}
        """How often, by ioctl."""
        self._lock = allocate_lock()

    def send(self, address: int, data: int) -> bool:
        """See protocol.Engine.send_message."""
        message = (address, data)
        fd = self._fds.get(message)
        if fd is not None:
            os.eventfd_write(fd, 1)
            return True
        sent = self._sent[message] = self._sent.get(message, 0) + 1
        if sent == BUSY:
            self._give_irqfd(message)
        elif len(self._sent) > MOST * 4:
            self._sent.clear()  # whose guest counts through all there are
        return send(self._vm, address, data)

    def _give_irqfd(self, message: Message) -> None:
        with self._lock:
            gsi = self._gsis.get(message)
            if message in self._fds:
                return  # another thread has counted it, too
            if gsi is None:
                if len(self._gsis) == MOST:
                    return
                gsi = self._gsis[message] = self._routes.add(*message)
            self._fds[message] = self._events.interrupt(gsi)

    @property
    def irqfds(self) -> int:
        """How many messages leave by one."""
        return len(self._fds)

    def settle(self) -> None:
        """Every message that was sent is with its local APIC; while nobody sends. KVM leaves some of an irqfd's to a
        thread of its own, which it waits for when the irqfd is taken back."""
        for message, fd in self._fds.items():
            self._events.remove_interrupt(fd, self._gsis[message])
        self._fds.clear()
        self._sent.clear()
