"""machine.screen: what a guest has painted, before, while and after it runs."""

from __future__ import annotations

import pytest

from vmm import ConfigError, StateError

PAINT = """
    mov $0xb800, %ax
    mov %ax, %es
    xor %di, %di
    cld
    mov $0x0748, %ax
    stosw
    mov $0x1e69, %ax
    stosw
"""  # H in grey on black, i in yellow on blue
CURSOR = "mov $0x3d4, %dx \n mov $0x000e, %ax \n out %ax, %dx \n mov $0x020f, %ax \n out %ax, %dx \n"
"""To cell 2, with index and data in one 16-bit write each, as drivers do."""
RETRACE = "mov $0x3da, %dx \n 1: in %dx, %al \n test $8, %al \n jnz 1b \n 2: in %dx, %al \n test $8, %al \n jz 2b \n"
HALT, SPIN = "cli \n hlt", "1: jmp 1b"


def test_what_the_guest_painted_is_there_after_the_run(guest):
    machine = guest(PAINT + HALT)
    assert machine.screen.is_blank
    assert machine.run(deadline=20.0).kind == "halted"
    assert machine.screen.text == "Hi\n"
    assert [machine.screen.cell(0, column) for column in (0, 1)] == [(0x48, 0x07), (0x69, 0x1E)]
    assert machine.screen.cursor is None


def test_it_can_be_looked_at_while_the_guest_runs(guest, soon):
    machine = guest(PAINT + SPIN)
    machine.start(deadline=20.0)
    assert soon(lambda: machine.screen.text == "Hi\n")
    machine.stop()
    assert machine.wait().kind == "stopped"


def test_the_cursor_is_the_vgas_where_there_is_one(guest):
    machine = guest(PAINT + CURSOR + HALT, display=True, strict=True)
    assert machine.run(deadline=20.0).kind == "halted"
    assert machine.screen.cursor == (0, 2)
    assert machine.exits["io.out.2[0x3d4]"].device == "vga"


def test_a_machine_that_is_no_pc_has_no_vga_and_no_cursor(guest):
    machine = guest(PAINT + CURSOR + HALT)
    machine.run(deadline=20.0)
    assert (machine.screen.text, machine.screen.cursor) == ("Hi\n", None)
    with pytest.raises(ConfigError, match="no 'vga' on this board"):
        machine.device("vga")


def test_a_guest_that_waits_for_retrace_goes_on(guest):
    assert guest(RETRACE + HALT, display=True).run(deadline=20.0).kind == "halted"


def test_a_machine_with_little_memory_has_no_screen_and_says_why(guest):
    machine = guest(HALT, memory=1 << 16)
    assert not machine.has_screen
    with pytest.raises(ConfigError, match="768 KiB or more; there are 64 KiB"):
        _ = machine.screen


def test_a_closed_machine_shows_nothing(guest):
    machine = guest(HALT)
    assert machine.has_screen
    machine.close()
    with pytest.raises(StateError):
        _ = machine.screen
