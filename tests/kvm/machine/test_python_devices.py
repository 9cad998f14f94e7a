"""Devices written in Python, on ports and in memory: widths, splits, and what happens to a device that fails."""

from __future__ import annotations

import pytest

MMIO = 0xD010_0000
RESULT = 0x3000
"""Where the guests leave what they read."""
LONG_RESULT = 0x2_0000
"""The same in long mode, whose page tables are at RESULT."""

REGISTERS = {1: "%al", 2: "%ax", 4: "%eax", 8: "%rax"}


def result(machine, size: int, gpa: int = RESULT) -> int:
    machine.run(deadline=5.0)
    assert machine.outcome.kind == "halted", machine.outcome
    return machine.memory.read_int(gpa, size)


def test_port_accesses_of_each_width_arrive_whole(guest, recorder):
    machine = guest(
        "mov $0x504, %dx \n mov $0x87654321, %eax \n out %al, (%dx) \n out %ax, (%dx) \n out %eax, (%dx) \n"
        "in (%dx), %al \n mov %al, 0x3000 \n in (%dx), %ax \n mov %ax, 0x3002 \n in (%dx), %eax \n "
        "mov %eax, 0x3004\n hlt"
    )
    machine.ports.claim(0x500, 8, recorder, width=4)
    machine.run(deadline=5.0)
    assert recorder.accesses == [
        ("write", 4, 1, 0x21), ("write", 4, 2, 0x4321), ("write", 4, 4, 0x87654321),
        ("read", 4, 1), ("read", 4, 2), ("read", 4, 4),
    ]  # fmt: skip
    assert machine.memory.read(RESULT, 8) == bytes([0x14, 0, 0x14, 0x15, 0x14, 0x15, 0x16, 0x17])


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("offset", [0, 3])
def test_memory_accesses_of_each_width_arrive_whole(guest, recorder, size, offset):
    register, value = REGISTERS[size], 0x8877665544332211
    machine = guest(
        f"mov ${MMIO + offset:#x}, %rbx \n mov ${value:#x}, %rax \n mov {register}, (%rbx) \n"
        f"mov (%rbx), {register} \n mov {register}, {LONG_RESULT} \n hlt",
        "long",
    )
    machine.mmio.claim(MMIO, 16, recorder, width=8)
    read = result(machine, size, LONG_RESULT)
    assert recorder.accesses == [("write", offset, size, value & (1 << 8 * size) - 1), ("read", offset, size)]
    assert read == int.from_bytes(bytes(range(0x10 + offset, 0x10 + offset + size)), "little")


def test_an_access_wider_than_the_claim_arrives_in_pieces_lowest_first(guest, recorder):
    machine = guest(
        f"mov ${MMIO:#x}, %ebx \n mov $0x44332211, %eax \n mov %eax, (%ebx) \n mov (%ebx), %eax \n"
        f"mov %eax, {RESULT} \n hlt",
        "protected",
    )
    machine.mmio.claim(MMIO, 16, recorder, width=2)
    assert result(machine, 4) == 0x13121110
    assert recorder.accesses == [("write", 0, 2, 0x2211), ("write", 2, 2, 0x4433), ("read", 0, 2), ("read", 2, 2)]


def test_an_access_across_two_claims_reaches_both(guest, recorder):
    other = type(recorder)()
    machine = guest("mov $0x502, %dx \n mov $0x44332211, %eax \n out %eax, (%dx) \n in (%dx), %eax \n"
                    "mov %eax, 0x3000 \n hlt")  # fmt: skip
    machine.ports.claim(0x500, 4, recorder, width=4)
    machine.ports.claim(0x504, 4, other, width=4)
    assert result(machine, 4) == 0x1110_1312
    assert recorder.accesses == [("write", 2, 2, 0x2211), ("read", 2, 2)]
    assert other.accesses == [("write", 0, 2, 0x4433), ("read", 0, 2)]


def test_bytes_beyond_a_claim_read_as_ones(guest, recorder):
    machine = guest("mov $0x503, %dx \n in (%dx), %eax \n mov %eax, 0x3000 \n hlt")
    machine.ports.claim(0x500, 4, recorder, width=4)
    assert result(machine, 4) == 0xFFFF_FF13


def test_what_nobody_claims_reads_as_ones_and_takes_writes(guest):
    machine = guest(
        f"xor %eax, %eax \n mov $0x700, %dx \n out %eax, (%dx) \n in (%dx), %eax \n mov %eax, {RESULT} \n"
        f"mov ${MMIO:#x}, %ebx \n xor %ecx, %ecx \n mov %ecx, (%ebx) \n mov (%ebx), %ecx \n mov %ecx, {RESULT + 4} \n"
        "hlt",
        "protected",
    )
    assert result(machine, 8) == (1 << 64) - 1


class Broken:
    """Answers with what it is told to, or raises that."""

    name = "broken"

    def __init__(self, answer) -> None:
        self.answer = answer

    def read(self, offset, size):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def write(self, offset, size, value):
        if isinstance(self.answer, Exception):
            raise self.answer


ANSWERS = [ValueError("no"), None, -1, 1 << 80, "seven", ZeroDivisionError(), MemoryError(), StopIteration()]
READERS = {
    "a port": "mov $0x500, %dx \n in (%dx), %ax \n mov %ax, 0x3000",
    "a straddling access": "mov $0x4ff, %dx \n in (%dx), %ax \n mov %ah, 0x3000 \n mov %ah, 0x3001",
    "string input": "mov $0x500, %dx \n mov $0x3000, %di \n cld \n mov $1, %cx \n rep insw",
    "long string input": "mov $0x500, %dx \n mov $0x3000, %di \n cld \n mov $5, %cx \n rep insw",
}


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("way", READERS)
@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_a_device_that_fails_reads_as_ones_and_is_reported(guest, answer, way, hooked):
    warnings: list[str] = []
    machine = guest(READERS[way] + "\n movw $0x1234, 0x3010 \n hlt", warn=warnings.append)
    machine.ports.claim(0x500, 2, Broken(answer), width=2)
    seen = []
    if hooked:
        machine.on_exit(lambda *access: seen.append(access))
    assert result(machine, 2) == 0xFFFF
    assert machine.memory.read_int(0x3010, 2) == 0x1234, "the guest goes on"
    assert warnings, "the user is told"
    assert all("broken" in warning for warning in warnings)
    if hooked:
        assert len(seen) == (5 if way.startswith("long") else 1)
        assert {value for *_, value, _ in seen} == {0xFFFF}


@pytest.mark.parametrize("instruction", ["out %al, (%dx)", "mov $0x1000, %si \n mov $4, %cx \n rep outsb"])
def test_a_device_that_fails_on_a_write_is_reported_and_the_guest_goes_on(guest, instruction):
    warnings: list[str] = []
    machine = guest(f"mov $0x500, %dx \n {instruction} \n movw $0x1234, 0x3000 \n hlt", warn=warnings.append)
    machine.ports.claim(0x500, 1, Broken(KeyError("what")))
    assert result(machine, 2) == 0x1234
    assert set(warnings) == {"device broken failed: KeyError: 'what'"}


def test_a_device_that_fails_does_not_cost_its_neighbour_the_access(guest, recorder):
    machine = guest("mov $0x500, %dx \n mov $0x2211, %ax \n out %ax, (%dx) \n in (%dx), %ax \n mov %ax, 0x3000 \n hlt")
    machine.ports.claim(0x500, 1, Broken(ValueError()))
    machine.ports.claim(0x501, 1, recorder)
    assert result(machine, 2) == 0x10FF
    assert recorder.accesses == [("write", 0, 1, 0x22), ("read", 0, 1)]


def test_a_read_is_cut_to_the_width_of_the_access(guest):
    machine = guest("mov $0x500, %dx \n mov $0x55aa, %ax \n in (%dx), %al \n mov %ax, 0x3000 \n hlt")
    machine.ports.claim(0x500, 1, Broken(0x1234))
    assert result(machine, 2) == 0x5534


def test_a_warn_that_fails_ends_the_run_and_says_so(guest):
    def warn(words):
        raise LookupError("no such logger")

    machine = guest("1: out %al, $0x50 \n jmp 1b", warn=warn)
    machine.ports.claim(0x50, 1, object())
    outcome = machine.run(deadline=5.0)
    assert outcome.kind == "failed"
    assert "LookupError: no such logger" in outcome.words
