"""Messages to local APICs in the kernel: each is one interrupt, whether it leaves by the ioctl or by an irqfd."""

from __future__ import annotations

import time

import pytest

from vmm.engine import kvm_messages
from vmm.engine.kvm_messages import BUSY

ADDRESS, VECTOR, COUNT = 0xFEE0_0000, 0x41, 0x18_0000
COUNTS = f"""
    mov $0xff, %al
    out %al, $0x21          # no line of the first PIC
    lidt descriptor
    mov $0xfee000f0, %eax
    movl $0x1ff, (%rax)     # the local APIC on
    sti
    1: jmp 1b
handler:
    incl {COUNT:#x}
    mov $0xfee000b0, %eax
    movl $0, (%rax)         # the interrupt's end
    iretq
    .balign 8
descriptor: .word {16 * (VECTOR + 1)} - 1
    .quad vectors
    .balign 16
vectors: .fill {2 * VECTOR}, 8, 0
    .word handler - _start, 8, 0x8e00, 0x10
    .quad 0
"""


@pytest.fixture
def counting(guest, soon):
    """counting(irqchip): a running guest that counts one message, and a function that sends it and sees it counted."""

    def counting(irqchip):
        machine = guest(COUNTS, "long", irqchip=irqchip)
        machine.start(deadline=60.0)
        engine = machine._engine

        def count() -> int:
            return machine.memory.read_int(COUNT, 4)

        assert soon(lambda: engine.send_message(ADDRESS, VECTOR) and count())

        def send() -> None:
            before = count()
            engine.send_message(ADDRESS, VECTOR)
            assert soon(lambda: count() > before)

        return machine, engine, send

    return counting


def make_busy(engine, vector: int = VECTOR) -> None:
    for _ in range(BUSY):
        engine.send_message(ADDRESS, vector)


@pytest.mark.parametrize("irqchip", ["split", "kernel"])
def test_none_is_lost_when_they_become_many_and_when_the_state_is_taken(counting, irqchip, tmp_path):
    machine, engine, send = counting(irqchip)
    for irqfds in (1, 0, 1):
        if irqfds:
            make_busy(engine)
        else:
            machine.snapshot(str(tmp_path / "state"))
        assert engine._messages.irqfds == irqfds
        time.sleep(0.01)  # what was sent above is counted
        for _ in range(20):
            send()


def test_other_routes_stand_beside_those_of_messages(counting):
    _, engine, send = counting("split")
    make_busy(engine)
    engine.local_apics.watch([(ADDRESS, VECTOR + 1)])
    send()
    _, engine, send = counting("kernel")
    make_busy(engine)
    engine.irqchip.set_input(4, True)
    assert engine.vm.get_irqchip(0).chip.pic.irr & 1 << 4
    send()


def test_a_guest_that_uses_every_vector_has_no_more_irqfds_than_there_are(guest, monkeypatch):
    monkeypatch.setattr(kvm_messages, "MOST", 4)
    engine = guest("hlt", irqchip="split")._engine
    for vector in range(0x20, 0x28):
        make_busy(engine, vector)
    assert engine._messages.irqfds == 4
