"""A guest whose exits are known to the last one: every number is exact, for each vCPU, with and without quiet
locations, and the times add up to the wall."""

from __future__ import annotations

import time

import pytest

from vmm import Device

MMIO = 0xD010_0000
OUTS, INS, SAID, POLLS, WRITES, STRING = 40, 30, 25, 20, 10, 9

GUEST = f"""
    mov $0x500, %edx
    mov ${OUTS}, %ecx
1:  out %al, (%dx)
    loop 1b
    mov ${INS}, %ecx
1:  in (%dx), %ax
    loop 1b
    mov $0x3fd, %edx
    mov ${POLLS}, %ecx
1:  in (%dx), %al
    loop 1b
    mov $0x3f8, %edx
    mov ${SAID}, %ecx
1:  out %al, (%dx)
    loop 1b
    mov ${WRITES}, %ecx
1:  mov %eax, {MMIO}
    loop 1b
    cpuid
    mov $0x501, %edx
    mov $0x20000, %edi
    shl $8, %ebx
    add %ebx, %edi
    mov ${STRING}, %ecx
    cld
    rep insl
    cli
    hlt
"""

EXPECTED = {
    ("io", "out", 1, 0x500): (OUTS, OUTS),
    ("io", "in", 2, 0x500): (INS, INS),
    ("io", "in", 1, 0x3FD): (POLLS, POLLS),
    ("io", "out", 1, 0x3F8): (SAID, SAID),
    ("mmio", "write", 4, MMIO): (WRITES, WRITES),
    ("io", "in", 4, 0x501): (None, STRING),  # how many elements come at once is the host's choice
    ("hlt", "", 0, None): (1, 1),
}
"""(exits, elements) of each location, for each vCPU."""


@pytest.mark.parametrize("is_quiet", [True, False], ids=["quiet", "loud"])
@pytest.mark.parametrize("vcpus", [1, 2])
def test_every_number_is_exact(guest, recorder, vcpus, is_quiet):
    machine = guest(GUEST, "protected", vcpus=vcpus, irqchip="none")
    machine.ports.claim(0x500, 8, recorder, width=4)
    machine.mmio.claim(MMIO, 4, recorder, width=4)
    heard = []
    if not is_quiet:
        machine.on_exit(lambda *access: heard.append(access))
    assert machine.run(deadline=5.0).kind == "halted"
    exits = machine.exits
    for vcpu in range(vcpus):
        part = exits.of_vcpu(vcpu)
        found = {(one.reason, one.direction, one.size, one.address): (one.count, one.elements) for one in part.exits}
        strings = found[("io", "in", 4, 0x501)][0]
        interrupted = found.pop(("intr", "", 0, None), (0, 0))[0]  # another vCPU may end the run before this one halts
        assert found == {**EXPECTED, ("io", "in", 4, 0x501): (strings, STRING)}
        assert part.total == sum(count for count, _ in found.values()) + interrupted
        assert sum(hot.count for hot in part.by_rip()) == part.total
    assert exits.total == sum(view.count for view in exits.by_reason().values())
    assert exits.total == sum(view.count for view in exits.by_location().values())
    assert exits.total == sum(exits.of_vcpu(vcpu).total for vcpu in range(vcpus))
    assert exits.total == sum(count for view in exits.by_reason().values() for count in view.histogram)
    assert exits["io.out[0x3f8]"].quiet + exits["io.in[0x3fd]"].quiet == exits["io"].quiet
    accesses = [access for access in recorder.accesses if access[0] == "write"]
    assert len(accesses) == vcpus * (OUTS + WRITES)
    if is_quiet:
        assert exits["io"].quiet >= vcpus * (SAID + POLLS) - 2 * vcpus, "the first access makes the chip"
    else:
        assert exits["io"].quiet == 0
        assert len(heard) == sum(view.elements for view in exits.by_reason().values()) - exits["hlt"].count - (
            exits["intr"].count
        )


class Slow(Device):
    """Takes its time, where the statistics must find it."""

    def read(self, offset: int, size: int) -> int:
        time.sleep(0.002)
        return 0


def shares(machine) -> dict[str, float]:
    """What each part of the time is of the wall, of all vCPUs."""
    exits = machine.exits
    return {name: spent / (exits.wall_ns * machine.config.vcpus) for name, spent in exits.time.parts()}


def long_enough(patience: float) -> float:
    """So long that the start of a thread is little beside it."""
    return 0.7 if patience == 1 else 3.0


def check_sum(machine) -> None:
    exits = machine.exits
    assert sum(shares(machine).values()) == pytest.approx(1, abs=0.02), exits.time
    for part in exits.times:
        assert part.spent_ns == pytest.approx(exits.wall_ns, rel=0.02), part


@pytest.mark.parametrize("vcpus", [1, 2])
def test_a_busy_guests_times_add_up_to_the_wall(guest, recorder, patience, vcpus):
    machine = guest("1: in $0x50, %al \n jmp 1b", vcpus=vcpus, irqchip="none")
    machine.ports.claim(0x50, 1, recorder)
    machine.run(deadline=long_enough(patience))
    check_sum(machine)
    assert shares(machine)["dispatch"] > 0


@pytest.mark.parametrize("irqchip", ["user", "kernel"])
def test_sleep_in_hlt_is_counted_as_sleep_wherever_it_happens(guest, irqchip):
    machine = guest("sti \n 1: hlt \n jmp 1b", irqchip=irqchip)
    machine.run(deadline=0.5)
    check_sum(machine)
    assert shares(machine)["asleep"] > 0.9


def test_two_vcpus_of_which_one_sleeps(guest, patience):
    machine = guest("test %bx, %bx \n jnz 2f \n 1: in $0x50, %al \n jmp 1b \n 2: cli \n hlt", vcpus=2, irqchip="none")
    machine.run(deadline=long_enough(patience))
    check_sum(machine)
    busy, asleep = machine.exits.times
    assert asleep.asleep_ns > 0.9 * machine.exits.wall_ns
    assert busy.asleep_ns == 0


def test_a_slow_device_is_the_devices_time_and_not_dispatch(guest):
    machine = guest("mov $100, %cx \n 1: in $0x50, %al \n loop 1b \n hlt")
    machine.ports.claim(0x50, 1, Slow())
    machine.run(deadline=5.0)
    check_sum(machine)
    assert shares(machine)["device"] > 0.8
    view = machine.exits["io.in[0x50]"]
    assert 0 < view.dispatch < view.total / 4


def test_without_statistics_the_guest_does_the_same_and_nothing_is_counted(guest, recorder):
    machine = guest(GUEST, "protected", statistics=False)
    machine.ports.claim(0x500, 8, recorder, width=4)
    assert machine.run(deadline=5.0).kind == "halted"
    assert len(recorder.accesses) == OUTS + INS + STRING
    assert len(machine.console_output) == SAID
    assert machine.exits.total == 0
