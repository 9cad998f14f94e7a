"""machine.watch_msrs(): every access is counted with its value, and answered as KVM alone answers it."""

from __future__ import annotations

import pytest

from vmm import StateError

EXACT = """
    mov $0x174, %ecx
    mov $0x1234, %eax
    xor %edx, %edx
    mov $5, %ebx
1:  wrmsr
    inc %eax
    dec %ebx
    jnz 1b
    rdmsr
    mov $0x50, %dx
    out %eax, (%dx)
    mov $0xc0000080, %ecx
    rdmsr
    rdmsr
    hlt
"""

REGISTERS = (
    0xC0000080, 0xC0000081, 0xC0000082, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103, 0xC0000104, 0x174,
    0x175, 0x176, 0x277, 0xFE, 0x2FF, 0x200, 0x201, 0x250, 0x1B, 0x10A, 0xCE, 0xCF, 0x345, 0x8B, 0x3A, 0x480, 0x48B,
    0x491, 0x48, 0x49, 0x10B, 0x34, 0x17A, 0x179, 0x17B, 0x400, 0x401, 0x402, 0x403, 0xDA0, 0xD90, 0xE1, 0x122, 0x1A0,
    0x1D9, 0x1DB, 0x1C9, 0x19A, 0x19B, 0xDEADBEEF, 0x4B564D00, 0x4B564D02, 0x4B564D04, 0x4B564D05, 0x11, 0x40000000,
    0xC0010015, 0xC001001F, 0xC0010000, 0xC0010004, 0xC0010117, 0xC0010114, 0xC0011029, 0xC0010058, 0x198, 0x199,
    0x611, 0x606, 0x38F, 0xC1, 0x186, 0x6A0, 0x6E0, 0x570, 0x1C4, 0x1C5, 0xC0010064, 0x140, 0x80000000,
)  # fmt: skip
END = 0x12345678

PROBE = f"""
    lidt descriptor
    mov $table, %esi
next:
    mov (%esi), %ecx
    cmp ${END:#x}, %ecx
    je done
    call read
    push %eax
    push %edx
    call write              # back what was there
    mov $0x5554, %eax
    xor %edx, %edx
    call write              # and what is rarely right
    call read
    pop %edx
    pop %eax
    call write
    add $4, %esi
    jmp next
read:
    mov %esp, frame
    movl $refused, resume
    rdmsr
    push %edx
    mov $0x50, %edx
    out %eax, %dx
    pop %eax
    push %eax
    out %eax, %dx
    pop %edx
    ret
write:
    mov %esp, frame
    movl $refused, resume
    wrmsr
    mov $0x600d, %eax
    jmp tell
refused:
    mov $0xbad, %eax
tell:
    push %edx
    mov $0x54, %edx
    out %eax, %dx
    pop %edx
    ret
done:
    hlt
fault:
    mov frame, %esp
    jmp *resume
.balign 8
frame: .long 0
resume: .long 0
descriptor: .word 14 * 8 - 1
    .long vectors
.balign 8
vectors:
    .rept 13
    .quad 0
    .endr
    .word fault - _start, 8, 0x8e00, 0x10
table:
    .long {", ".join(map(hex, REGISTERS))}, {END:#x}
"""


def test_every_access_is_counted_with_the_value_seen_last(guest, recorder):
    machine = guest(EXACT, "protected")
    machine.ports.claim(0x50, 4, recorder, width=4)
    machine.watch_msrs()
    machine.run(deadline=5.0)
    exits = machine.exits
    found = {(one.name, one.direction): (one.count, one.refused, one.value) for one in exits.msrs}
    efer = found.pop(("IA32_EFER", "read"))
    assert efer[:2] == (2, 0)
    assert found == {("IA32_SYSENTER_CS", "write"): (5, 0, 0x1238), ("IA32_SYSENTER_CS", "read"): (1, 0, 0x1238)}
    assert recorder.accesses == [("write", 0, 4, 0x1238)], "what was written is what is read"
    assert (exits["wrmsr[0x174]"].count, exits["rdmsr[0x174]"].count, exits["rdmsr"].count) == (5, 1, 3)
    assert exits.total == 5 + 3 + 1 + 1
    document = exits.as_json()
    assert type(exits).from_json(document).as_json() == document


@pytest.mark.parametrize("cpu", ["host", "minimal"])
def test_the_guest_is_answered_as_kvm_alone_answers_it(guest, recorder, cpu):
    """Each of these is read, written and read again, and every answer and every fault is told to a port."""
    answers = []
    for is_watched in (False, True):
        machine = guest(PROBE, "protected", cpu=cpu, irqchip="kernel")
        machine.ports.claim(0x50, 8, recorder, width=4)
        if is_watched:
            machine.watch_msrs()
        assert machine.run(deadline=20.0).kind == "halted"
        answers.append([(offset, value) for _, offset, _, value in recorder.accesses])
        recorder.accesses.clear()
    alone, watched = map(by_register, answers)
    differing = {hex(index): (alone[index], watched[index]) for index in REGISTERS if alone[index] != watched[index]}
    assert not differing, differing
    accesses = machine.exits.msrs
    assert sum(one.count for one in accesses) == len(REGISTERS) * 5 - 3, "writes of the TSC deadline stay KVM's"
    assert sum(one.refused for one in accesses) > 10


def by_register(told: list[tuple[int, int]]) -> dict[int, str]:
    """What each register answered: a read tells two halves, a write and a refused read one word."""
    answers: dict[int, str] = {}
    rest = iter(told)
    for index in REGISTERS:
        answers[index] = ""
        for is_read in (True, False, False, True, False):
            offset, value = next(rest)
            answers[index] += f" {value:#x}"
            if is_read and offset == 0:
                answers[index] += f":{next(rest)[1]:#x}"
    assert next(rest, None) is None
    return answers


def test_a_guest_that_tries_everything_takes_bounded_memory(guest):
    machine = guest(
        "lidt descriptor \n xor %ecx, %ecx \n 1: rdmsr \n 2: inc %ecx \n cmp $0x20000, %ecx \n jb 1b \n hlt\n"
        "fault: add $16, %esp \n jmp 2b \n .balign 8 \n descriptor: .word 14 * 8 - 1 \n .long vectors \n .balign 8\n"
        "vectors: .rept 13 \n .quad 0 \n .endr \n .word fault - _start, 8, 0x8e00, 0x10",
        "protected",
    )
    machine.watch_msrs()
    machine.run(deadline=1.0)
    accesses = machine.exits.msrs
    assert 1000 < len(accesses) <= 1024 + 1
    (others,) = (one for one in accesses if one.msr is None)
    assert others.count > 100


def test_two_vcpus_are_counted_apart(guest):
    machine = guest("mov $0x174, %ecx \n 1: rdmsr \n dec %bx \n jns 1b \n hlt", vcpus=2, irqchip="none")
    machine.watch_msrs()
    machine.run(deadline=5.0)
    assert [(one.vcpu, one.count) for one in machine.exits.msrs] == [(0, 1), (1, 2)]
    assert [one.count for one in machine.exits.of_vcpu(1).msrs] == [2]


def test_it_is_asked_for_before_the_run(guest):
    machine = guest("hlt")
    assert machine.exits.msrs is None
    machine.run(deadline=1.0)
    with pytest.raises(StateError):
        machine.watch_msrs()
