"""eventfds in both directions, interrupt lines, routes and messages, with interrupt controllers in the kernel."""

from __future__ import annotations

import os

import pytest

from kvm_bindings import lib
from kvm_bindings.errors import KvmError

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]
# The first PIC: vectors from 0x20, nothing masked; then out 0x98,al; sti; hlt
WAITS_FOR_AN_INTERRUPT = "b011e620 b020e621 b004e621 b001e621 b000e621 e698 fb f4"
HANDLER = "e699 f4"  # out 0x99,al; hlt


@pytest.fixture
def waiting(guest, need):
    """A guest that will halt until IRQ 4, and tells of it at port 0x99."""
    need("KVM_CAP_IRQCHIP")
    guest.vm.create_irqchip()
    guest.set_vector(0x24, HANDLER)
    assert guest.enter(WAITS_FOR_AN_INTERRUPT).run_once() == lib.KVM_EXIT_IO
    assert guest.vcpu.run.io.port == 0x98
    return guest


def assert_interrupted(guest):
    assert guest.vcpu.run_once() == lib.KVM_EXIT_IO
    assert guest.vcpu.run.io.port == 0x99


def test_a_line_interrupts_the_guest(waiting):
    waiting.vm.irq_line(4, 0)
    waiting.vm.irq_line(4, 1)
    assert_interrupted(waiting)


def test_a_line_tells_whether_it_got_through(waiting, need):
    need("KVM_CAP_IRQ_INJECT_STATUS")
    assert waiting.vm.irq_line_status(4, 1) >= 0
    assert_interrupted(waiting)


def test_a_write_to_an_irqfd_interrupts_the_guest(waiting, need):
    need("KVM_CAP_IRQFD")
    fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        waiting.vm.irqfd(fd, 4)
        os.eventfd_write(fd, 1)
        assert_interrupted(waiting)
        with pytest.raises(KvmError, match=r"KVM_IRQFD on a vm fd: EBUSY .*drives a GSI already"):
            waiting.vm.irqfd(fd, 5)
        waiting.vm.irqfd(fd, 4, lib.KVM_IRQFD_FLAG_DEASSIGN)
    finally:
        os.close(fd)


def test_a_route_leads_a_gsi_to_another_pin(waiting, need):
    need("KVM_CAP_IRQ_ROUTING")
    waiting.vm.set_gsi_routing([(30, lib.KVM_IRQCHIP_PIC_MASTER, 4), (31, 0xFEE00000, 0, 0x24)])
    waiting.vm.irq_line(30, 1)
    assert_interrupted(waiting)


def test_lines_without_an_irqchip_say_what_is_missing(guest):
    with pytest.raises(KvmError, match=r"KVM_IRQ_LINE on a vm fd: ENXIO .*no irqchip in the kernel"):
        guest.vm.irq_line(4, 1)


def test_an_interrupt_with_an_irqchip_says_what_to_use(waiting):
    with pytest.raises(KvmError, match=r"KVM_INTERRUPT on a vcpu fd: ENXIO .*KVM_IRQ_LINE"):
        waiting.vcpu.interrupt(0x24)


def test_a_message_reaches_an_enabled_local_apic(guest, need):
    need("KVM_CAP_SIGNAL_MSI", "KVM_CAP_SPLIT_IRQCHIP")
    guest.vm.enable_split_irqchip()
    guest.set_vector(0x24, HANDLER)
    vcpu = guest.enter("fb f4")
    lapic = vcpu.get_lapic()
    lapic.regs[0xF1] = b"\x01"  # the spurious vector register's enable bit
    vcpu.set_lapic(lapic)
    assert guest.vm.signal_msi(0xFEE00000, 0, 0x24) > 0
    assert_interrupted(guest)


def test_a_port_write_signals_an_ioeventfd_without_an_exit(guest, need):
    need("KVM_CAP_IOEVENTFD")
    vcpu = guest.enter("b007 e640 b008 e640 f4")  # mov al,7; out 0x40,al; mov al,8; out 0x40,al; hlt
    fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    flags = lib.KVM_IOEVENTFD_FLAG_PIO | lib.KVM_IOEVENTFD_FLAG_DATAMATCH
    try:
        guest.vm.ioeventfd(fd, 0x40, 1, flags, datamatch=7)
        with pytest.raises(KvmError, match=r"KVM_IOEVENTFD on a vm fd: EEXIST"):
            guest.vm.ioeventfd(fd, 0x40, 1, flags, datamatch=7)
        assert vcpu.run_once() == lib.KVM_EXIT_IO
        assert bytes(vcpu.pio_data()) == b"\x08"  # the value that does not match exits
        assert os.eventfd_read(fd) == 1
        guest.vm.ioeventfd(fd, 0x40, 1, flags | lib.KVM_IOEVENTFD_FLAG_DEASSIGN, datamatch=7)
        assert vcpu.run_once() == lib.KVM_EXIT_HLT
    finally:
        os.close(fd)


def test_an_mmio_write_signals_an_ioeventfd(guest, need):
    need("KVM_CAP_IOEVENTFD")
    vcpu = guest.enter("b80020 8ed8 c60634127e f4")  # mov byte [0x21234],0x7e
    fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        guest.vm.ioeventfd(fd, 0x21234, 1)
        assert vcpu.run_once() == lib.KVM_EXIT_HLT
        assert os.eventfd_read(fd) == 1
    finally:
        os.close(fd)
