"""The I/O APIC in Python and the local APICs in the kernel, where the guests in guests/ do not go."""

from __future__ import annotations

from vmm.devices.ioapic import LEVEL, REMOTE_IRR

INDEX, WINDOW = 0xFEC0_0000, 0xFEC0_0010
INPUT, VECTOR = 5, 0x50
ENTRY = 0x10 + 2 * INPUT
SWITCH_ON = "mov $0xfee000f0, %eax \n movl $0x1ff, (%eax) \n 1: jmp 1b"


def route(machine, entry: int, destination: int) -> None:
    for index, value in ((ENTRY + 1, destination << 24), (ENTRY, entry)):
        machine.mmio.write(INDEX, 4, index)
        machine.mmio.write(WINDOW, 4, value)


def test_a_message_that_is_for_nobody_is_lost_and_blocks_nothing(guest):
    failures: list[str] = []
    machine = guest(SWITCH_ON, "protected", irqchip="split", warn=failures.append)
    machine.run(deadline=0.1)
    chip = machine.device("ioapic")
    route(machine, VECTOR | LEVEL, 9)
    chip.set_input(INPUT, True)
    assert machine.mmio.read(WINDOW, 4) == VECTOR | LEVEL
    route(machine, VECTOR | LEVEL, 0)
    assert machine.mmio.read(WINDOW, 4) == VECTOR | LEVEL | REMOTE_IRR
    assert failures == []


def test_lines_reach_both_the_old_controllers_and_the_new_one(guest):
    machine = guest("hlt", irqchip="split")
    machine.feed(b"x")
    machine.ports.write(0x3F9, 1, 1)
    machine.ports.write(0x3FC, 1, 8)
    machine.run(deadline=0.1)
    assert machine.device("pic").chip(0).irr == 1 << 4
    assert machine.device("ioapic").save().fields["lines"] == 1 << 4
