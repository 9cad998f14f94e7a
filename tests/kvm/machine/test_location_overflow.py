"""A guest that touches everything: the tables have an end, and what comes after is counted in a common row."""

from __future__ import annotations

import resource

import pytest

MMIO = 0xD010_0000
DANGEROUS = (0x61, 0x92, 0xCF9, 0xF4)
"""Ports where a write ends the run, or (0x61 to 0x64) would: an access of up to four bytes must not touch them."""


def sweep(*instructions: str) -> str:
    """All ports but the dangerous ones, STEP at a time, each with all the instructions."""
    ways_out = "".join(
        f"lea {3 - port:#x}(%edx), %eax \n cmp ${8 if port in (0x61, 0xF4) else 4}, %eax \n jb 3f \n"
        for port in DANGEROUS
    )
    body = "\n".join(f"xor %eax, %eax \n {instruction}" for instruction in instructions)
    return f"xor %edx, %edx \n 1: {ways_out} {body} \n 3: add $STEP, %edx \n cmp $0x10000, %edx \n jb 1b"


EVERY_WAY = [
    access for register in ("%al", "%ax", "%eax") for access in (f"in (%dx), {register}", f"out {register}, (%dx)")
]


@pytest.mark.parametrize("step", [1, 13])
def test_touching_all_ports_in_all_widths_ends_and_dispatch_stays_right(guest, recorder, patience, step):
    if step == 1 and patience > 1:
        pytest.skip("400,000 exits take too long here")
    irqchip = "none" if step == 1 else "user"
    text = sweep(*EVERY_WAY).replace("STEP", str(step))
    last = "\n mov $0x9000, %edx \n mov $0x5a, %eax \n out %al, (%dx) \n in (%dx), %al \n mov %al, 0x20000"
    machine = guest(text + last + "\n mov $0x9004, %edx \n in (%dx), %al \n mov %al, 0x20001 \n cli \n "
        "hlt", "protected",
                    irqchip=irqchip)  # fmt: skip
    machine.ports.claim(0x9000, 4, recorder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = machine.run(deadline=40.0)
    assert outcome.kind == "halted", outcome
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "KiB"
    assert recorder.accesses[-2:] == [("write", 0, 1, 0x5A), ("read", 0, 1)]
    assert machine.memory.read(0x20000, 2) == b"\x10\xff"
    exits = machine.exits
    assert len(exits.exits) < 2100
    assert exits.count("io") > 6 * (65536 - 60) // step - 6
    common = [count for count in exits.exits if count.reason == "io" and count.address is None]
    assert common
    assert sum(count.count for count in common) > exits.total // 3
    for count in exits.exits:
        assert sum(count.histogram) == count.count


def test_memory_locations_overflow_into_one_row_for_each_direction(guest, recorder):
    machine = guest(
        f"mov ${MMIO}, %ebx \n 1: mov %ebx, (%ebx) \n mov (%ebx), %eax \n cmp %eax, %ebx \n jne 2f \n add $4, %ebx \n"
        f"cmp ${MMIO + 0x4000}, %ebx \n jb 1b \n hlt \n 2: mov $1, %al \n out %al, $0xf4",
        "protected",
    )

    class Memory:
        def __init__(self):
            self.words = {}

        def read(self, offset, size):
            return self.words[offset]

        def write(self, offset, size, value):
            self.words[offset] = value

    memory = Memory()
    machine.mmio.claim(MMIO, 0x4000, memory, width=4)
    assert machine.run(deadline=20.0).kind == "halted"
    assert len(memory.words) == 0x1000
    rest = [count for count in machine.exits.exits if count.reason == "mmio" and count.address is None]
    assert sorted(count.direction for count in rest) == ["read", "write"]
    assert machine.exits["mmio.read"].count == machine.exits["mmio.write"].count == 0x1000


def test_eight_byte_writes_are_whole_in_the_common_row_too(guest, recorder):
    machine = guest(
        f"mov ${MMIO}, %rbx \n mov ${MMIO + 2200}, %rcx \n 1: mov (%rbx), %al \n inc %rbx \n cmp %rcx, %rbx \n jb 1b \n"
        f"mov ${MMIO + 0x1000}, %rbx \n mov $0x8877665544332211, %rax \n mov %rax, (%rbx) \n hlt",
        "long",
    )
    machine.mmio.claim(MMIO + 0x1000, 8, recorder, width=8)
    machine.run(deadline=20.0)
    assert recorder.accesses == [("write", 0, 8, 0x8877665544332211)]


def test_serial_output_stays_in_order_after_an_overflow(guest):
    text = sweep("in (%dx), %al").replace("STEP", "16")
    machine = guest(
        f"{text} \n mov $0x3f8, %edx \n mov $0x41, %al \n 7: out %al, (%dx) \n inc %al \n "
        f"cmp $0x5b, %al \n jb 7b \n hlt",
        "protected",
    )
    machine.run(deadline=20.0)
    assert machine.console_output == bytes(range(0x41, 0x5B))
