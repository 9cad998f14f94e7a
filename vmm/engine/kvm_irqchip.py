"""Interrupt controllers inside the kernel: all of a PC's with its PIT, or the local APICs alone.

Created after the memory slots: a slot added later costs ten times as much.
Source: Documentation/virt/kvm/api.rst, KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2, KVM_IRQ_LINE, KVM_CAP_SPLIT_IRQCHIP,
KVM_SET_GSI_ROUTING.
"""

from __future__ import annotations

import errno
from _thread import allocate_lock

from kvm_bindings import lib
from kvm_bindings.errors import KvmError

from ..errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from kvm_bindings.vm import Vm

MESSAGES = 48
"""How many may be watched: two for each input of an I/O APIC."""

PINS = (
    *((gsi, lib.KVM_IRQCHIP_PIC_SLAVE if gsi > 7 else lib.KVM_IRQCHIP_PIC_MASTER, gsi % 8) for gsi in range(16)),
    *((gsi, lib.KVM_IRQCHIP_IOAPIC, gsi) for gsi in range(24)),
)
"""Where KVM leads GSIs by itself when all controllers are its own."""


class Routes:
    """Where the GSIs of a VM lead: some to what was there first, those from MESSAGES on to a message each. KVM takes
    the table as a whole."""

    def __init__(self, vm: Vm, first: Sequence[tuple[int, ...]] = ()) -> None:
        """`first` is what KVM's own table has."""
        self._vm = vm
        self._lock = allocate_lock()
        self._first = first
        self._messages: list[tuple[int, ...]] = []

    def lead(self, routes: Sequence[tuple[int, ...]]) -> None:
        """The first GSIs lead there from now on. Any thread."""
        with self._lock:
            self._first = routes
            self._tell()

    def add(self, address: int, data: int) -> int:
        """The GSI that leads to this message from now on. Any thread."""
        with self._lock:
            gsi = MESSAGES + len(self._messages)
            self._messages.append(_route(gsi, address, data))
            self._tell()
            return gsi

    def _tell(self) -> None:
        self._vm.set_gsi_routing([*self._first, *self._messages])


class KernelIrqchip:
    """PIC pair, I/O APIC and local APICs: takes the level of a GSI to them."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self.routes = Routes(vm, PINS)
        vm.create_irqchip()
        vm.create_pit2(lib.KVM_PIT_SPEAKER_DUMMY)

    def set_input(self, gsi: int, level: bool) -> None:
        """KVM_IRQ_LINE."""
        self._vm.irq_line(gsi, int(level))


class LocalApics:
    """The local APICs alone: takes messages to them, and tells of the ends of those interrupts that are watched."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        if not vm.check_extension(lib.KVM_CAP_SPLIT_IRQCHIP):
            raise HostError("this host's KVM keeps no local APICs without the rest (Linux 4.5)", "use irqchip kernel")
        vm.enable_split_irqchip(MESSAGES)
        self.routes = Routes(vm)
        self.ended: Callable[[int], None] = lambda vector: None
        """Told on a vCPU's thread that its guest has ended the interrupt of that vector."""

    def send(self, address: int, data: int) -> bool:
        """See send() below."""
        return send(self._vm, address, data)

    def watch(self, messages: Collection[tuple[int, int]]) -> None:
        """Has the ends of these (address, data) told, and no others.

        By KVM_SET_GSI_ROUTING: KVM reads from the routes of the first GSIs, a message each, which vectors' ends are
        worth an exit, and on which vCPUs. Before Linux 6.15 it forgets an interrupt in service that no route leads to
        any more: hence messages and not inputs.
        """
        self.routes.lead([_route(gsi, address, data) for gsi, (address, data) in enumerate(messages)])


def _route(gsi: int, address: int, data: int) -> tuple[int, ...]:
    return gsi, address & 0xFFFF_FFFF, address >> 32, data


def send(vm: Vm, address: int, data: int) -> bool:
    """KVM_SIGNAL_MSI; whether a local APIC took it. Any thread."""
    try:
        return vm.signal_msi(address & 0xFFFF_FFFF, address >> 32, data) > 0
    except KvmError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):  # KVM's words for a message that is addressed to nobody
            raise
        return False
