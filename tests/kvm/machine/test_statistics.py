"""machine.exits is exact: counts, elements, directions, sizes, addresses, RIPs, and times that fit together."""

from __future__ import annotations

import time

import pytest

from vmm import Device, StateError

MMIO = 0xD010_0000

MIXED = f"""
    mov $0x500, %edx
    mov $10, %ecx
first:
    out %al, (%dx)
first_end:
    loop first
    mov $7, %ecx
second:
    in (%dx), %ax
second_end:
    loop second
    mov $3, %ecx
third:
    mov %eax, {MMIO}
third_end:
    loop third
    mov $0x2000, %edx
    mov $0x20000, %edi
    mov $9, %ecx
    cld
    rep insl
    jmp over
    .ascii "addresses:"
    .long first, first_end, second, second_end, third, third_end
over:
    hlt
"""


def check_histograms(machine) -> None:
    """Every exit has one handler time, which is in one bucket."""
    for count in machine.exits.exits:
        assert sum(count.histogram) == count.count, count
        assert count.handler_max_ns <= count.handler_ns


def test_every_exit_is_counted_where_it_happened(guest):
    machine = guest(MIXED, "protected", test_devices=True)
    machine.run(deadline=5.0)
    exits = machine.exits
    found = {
        (count.reason, count.direction, count.size, count.address): (count.count, count.elements)
        for count in exits.exits
    }
    assert found.pop(("io", "in", 4, 0x2000))[1] == 9
    assert found == {
        ("io", "out", 1, 0x500): (10, 10),
        ("io", "in", 2, 0x500): (7, 7),
        ("mmio", "write", 4, MMIO): (3, 3),
        ("hlt", "", 0, None): (1, 1),
    }
    assert exits["io.in.4[0x2000]"].device == "pattern"
    assert exits.total == sum(count.count for count in exits.exits)
    check_histograms(machine)


def test_hot_rips_are_the_instructions_that_exit(guest, assemble):
    """KVM leaves RIP at the instruction or right after it: that depends on the host and the access."""
    image = assemble(MIXED, "protected")
    table = image.index(b"addresses:") + len(b"addresses:")
    places = [int.from_bytes(image[at : at + 4], "little") for at in range(table, table + 24, 4)]
    machine = guest(MIXED, "protected", test_devices=True)
    machine.run(deadline=5.0)
    for location, count, around in (
        ("io.out[0x500]", 10, places[0:2]),
        ("io.in[0x500]", 7, places[2:4]),
        (f"mmio[{MMIO:#x}]", 3, places[4:6]),
    ):
        assert [times for _, times in machine.exits[location].rips] == [count]
        assert machine.exits[location].rips[0][0] in around
    assert sum(hot.count for hot in machine.exits.by_rip()) == machine.exits.total


def test_quiet_exits_are_counted_like_others(guest):
    machine = guest(
        "mov $0x3fd, %dx \n mov $300, %cx \n 1: in (%dx), %al \n loop 1b \n mov $0x3f8, %dx \n mov $200, %cx \n"
        "2: out %al, (%dx) \n loop 2b \n hlt"
    )
    machine.run(deadline=5.0)
    exits = machine.exits
    assert (exits["io.in[0x3fd]"].count, exits["io.in[0x3fd]"].quiet) == (300, 299)  # the first makes the chip
    assert (exits["io.out[0x3f8]"].count, exits["io.out[0x3f8]"].quiet) == (200, 200)
    assert exits["io.out[0x3f8]"].elements == 200
    assert machine.console_output == b"\x60" * 200
    check_histograms(machine)


class Slow(Device):
    def read(self, offset, size):
        time.sleep(0.005)
        return 0


def test_a_slow_device_shows_in_the_handler_time_and_not_in_the_guest_time(guest):
    machine = guest("mov $4, %cx \n 1: in $0x50, %al \n loop 1b \n hlt")
    machine.ports.claim(0x50, 1, Slow())
    machine.run(deadline=5.0)
    view = machine.exits["io.in[0x50]"]
    assert view.total >= 4 * 5_000_000
    assert view.max >= 5_000_000
    assert view.p50 >= 4_000_000
    assert sum(view.histogram) == 4
    assert machine.exits.handler_ns >= view.total
    assert machine.exits.guest_ns + machine.exits.handler_ns <= machine.exits.wall_ns


def test_a_pause_between_two_runs_is_nobodys_time(guest):
    machine = guest("1: jmp 1b")
    machine.run(deadline=0.02)
    time.sleep(0.2)
    machine.run(deadline=0.02)
    exits = machine.exits
    assert exits.handler_ns < 100_000_000
    assert exits.wall_ns < 200_000_000
    check_histograms(machine)


def test_sleep_in_hlt_is_neither_guest_nor_handler_time(guest):
    machine = guest("sti \n 1: hlt \n jmp 1b")
    machine.run(deadline=0.1)
    exits = machine.exits
    assert exits.wall_ns >= 95_000_000
    assert exits.handler_ns + exits.guest_ns < 50_000_000
    check_histograms(machine)


def test_counts_go_on_over_runs(guest):
    machine = guest("1: out %al, $0x50 \n jmp 1b")
    machine.run(deadline=0.02)
    before = machine.exits["io"].count
    machine.run(deadline=0.02)
    assert machine.exits["io"].count > before > 0


@pytest.mark.parametrize("text", ["1: out %al, $0x50 \n jmp 1b", "1: jmp 1b", "sti \n 1: hlt \n jmp 1b"],
                         ids=["exits", "spin", "sleep"])  # fmt: skip
@pytest.mark.parametrize("irqchip", ["user", "kernel"])
def test_statistics_can_be_read_while_another_thread_runs_the_guest(guest, patience, text, irqchip):
    machine = guest(text, irqchip=irqchip)
    machine.start(deadline=20.0)
    time.sleep(0.02)
    started, totals = time.monotonic(), []
    for _ in range(10):
        totals.append(machine.exits.total)
    assert time.monotonic() - started < 2.0 * patience
    assert totals == sorted(totals)
    assert machine.wait(0) is None, "reading does not stop the guest"
    machine.stop()
    assert machine.wait(5.0).kind == "stopped"
    check_histograms(machine)


def test_a_last_access_has_its_time_and_none_of_what_follows(guest):
    machine = guest("mov $7, %al \n out %al, $0xf4")
    machine.run(deadline=5.0)
    before = machine.exits["io.out[0xf4]"]
    time.sleep(0.1)
    machine.registers()
    after = machine.exits["io.out[0xf4]"]
    assert sum(before.histogram) == sum(after.histogram) == 1
    assert 0 < after.max == before.max < 0.1e9


def test_statistics_survive_json(guest):
    machine = guest(MIXED, "protected", test_devices=True)
    machine.run(deadline=5.0)
    document = machine.exits.as_json()
    assert type(machine.exits).from_json(document).as_json() == document


def test_statistics_of_a_machine_that_never_ran_are_empty(guest):
    machine = guest("hlt")
    assert machine.exits.total == 0
    machine.close()
    with pytest.raises(StateError, match="read statistics: the machine is closed"):
        _ = machine.exits


def test_the_flight_recorder_has_the_last_64_exits_with_their_values(guest, recorder):
    machine = guest(
        "mov $100, %ecx \n 1: mov %cl, %al \n out %al, $0x50 \n in $0x50, %al \n loop 1b \n hlt", "protected"
    )
    machine.ports.claim(0x50, 1, recorder)
    machine.run(deadline=5.0)
    flight = machine.exits.flight
    assert len(flight) == 64
    assert flight[-1].reason == "hlt"
    outs = [entry.value for entry in flight if entry.direction == "out"]
    assert outs == list(range(len(outs), 0, -1))
    assert {entry.value for entry in flight if entry.direction == "in"} == {0x10}
    times = [entry.at_ns for entry in flight]
    assert times == sorted(times)


def test_a_machine_after_another_counts_from_zero(guest):
    many = guest("mov $300, %cx\nmov $0x600, %dx\nagain: out %al, (%dx)\ninc %dx\nloop again\nout %al, $0xf4")
    many.run()
    assert many.exits.total == 301
    many.close()
    few = guest("mov $0x600, %dx\nout %al, (%dx)\nout %al, $0xf4")
    few.run()
    assert few.exits.total == 2
    assert {view.count for view in few.exits.by_location().values()} == {1}
    assert few.exits["io.out[0x600]"].count == 1
    assert len(few.exits.by_rip()) == 2
    assert len(few.exits.flight) == 2


def test_registers_after_the_end_are_those_behind_the_last_access(guest):
    machine = guest("mov $0x1234, %bx\nout %al, $0xf4\nhlt")
    machine.run()
    registers = machine.registers()
    assert registers["rip"] == 0x1000 + 3 + 2
    assert registers["rbx"] == 0x1234
