"""A machine's state taken and put back: into the machine itself and into a new one, in the middle of what it does."""

from __future__ import annotations

import contextlib
import os

import pytest
from in_motion import ECHO, ENDS, IRQCHIPS, TICK, TICKS, assert_equal, counted, run_until

from vmm import Device, Machine, SnapshotError, StateError
from vmm.engine.kvm_pages import lay_over
from vmm.memory import image


@pytest.fixture
def twin():
    """twin(machine) is a new machine with its state and a copy-on-write view of its memory."""
    with contextlib.ExitStack() as stack:

        def make(machine: Machine, **options) -> Machine:
            content = image.FileImage(os.memfd_create("memory"), map(len, machine.memory.mappings))
            stack.callback(content.close)
            image.write(machine.memory, content.fd)
            made = Machine.made_from(machine.capture(), lambda memory: lay_over(memory, content), **options)
            return stack.enter_context(made)

        yield make


@pytest.mark.parametrize("irqchip", IRQCHIPS)
@pytest.mark.parametrize("how", ["hlt", ""], ids=["asleep", "spinning"])
def test_a_new_machine_counts_on_where_the_other_stood(guest, twin, soon, irqchip, how):
    machine = guest(TICK.replace("WAIT", how), irqchip=irqchip)
    seen = run_until(machine, soon, lambda: machine.memory.read_int(0x3000, 2))
    assert seen < TICKS
    other = twin(machine)
    assert_equal(machine, other)
    assert other.run(deadline=20.0).value in ENDS
    assert machine.memory.read_int(0x3000, 2) == seen
    assert machine.run(deadline=20.0).value in ENDS


@pytest.mark.parametrize("irqchip", IRQCHIPS)
def test_a_machine_that_has_ended_goes_back_and_runs_again(guest, soon, irqchip):
    machine = guest(TICK.replace("WAIT", "hlt"), irqchip=irqchip)
    run_until(machine, soon, lambda: machine.memory.read_int(0x3000, 2))
    state, low = machine.capture(), machine.memory.read(0, 0x10000)
    for _ in range(3):
        assert machine.run(deadline=20.0).value in ENDS
        assert machine.state == "ended"
        machine.put_back(state)
        machine.memory.write(0, low)
        assert machine.memory.read_int(0x3000, 2) < TICKS


@pytest.mark.parametrize("irqchip", ["user", "split"])
def test_an_interrupt_on_its_way_into_the_guest_is_part_of_the_state(guest, twin, irqchip):
    machine = guest(TICK.replace("WAIT", ""), irqchip=irqchip)
    acknowledge = machine.vcpus[0].acknowledge

    def stopping() -> int:
        vector = acknowledge()
        machine.stop()  # before an entry that would deliver it
        return vector

    machine.vcpus[0].acknowledge = stopping
    assert machine.run(deadline=5.0).kind == "stopped"
    assert machine.memory.read_int(0x3000, 2) == 0
    other = twin(machine)
    assert other.run(deadline=20.0).value in ENDS


@pytest.mark.parametrize("irqchip", [*IRQCHIPS, "none"])
def test_an_echo_goes_on_in_the_middle_of_a_line(guest, twin, irqchip):
    machine = guest(ECHO, irqchip=irqchip)
    machine.feed(b"half a ")
    machine.run(deadline=0.3)
    assert machine.console_output == b"half a "
    machine.feed(b"line")  # taken in with the state: nothing that was typed is lost
    other = twin(machine)
    assert_equal(machine, other)
    other.feed(b" there\n")
    assert other.run(deadline=10.0).value == 0x42
    assert other.console_output == b"line there\n"
    machine.feed(b" here\n")
    assert machine.run(deadline=10.0).value == 0x42
    assert machine.console_output == b"half a line here\n"


class Stopper(Device):
    """Ends the run in the middle of a read."""

    machine: Machine

    def read(self, offset: int, size: int) -> int:
        self.machine.stop()
        return 0x5A


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
def test_a_read_under_way_is_complete_in_the_state(guest, twin, irqchip):
    machine = guest("in $0x50, %al \n inc %al \n out %al, $0xf4", irqchip=irqchip)
    stopper = Stopper()
    stopper.machine = machine
    machine.ports.claim(0x50, 1, stopper)
    assert machine.run(deadline=5.0).kind == "stopped"
    assert machine.registers()["rax"] & 0xFF == 0x5A
    other = twin(machine, set_up=lambda new: new.ports.claim(0x50, 1, Stopper()))
    assert other.run(deadline=5.0).value == 0x5B


def test_devices_of_the_users_own_are_saved_and_must_be_there_again(guest, twin):
    class Counter(Device):
        name = "counter"
        count = 0

        def write(self, offset: int, size: int, value: int) -> None:
            self.count += value

        def save(self):
            return super().save().__class__("vmm.counter", 1, {"count": self.count})

        def load(self, state):
            self.count = state.expect("vmm.counter", 1, ["count"])["count"]

    machine = guest("1: mov $7, %al \n out %al, $0x50 \n in $0x51, %al \n jmp 1b")
    machine.ports.claim(0x50, 1, Counter())
    machine.on_exit("device=counter", lambda *access: machine.stop())
    machine.run(deadline=5.0)
    copy = Counter()
    twin(machine, set_up=lambda new: new.ports.claim(0x50, 1, copy))
    assert copy.count == 7
    with pytest.raises(SnapshotError, match="counter missing here"):
        twin(machine)


@pytest.mark.parametrize("irqchip", ["user", "none"])
def test_two_vcpus_go_on_each_from_its_own_place(guest, twin, soon, irqchip):
    text = """
        mov %ebx, %ecx
        shl $2, %ebx
    1:  incl 0x3000(%ebx)
        cmpl $0, 0x3010
        je 1b
        test %ecx, %ecx
        jnz 2f
        mov $0x11, %al
        out %al, $0xf4
    2:  cli
        hlt
    """
    machine = guest(text, "protected", vcpus=2, irqchip=irqchip)
    counts = run_until(machine, soon, lambda: counted(machine), all)
    other = twin(machine)
    assert_equal(machine, other)
    run_until(other, soon, lambda: counted(other), lambda later: all(map(int.__gt__, later, counts)))
    other.memory.write_int(0x3010, 4, 1)
    assert other.run(deadline=5.0).value == 0x11


def test_a_vcpu_that_was_never_started_stays_so(guest, twin):
    machine = guest("1: jmp 1b", vcpus=2, irqchip="kernel")
    machine.run(deadline=0.05)
    other = twin(machine)
    assert_equal(machine, other)
    other.run(deadline=0.05)
    assert other.vcpus[1].is_unstarted()


def test_a_machine_before_its_first_instruction_has_a_state_too(guest, twin):
    machine = guest("mov $9, %al \n out %al, $0xf4")
    other = twin(machine)
    assert_equal(machine, other)
    assert (machine.run(deadline=5.0).value, other.run(deadline=5.0).value) == (9, 9)


def test_clocks_stand_still_or_go_on_as_asked(guest, twin):
    machine = guest("1: jmp 1b")
    machine.run(deadline=0.02)
    before = machine.capture().guest_ns
    assert twin(machine).capture().guest_ns == before
    assert twin(machine, elapsed=5.0).capture().guest_ns == before + 5_000_000_000


def test_the_state_of_a_running_machine_is_refused(guest):
    machine = guest("1: jmp 1b")
    machine.start()
    with pytest.raises(StateError, match="running"):
        machine.capture()
    machine.stop()
    machine.wait()


def test_a_state_of_another_kind_of_machine_is_refused_in_words(guest):
    one, other = guest("hlt", irqchip="user"), guest("hlt", irqchip="kernel", vcpus=2)
    with pytest.raises(SnapshotError, match="1 vCPUs, the machine has 2"):
        other.put_back(one.capture())
    with pytest.raises(SnapshotError, match="controllers elsewhere"):
        guest("hlt", irqchip="kernel").put_back(one.capture())
