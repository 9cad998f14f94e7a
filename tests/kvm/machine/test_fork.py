"""Forks and resets: children go on by themselves, none sees another's writes, and the way back is whole."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from in_motion import ECHO, IRQCHIPS, TICK, TICKS, assert_equal, run_until

from vmm import Device, Machine, StateError
from vmm.control import guest_set
from vmm.machine import layout
from vmm.units import MiB

CHILDREN = 100
SUM = """
    movw 0x3000, %ax
    addw %ax, %ax
    movw %ax, 0x3002
    movw %ax, 0x8000
    movw %ax, 0x9000
    out %al, $0xf4
"""


@pytest.mark.parametrize("irqchip", IRQCHIPS)
def test_a_child_counts_on_where_its_master_stands(guest, soon, irqchip):
    master = guest(TICK.replace("WAIT", "hlt"), irqchip=irqchip)
    seen = run_until(master, soon, lambda: master.memory.read_int(0x3000, 2))
    with master.fork() as child:
        assert_equal(master, child)
        assert child.run(deadline=20.0).value >= TICKS
        assert master.memory.read_int(0x3000, 2) == seen
    assert master.run(deadline=20.0).value >= TICKS


def test_a_hundred_children_differ_and_none_sees_another_s_writes(guest, patience):
    master = guest(SUM)
    children = [master.fork() for _ in range(CHILDREN if patience == 1 else CHILDREN // 4)]
    try:
        for number, child in enumerate(children):
            child.memory.write_int(0x3000, 2, number)
        for number, child in enumerate(children):
            assert child.run(deadline=5.0).value == 2 * number & 0xFF
        for number, child in enumerate(children):
            assert [child.memory.read_int(at, 2) for at in (0x3000, 0x3002, 0x8000)] == [number, 2 * number, 2 * number]
        assert master.memory.read_int(0x8000, 2) == 0
    finally:
        for child in children:
            child.close()


def test_an_echo_is_forked_in_the_middle_of_a_line(guest):
    master = guest(ECHO)
    master.feed(b"half a ")
    master.run(deadline=0.3)
    master.feed(b"line")
    said = []
    for word in (b" one\n", b" two\n"):
        with master.fork() as child:
            child.feed(word)
            assert child.run(deadline=10.0).value == 0x42
            said.append(child.console_output)
    assert said == [b"line one\n", b"line two\n"]
    assert master.console_output == b"half a "


def test_a_master_that_runs_stands_still_for_the_moment(guest, soon):
    master = guest(TICK.replace("WAIT", "hlt").replace(f"cmpw ${TICKS}", "cmpw $1000"), memory=1 << 20)
    master.start()
    assert soon(lambda: master.memory.read_int(0x3000, 2) > 3, 10)
    with master.fork() as child:
        first = child.memory.read_int(0x3000, 2)
        assert child.state == "created"
        assert soon(lambda: master.memory.read_int(0x3000, 2) > first + 3, 10)
        assert child.memory.read_int(0x3000, 2) == first
    master.stop()
    master.wait()


def test_a_child_of_a_child_and_a_master_that_goes_on(guest):
    master = guest(SUM)
    master.memory.write_int(0x3000, 2, 3)
    with master.fork() as child:
        child.memory.write_int(0x3000, 2, 5)
        with child.fork() as grandchild:
            assert grandchild.run(deadline=5.0).value == 10
        assert child.run(deadline=5.0).value == 10
    master.memory.write_int(0x3000, 2, 7)
    with master.fork() as child:
        assert child.run(deadline=5.0).value == 14
    assert master.run(deadline=5.0).value == 14


def test_registers_given_to_the_master_are_the_next_child_s(guest):
    master = guest("out %al, $0xf4")
    for value in (0x11, 0x22):
        master.set_registers(rax=value)
        with master.fork() as child:
            assert child.run(deadline=5.0).value == value


@pytest.mark.parametrize(("irqchip", "vcpus"), [(irqchip, 1) for irqchip in IRQCHIPS] + [("kernel", 2), ("split", 2)])
def test_reset_brings_all_of_it_back(guest, irqchip, vcpus):
    master = guest(TICK.replace("WAIT", "hlt").replace(str(TICKS), "3"), irqchip=irqchip, vcpus=vcpus)
    with master.fork() as child, master.fork() as fresh:
        for _ in range(4):
            assert child.run(deadline=20.0).value >= 3
            child.reset_to(master)
            for name in child.capture().chips:
                fresh.device(name)  # nobody has met them there
            assert_equal(fresh, child)


def test_reset_copies_what_was_written_since_and_no_more(guest):
    master = guest(SUM)
    with master.fork() as child:
        child.run(deadline=5.0)
        child.reset_to(master)
        for _ in range(3):
            child.memory.write_int(0x3000, 2, 9)
            assert child.run(deadline=5.0).value == 18
            assert child.reset_to(master) in (3, 4)  # pages 3, 8 and 9; some kernels count the code's too
            assert [child.memory.read_int(at, 2) for at in (0x3000, 0x3002, 0x8000, 0x9000)] == [0] * 4


def test_a_machine_goes_back_to_what_it_was_itself(guest):
    machine = guest(SUM)
    machine.memory.write_int(0x3000, 2, 4)
    before = machine.master()
    for _ in range(3):
        assert machine.run(deadline=5.0).value == 8
        machine.reset_to(before)
        assert machine.memory.read_int(0x8000, 2) == 0


def test_devices_of_the_users_own_come_along(guest):
    class Adder(Device):
        name = "adder"

        def __init__(self) -> None:
            self.total = 0

        def write(self, offset: int, size: int, value: int) -> None:
            self.total += value

        def read(self, offset: int, size: int) -> int:
            return self.total

    master = guest("mov $5, %al \n out %al, $0x50 \n in $0x50, %al \n out %al, $0xf4")
    adder = Adder()
    master.ports.claim(0x50, 1, adder)
    adder.total = 2
    for _ in range(2):
        with master.fork() as child:
            assert child.run(deadline=5.0).value == 7
    assert adder.total == 2


def test_children_write_to_a_disk_of_their_own(guest, tmp_path, assemble):
    disk = tmp_path / "disk.img"
    sector = assemble("""
        mov $0x0301, %ax
        mov $0x0002, %cx
        mov $0x0080, %dx
        mov $0x7c00, %bx
        int $0x13
        cli
        hlt
    """)  # writes itself to the second sector
    disk.write_bytes(sector.ljust(510, b"\0") + b"\x55\xaa" + bytes(512 * 2046))
    with Machine(hda=str(disk), memory=1 << 20) as master, master.fork() as child:
        child.run(deadline=10.0)
        assert child._board.drives["hda"].read(512, 4) == sector[:4]
        assert disk.read_bytes()[512:1024] == bytes(512)


def test_a_closed_machine_has_no_children_and_a_running_one_is_not_reset(guest, soon):
    master = guest("1: jmp 1b")
    child = master.fork()
    child.start()
    with pytest.raises(StateError):
        child.reset_to(master)
    child.close()
    master.close()
    with pytest.raises(StateError):
        master.fork()


def held() -> tuple[int, int]:
    """How many fds and mappings this process has."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text().count("\n")


def test_children_leave_nothing_behind(guest):
    master = guest(SUM)
    with master.fork() as child:
        child.run(deadline=5.0)
        child.reset_to(master)
    before = held()
    for _ in range(20):
        with master.fork() as child:
            child.run(deadline=5.0)
            child.reset_to(master)
            child.run(deadline=5.0)
    after = held()
    assert after[0] == before[0]
    assert after[1] <= before[1] + 3


def test_another_process_makes_children_of_its_own(guest):
    master = guest(SUM)
    master.memory.write_int(0x3000, 2, 21)
    master.fork().close()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with master.fork() as child:
                code = child.run(deadline=5.0).value
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
    assert master.run(deadline=5.0).value == 42


def test_a_child_of_a_linux_machine_has_its_masters_tables_and_identity(tmp_path):
    """The tables that stand in for firmware are written once, at the boot: what the guest made of them is kept."""
    image = guest_set.build("bzimage")
    with Machine(image=image, boot_protocol="linux32", memory=16 * MiB, command_line="+quiet") as machine:
        machine.memory.write(layout.GENERATION_ID, b"another identity")
        machine.memory.write(layout.ACPI_TABLES + 16, b"what the guest has written there")
        machine.snapshot(str(tmp_path / "a.snap"))
        with machine.fork() as child, Machine.restore(str(tmp_path / "a.snap")) as other:
            size = MiB
            assert child.memory.read(0, size) == other.memory.read(0, size) == machine.memory.read(0, size)
            assert child.device("generation-id").identity == b"another identity"
