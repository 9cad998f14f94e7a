"""Guests that are in the middle of something when a test takes them, and what tells that nothing of it was lost."""

from __future__ import annotations

from vmm import Machine

TICKS, PERIOD = 50, 0.005
ENDS = range(TICKS, TICKS + 40)
"""What TICK ends with: on a slow host the kernel's PIT catches up with ticks that came too late, some at once."""
RELOAD = round(1193182 * PERIOD)
IRQCHIPS = ("user", "kernel", "split")
ECHO = """
    xor %bx, %bx
    mov $0x3fd, %dx
poll:
    in (%dx), %al
    test $1, %al
    jz poll
    mov $0x3f8, %dx
    in (%dx), %al
    out %al, (%dx)
    mov $0x3fd, %dx
    cmp $0x0a, %al
    jne poll
    mov $0x42, %al
    out %al, $0xf4
"""
TIMES = {"tsc", "kvmclock", "tsc_khz"}


def tick(ticks: int, wait: str = "WAIT") -> str:
    """Counts `ticks` of the PIT's interrupts at 0x3000, with `wait` between them, and ends with their number."""
    return f"""
    cli
    xor %ax, %ax
    mov %ax, %ds
    movw $handler, 8 * 4
    movw %ax, 8 * 4 + 2
    # the master PIC: vectors from 8, all masked but line 0
    mov $0x11, %al
    out %al, $0x20
    mov $8, %al
    out %al, $0x21
    mov $4, %al
    out %al, $0x21
    mov $1, %al
    out %al, $0x21
    mov $0xfe, %al
    out %al, $0x21
    # channel 0, mode 2
    mov $0x34, %al
    out %al, $0x43
    mov ${RELOAD & 0xFF}, %al
    out %al, $0x40
    mov ${RELOAD >> 8}, %al
    out %al, $0x40
    movw $0, 0x3000
    sti
wait:
    {wait}
    cmpw ${ticks}, 0x3000
    jb wait
    cli
    mov 0x3000, %al
    out %al, $0xf4
handler:
    push %ax
    incw 0x3000
    mov $0x20, %al
    out %al, $0x20
    pop %ax
    iret
"""


TICK = tick(TICKS)


def engine_fields(machine: Machine) -> dict[str, object]:
    """Of every vCPU, but for what the kernel's PIT and APIC timers change by themselves, also while nothing runs."""
    fields = machine._engine.state_to_fields(machine.capture().engine).fields
    vcpus = [{name: value for name, value in vcpu.fields.items() if name not in TIMES} for vcpu in fields["vcpus"]]
    for vcpu in vcpus:
        if vcpu["lapic"] is not None:
            vcpu["lapic"] = vcpu["lapic"][:0x390] + vcpu["lapic"][0x394:]  # the timer's count
    chips = [chip[:8] + chip[10:] if chip[0] == 0 else chip[:24] + chip[32:] for chip in fields["chips"]]  # requests
    return {"vcpus": vcpus, "chips": chips}


def run_until(machine: Machine, soon, look, is_enough=bool):
    """Runs it until what `look` sees is enough; what it sees when the machine stands still."""
    machine.start()
    assert soon(lambda: is_enough(look()), 10)
    machine.stop()
    machine.wait()
    return look()


def counted(machine: Machine) -> list[int]:
    return [machine.memory.read_int(0x3000 + 4 * index, 4) for index in range(2)]


def assert_equal(one: Machine, other: Machine) -> None:
    first, second = one.capture(), other.capture()
    assert engine_fields(one) == engine_fields(other)
    assert first.chips == second.chips
    assert (first.halted, first.guest_ns) == (second.halted, second.guest_ns)
    for region in one.memory.regions:
        assert one.memory.read(region.span.start, region.span.size) == other.memory.read(
            region.span.start, region.span.size
        )
