"""Claims that come and go while the machine runs."""

from __future__ import annotations

import pytest

from vmm import Device

TWICE = (
    "mov $0x600, %dx \n in (%dx), %al \n mov %al, 0x3000 \n out %al, $0x50 \n in (%dx), %al \n mov %al, 0x3001 \n hlt"
)
"""Reads port 0x600 into 0x3000 and 0x3001, and between the two accesses port 0x50."""


class Constant(Device):
    def __init__(self, value):
        self.value = value

    def read(self, offset, size):
        return self.value


class Switch(Device):
    """Does something at every write."""

    def __init__(self, action):
        self.action = action

    def write(self, offset, size, value):
        self.action()


def run(machine):
    assert machine.run(deadline=5.0).kind == "halted"
    return machine.memory.read(0x3000, 2)


def test_a_device_plugged_in_between_two_accesses_answers_the_second(guest):
    machine = guest(TWICE)
    machine.ports.claim(0x50, 1, Switch(lambda: machine.ports.claim(0x600, 1, Constant(7))))
    assert run(machine) == b"\xff\x07"


def test_a_device_pulled_between_two_accesses_is_asked_no_more(guest):
    machine = guest(TWICE)
    claim = machine.ports.claim(0x600, 1, Constant(7))
    machine.ports.claim(0x50, 1, Switch(lambda: machine.ports.release(claim)))
    assert run(machine) == b"\x07\xff"


def test_a_device_may_be_exchanged_for_another(guest):
    machine = guest(TWICE)
    claim = machine.ports.claim(0x600, 1, Constant(7))

    def exchange():
        machine.ports.release(claim)
        machine.ports.claim(0x600, 1, Constant(8))

    machine.ports.claim(0x50, 1, Switch(exchange))
    assert run(machine) == b"\x07\x08"


def test_a_device_may_pull_itself(guest):
    machine = guest("mov $0x600, %dx \n out %al, (%dx) \n in (%dx), %al \n mov %al, 0x3000 \n hlt")
    claims = []
    claims.append(machine.ports.claim(0x600, 1, Switch(lambda: machine.ports.release(claims[0]))))
    assert run(machine)[:1] == b"\xff"
    with pytest.raises(KeyError):
        machine.ports.release(claims[0])


@pytest.mark.parametrize("vcpus", [1, 2])
def test_another_thread_may_exchange_a_device_while_the_guest_reads_it(guest, soon, vcpus):
    machine = guest("mov $0x600, %edx \n 1: in (%dx), %al \n mov %al, 0x3000(%ebx) \n jmp 1b", "protected", vcpus=vcpus)
    claim = machine.ports.claim(0x600, 1, Constant(0))
    machine.start()
    for value in range(1, 100):
        machine.ports.release(claim)
        claim = machine.ports.claim(0x600, 1, Constant(value))
        assert soon(lambda value=value: machine.memory.read(0x3000, vcpus) == bytes([value] * vcpus)), value
    machine.stop()
    assert machine.wait(5).kind == "stopped"
