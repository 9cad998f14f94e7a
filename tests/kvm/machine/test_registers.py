"""registers() and set_registers(), before, between and after runs."""

from __future__ import annotations

import pytest

from vmm import ConfigError

SPECIAL = {
    "cr0",
    "cr2",
    "cr3",
    "cr4",
    "cr8",
    "efer",
    "apic_base",
    "gdt",
    "idt",
    "cs",
    "ds",
    "es",
    "fs",
    "gs",
    "ss",
    "tr",
    "ldt",
}


@pytest.mark.parametrize(("mode", "rip"), [("real", 0x1000), ("protected", 0x10_0000), ("long", 0x10_0000)])
@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_the_first_state_can_be_read_before_the_first_run(guest, mode, rip, irqchip):
    machine = guest("hlt", mode, irqchip=irqchip)
    registers, special = machine.registers(), machine.special_registers()
    assert (registers["rip"], registers["rax"], registers["rflags"]) == (rip, 0, 2)
    assert special.keys() == SPECIAL
    assert special["cr0"] & 1 == (mode != "real")
    assert special["efer"] >> 10 & 1 == (mode == "long")
    assert special["cs"]["l"] == (mode == "long")
    assert machine.exits.total == 0
    assert machine.run(deadline=5.0).kind == "halted"
    assert machine.registers()["rip"] == rip + 1


def test_registers_set_before_the_run_are_the_guests(guest):
    machine = guest("add %bx, %ax \n hlt \n nop")
    machine.set_registers(rax=40, rbx=2)
    machine.run(deadline=5.0)
    assert machine.registers()["rax"] == 42
    other = guest("mov $1, %al \n hlt \n mov $2, %al \n hlt")
    other.set_registers(rip=0x1003)
    other.run(deadline=5.0)
    assert other.registers()["rax"] & 0xFF == 2


def test_all_sixty_four_bits_are_kept(guest):
    machine = guest("mov %rax, %r15 \n not %r15 \n hlt", "long")
    machine.set_registers(rax=0x8877665544332211)
    machine.run(deadline=5.0)
    assert machine.registers()["r15"] == 0x8877665544332211 ^ ((1 << 64) - 1)


def test_a_register_that_does_not_exist_is_named(guest):
    machine = guest("hlt")
    with pytest.raises(ConfigError, match="there is no eax"):
        machine.set_registers(eax=1)
    with pytest.raises(ConfigError, match="there is no xyz"):
        machine.set_registers(rax=1, xyz=2)
    machine.run(deadline=5.0)


@pytest.mark.parametrize("mode", ["real", "protected", "long"])
def test_rip_stands_after_the_debug_exit(guest, assemble, mode):
    text = "mov $5, %al \n out %al, $0xf4 \n mov $6, %al \n hlt"
    machine = guest(text, mode)
    machine.run(deadline=5.0)
    registers = machine.registers()
    assert registers["rip"] == machine.boot.entry + 4
    assert registers["rax"] & 0xFF == 5


@pytest.mark.parametrize("access", ["in $0x50, %al", "mov 0xd0200000, %al"])
def test_a_read_that_ended_the_run_is_complete(guest, access):
    machine = guest(f"{access} \n hlt", "protected", strict=True)
    assert machine.run(deadline=5.0).kind == "unclaimed"
    assert machine.registers()["rax"] & 0xFF == 0xFF
    assert machine.registers()["rip"] > machine.boot.entry


def test_registers_changed_after_a_deadline_take_effect(guest):
    machine = guest("1: test %eax, %eax \n jz 1b \n hlt", "protected")
    machine.run(deadline=0.01)
    assert machine.boot.entry <= machine.registers()["rip"] < machine.boot.entry + 4
    machine.set_registers(rax=1)
    assert machine.run(deadline=5.0).kind == "halted"


def test_registers_are_those_at_the_stop_inside_an_access(guest):
    machine = guest("mov $1, %ebx \n out %al, $0x50 \n mov $2, %ebx \n hlt", "protected")

    class Stopper:
        def write(self, offset, size, value):
            machine.stop()

    machine.ports.claim(0x50, 1, Stopper())
    machine.run(deadline=5.0)
    registers = machine.registers()
    assert (registers["rbx"], registers["rip"]) == (1, machine.boot.entry + 7)
    machine.set_registers(rbx=9, rip=machine.boot.entry + 12)
    assert machine.run(deadline=5.0).kind == "halted"
    assert machine.registers()["rbx"] == 9


def test_each_vcpu_has_registers_of_its_own(guest):
    machine = guest("mov %ebx, %ecx \n hlt", "protected", vcpus=3, irqchip="none")
    for vcpu in range(3):
        machine.set_registers(vcpu, rbx=10 * vcpu)
    machine.run(deadline=5.0)
    assert [machine.registers(vcpu)["rcx"] for vcpu in range(3)] == [0, 10, 20]
