"""Two and four vCPUs: how they start, what they share, and how the run ends for all of them."""

from __future__ import annotations

import threading
import time

import pytest

from vmm import Device

EACH_LEAVES_ITS_INDEX = """
    mov %ebx, %eax
    inc %eax
    mov %al, 0x20000(%ebx)
    mov %esp, 0x20010(,%ebx,4)
    hlt
"""

INCREMENT = """
    mov $1000, %ecx
 1: mov %ebx, %eax
    out %al, $0x50
    loop 1b
    lock incl 0x20000
    hlt
"""

WAKE_THE_OTHERS = """
    .set APIC, 0xfee00000
    # a trampoline at 0x8000: mov $0x2000, %di; lock incb (%di); then it spins, sleeps or exits
    mov $trampoline, %esi
    mov $0x8000, %edi
    mov $64, %ecx
    cld
    rep movsb
    movl $0x000c4500, APIC + 0x300
    mov $200000, %ecx
 1: loop 1b
    movl $0x000c4608, APIC + 0x300
"""


class Counter(Device):
    """Adds by reading, waiting and writing back: only a guard around it makes the sum right."""

    def __init__(self):
        self.total = 0
        self.by_vcpu: dict[int, int] = {}
        self.inside = 0
        self.most_inside = 0

    def write(self, offset, size, value):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        total = self.total
        for _ in range(20):
            pass
        self.total = total + 1
        self.by_vcpu[value] = self.by_vcpu.get(value, 0) + 1
        self.inside -= 1


@pytest.mark.parametrize("irqchip", ["none", "user"])
@pytest.mark.parametrize("vcpus", [2, 4])
def test_vcpus_start_together_each_with_its_index_and_stack(guest, vcpus, irqchip):
    machine = guest(EACH_LEAVES_ITS_INDEX, "protected", vcpus=vcpus, irqchip=irqchip)
    outcome = machine.run(deadline=10.0)
    assert outcome.kind == "halted"
    assert machine.memory.read(0x20000, 4) == bytes(range(1, vcpus + 1)).ljust(4, b"\0")
    stacks = [machine.memory.read_int(0x20010 + 4 * index, 4) for index in range(vcpus)]
    assert [stacks[0] - stack for stack in stacks] == [4096 * index for index in range(vcpus)]
    assert [machine.registers(vcpu)["rbx"] for vcpu in range(vcpus)] == list(range(vcpus))
    assert {machine.registers(vcpu)["rip"] for vcpu in range(vcpus)} == {machine.registers()["rip"]}


@pytest.mark.parametrize("mode", ["real", "long"])
def test_vcpus_start_together_in_other_modes(guest, mode):
    text = "mov %bl, %al \n inc %al \n mov %al, 0x3000(%bx) \n hlt"
    if mode == "long":
        text = "mov %bl, %al \n inc %al \n mov %al, 0x20000(%rbx) \n hlt"
    machine = guest(text, mode, vcpus=4, irqchip="none")
    assert machine.run(deadline=10.0).kind == "halted"
    assert machine.memory.read(0x3000 if mode == "real" else 0x20000, 4) == b"\1\2\3\4"


@pytest.mark.parametrize("way", ["run", "start"])
@pytest.mark.parametrize("vcpus", [2, 4])
def test_a_device_is_reached_by_one_vcpu_at_a_time(guest, vcpus, way):
    machine = guest(INCREMENT, "protected", vcpus=vcpus, irqchip="none")
    counter = Counter()
    machine.ports.claim(0x50, 1, counter)
    if way == "run":
        outcome = machine.run(deadline=30.0)
    else:
        machine.start(deadline=30.0)
        outcome = machine.wait(40.0)
    assert outcome.kind == "halted"
    assert counter.total == 1000 * vcpus
    assert counter.by_vcpu == dict.fromkeys(range(vcpus), 1000)
    assert counter.most_inside == 1
    exits = machine.exits
    assert exits.count("io") == 1000 * vcpus
    assert [exits.of_vcpu(vcpu).count("io") for vcpu in range(vcpus)] == [1000] * vcpus
    assert machine.memory.read_int(0x20000, 4) == vcpus


def test_a_lock_is_kept_over_string_io(guest):
    machine = guest("mov $10, %ebp \n 1: mov $0x50, %edx \n mov $0x100000, %esi \n mov $100, %ecx \n "
        "rep outsb \n dec %ebp \n"
                    "jnz 1b \n hlt", "protected", vcpus=2, irqchip="none")  # fmt: skip
    counter = Counter()
    machine.ports.claim(0x50, 1, counter)
    assert machine.run(deadline=20.0).kind == "halted"
    assert (counter.total, counter.most_inside) == (2000, 1)


@pytest.mark.parametrize("ending", ["debug-exit", "deadline", "stop", "failure"])
def test_what_ends_one_vcpu_ends_all(guest, later, patience, ending):
    text = {
        "debug-exit": "test %ebx, %ebx \n jz 1f \n mov $3, %al \n out %al, $0xf4 \n 1: jmp 1b",
        "failure": "test %ebx, %ebx \n jz 1f \n in $0x50, %al \n 1: jmp 1b",
    }.get(ending, "1: jmp 1b")
    machine = guest(text, "protected", vcpus=4, irqchip="none")
    if ending == "stop":
        later(0.03, machine.stop)

    class Exit(Device):
        def read(self, offset, size):
            raise SystemExit(5)

    machine.ports.claim(0x50, 1, Exit())
    started = time.monotonic()
    if ending == "failure":
        with pytest.raises(SystemExit):
            machine.run(deadline=20.0)
    else:
        outcome = machine.run(deadline=0.05 if ending == "deadline" else 20.0)
        assert outcome.kind == {"stop": "stopped"}.get(ending, ending)
        assert outcome.vcpu == 0 if ending != "debug-exit" else True
    assert time.monotonic() - started < 2 * patience
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("vcpu")] == []


def test_vcpus_that_all_spin_go_on_after_a_deadline(guest):
    machine = guest("1: incl 0x20000(,%ebx,4) \n jmp 1b", "protected", vcpus=2, irqchip="none")
    counts = []
    for _ in range(3):
        assert machine.run(deadline=0.05).kind == "deadline"
        counts.append([machine.memory.read_int(0x20000 + 4 * vcpu, 4) for vcpu in range(2)])
    assert counts[0][0] < counts[1][0] < counts[2][0]
    assert counts[0][1] < counts[1][1] < counts[2][1]


def test_a_vcpu_that_halted_before_a_deadline_is_halted_after_it(guest):
    machine = guest("test %ebx, %ebx \n jz 1f \n hlt \n mov $1, %al \n out %al, $0xf4 \n "
        "1: cmpb $0, 0x20000 \n je 1b \n hlt",
                    "protected", vcpus=2, irqchip="none")  # fmt: skip
    assert machine.run(deadline=0.03).kind == "deadline"
    assert machine.run(deadline=0.03).kind == "deadline"
    machine.memory.write(0x20000, b"\1")
    assert machine.run(deadline=5.0).kind == "halted"


TRAMPOLINE = "trampoline: .code16 \n lock incb 0x2000 \n {rest} \n .code32"


@pytest.mark.parametrize("irqchip", ["kernel", "split"])
@pytest.mark.parametrize("vcpus", [2, 4])
def test_init_and_sipi_wake_the_others_when_the_apics_are_in_the_kernel(guest, vcpus, irqchip):
    machine = guest(
        WAKE_THE_OTHERS + f"2: cmpb ${vcpus - 1}, 0x2000 \n jne 2b \n mov $9, %al \n out %al, $0xf4 \n"
        + TRAMPOLINE.format(rest="1: cli \n hlt \n jmp 1b"),
        "protected", vcpus=vcpus, irqchip=irqchip,
    )  # fmt: skip
    outcome = machine.run(deadline=20.0)
    assert (outcome.kind, outcome.value, outcome.vcpu) == ("debug-exit", 9, 0)
    assert machine.memory.read_int(0x2000, 1) == vcpus - 1


@pytest.mark.parametrize("irqchip", ["kernel", "split"])
def test_a_machine_whose_vcpus_all_halted_has_halted_with_apics_in_the_kernel_too(guest, irqchip):
    machine = guest(WAKE_THE_OTHERS + "cli \n hlt \n" + TRAMPOLINE.format(rest="cli \n hlt"), "protected", vcpus=2,
                    irqchip=irqchip)  # fmt: skip
    assert machine.run(deadline=20.0).kind == "halted"
    assert machine.memory.read_int(0x2000, 1) == 1


def test_a_vcpu_that_is_still_busy_keeps_the_machine_alive(guest):
    """The first vCPU wakes the second after the second was seen waiting, and halts before it is looked at again."""
    spin = "mov $0x60000, %ecx \n 1: mov $60, %al \n out %al, $0x50 \n dec %ecx \n cmpb $1, 0x2001 \n jne 1b"
    machine = guest(
        "xor %eax, %eax \n 3: in $0x51, %al \n cmp $1, %al \n jne 3b \n" + WAKE_THE_OTHERS + "cli \n hlt \n"
        + TRAMPOLINE.format(rest=f"{spin} \n mov $5, %al \n out %al, $0xf4 \n cli \n hlt"),
        "protected", vcpus=2, irqchip="kernel",
    )  # fmt: skip
    began = time.monotonic()

    class Clock(Device):
        def read(self, offset, size):
            return time.monotonic() - began > 0.06

    class Quarter(Device):
        def write(self, offset, size, value):
            if time.monotonic() - began > 0.5:
                machine.memory.write(0x2001, b"\1")

    machine.ports.claim(0x51, 1, Clock())
    machine.ports.claim(0x50, 1, Quarter())
    outcome = machine.run(deadline=20.0)
    assert (outcome.kind, outcome.value, outcome.vcpu) == ("debug-exit", 5, 0)


def test_several_vcpus_use_the_serial_port_without_python_and_lose_nothing(guest):
    """Each sends its letter between two looks at the line status; nothing is lost."""
    machine = guest(
        """
        mov $200, %ecx
     1: mov $0x3fd, %dx
        in (%dx), %al
        test $0x20, %al
        jz 1b
        mov $0x3f8, %dx
        lea 0x61(%ebx), %eax
        out %al, (%dx)
        loop 1b
        hlt
        """,
        mode="protected", vcpus=2,
    )  # fmt: skip
    assert machine.run(deadline=20).kind == "halted"
    output = machine.console_output
    assert (output.count(b"a"), output.count(b"b"), len(output)) == (200, 200, 400)
    polls, sent = machine.exits["io.in[0x3fd]"], machine.exits["io.out[0x3f8]"]
    assert polls.quiet > polls.count // 2
    assert sent.quiet > sent.count // 2


ALL_OTHERS = """
    mov $0xfee00300, %eax
    movl $0xc4500, (%rax)
    mov $200000, %ecx
1:  pause
    loop 1b
    movl $0xc4608, (%rax)
2:  pause
    movzwl 0x9000, %ebx
    cmp $63, %ebx
    jb 2b
    mov %ebx, %eax
    out %al, $0xf4
"""
"""INIT, then SIPI with vector 8 to all but itself; waits until they have counted themselves."""


@pytest.mark.parametrize("irqchip", ["kernel", "split"])
def test_sixty_four_vcpus_start_by_init_and_sipi(guest, patience, irqchip):
    machine = guest(ALL_OTHERS, mode="long", vcpus=64, irqchip=irqchip)
    machine.memory.write(0x8000, bytes.fromhex("31c0 8ed8 f0 ff060090 fa f4"))  # xor %ax; mov %ds; lock incw 0x9000
    outcome = machine.run(deadline=20.0 * patience)
    assert (outcome.kind, outcome.value) == ("debug-exit", 63)
