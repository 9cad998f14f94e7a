"""run(deadline) ends on time, whatever the guest does, and the next run goes on where this one was."""

from __future__ import annotations

import time

import pytest

LATE = 0.1
"""What a run may take beyond its deadline, in seconds."""

GUESTS = {
    "spin": "1: jmp 1b",
    "cli and spin": "cli \n 1: jmp 1b",
    "hlt with interrupts on": "sti \n 1: hlt \n jmp 1b",
    "port reads": "1: in $0x50, %al \n jmp 1b",
    "port writes": "1: out %al, $0x50 \n jmp 1b",
    "quiet status reads": "mov $0x3fd, %dx \n 1: in (%dx), %al \n jmp 1b",
    "quiet output": "mov $0x3f8, %dx \n 1: out %al, (%dx) \n jmp 1b",
    "string input": "mov $0x50, %dx \n 1: mov $0x3000, %di \n mov $1000, %cx \n rep insb \n jmp 1b",
}


ENDLESS = [
    (irqchip, name)
    for irqchip in ("user", "kernel", "split", "none")
    for name in GUESTS
    if irqchip != "none" or not name.startswith("hlt")  # nothing can wake that one: it has halted for good
]


@pytest.mark.parametrize(("irqchip", "name"), ENDLESS)
def test_the_run_ends_at_its_deadline(guest, patience, name, irqchip):
    machine = guest(GUESTS[name], irqchip=irqchip, console="none")
    started = time.monotonic()
    outcome = machine.run(deadline=0.03)
    took = time.monotonic() - started
    assert outcome.kind == "deadline"
    assert 0.03 <= took < 0.03 + LATE * patience


@pytest.mark.parametrize("mode", ["protected", "long"])
def test_a_spin_in_other_modes_ends_too(guest, patience, mode):
    machine = guest("1: jmp 1b", mode)
    started = time.monotonic()
    assert machine.run(deadline=0.02).kind == "deadline"
    assert time.monotonic() - started < 0.02 + LATE * patience


def test_a_deadline_of_nothing_ends_at_once(guest):
    machine = guest("1: jmp 1b")
    assert machine.run(deadline=0).kind == "deadline"
    assert machine.registers()["rip"] == 0x1000


def test_the_next_run_goes_on_where_the_deadline_came(guest, patience):
    machine = guest("mov $0xffffffff, %ecx \n 1: inc %ebx \n loop 1b \n hlt", "protected")
    seen = []
    for _ in range(3):
        assert machine.run(deadline=0.02).kind == "deadline"
        registers = machine.registers()
        assert registers["rbx"] + registers["rcx"] in (0xFFFF_FFFF, 0x1_0000_0000)
        seen.append(registers["rbx"])
    assert seen[0] > 0
    assert seen == sorted(set(seen))


def test_no_access_is_lost_or_doubled_over_many_deadlines(guest, recorder):
    machine = guest(
        "xor %ax, %ax \n mov $0x500, %dx \n 1: out %ax, (%dx) \n inc %ax \n cmp $20000, %ax \n jne 1b \n hlt"
    )
    machine.ports.claim(0x500, 2, recorder, width=2)
    runs = 1
    while machine.run(deadline=0.0005 * (1 + runs % 7)).kind == "deadline":
        runs += 1
        assert runs < 5000
    assert machine.outcome.kind == "halted"
    assert [value for *_, value in recorder.accesses] == list(range(20000))
    assert runs > 3


def test_no_read_is_lost_or_doubled_over_many_deadlines(guest):
    class Counter:
        number = 0

        def read(self, offset, size):
            self.number += 1
            return self.number & 0xFFFF

        def write(self, offset, size, value):
            pass

    counter = Counter()
    machine = guest("mov $0x500, %dx \n mov $20000, %cx \n 1: in (%dx), %ax \n inc %bx \n cmp %ax, %bx \n jne 2f \n"
                    "loop 1b \n hlt \n 2: mov $1, %al \n out %al, $0xf4")  # fmt: skip
    machine.ports.claim(0x500, 2, counter, width=2)
    while machine.run(deadline=0.002).kind == "deadline":
        pass
    assert machine.outcome.kind == "halted"
    assert counter.number == 20000


def test_no_byte_of_output_is_lost_over_many_deadlines(guest):
    machine = guest("mov $0x3f8, %dx \n mov $20000, %cx \n 1: mov %cl, %al \n out %al, (%dx) \n loop 1b \n hlt")
    while machine.run(deadline=0.002).kind == "deadline":
        pass
    assert machine.console_output == bytes(count & 0xFF for count in range(20000, 0, -1))


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
def test_a_guest_asleep_at_the_deadline_is_asleep_afterwards(guest, irqchip):
    machine = guest("sti \n hlt \n mov $1, %al \n out %al, $0xf4", irqchip=irqchip)
    for _ in range(3):
        assert machine.run(deadline=0.01).kind == "deadline", "nothing woke it"


def test_guest_time_stands_still_between_runs(guest, patience):
    machine = guest("1: out %al, $0x80 \n jmp 1b")  # POST codes are recorded with the guest's time
    machine.run(deadline=0.01 * patience)
    before = machine.device("post").codes[-1][0]
    time.sleep(0.5)
    machine.run(deadline=0.005 * patience)
    after = machine.device("post").codes[-1][0]
    assert before < after < before + 300_000_000, "half a second has passed for the host, not for the guest"
