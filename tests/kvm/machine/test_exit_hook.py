"""machine.on_exit: every port and MMIO access, in order, with its value."""

from __future__ import annotations

import pytest

from vmm import StateError

MMIO = 0xD010_0000


def test_the_hook_sees_every_access_in_order_with_its_value(guest, recorder):
    machine = guest(
        f"mov $0x500, %edx \n mov $0xabcd, %eax \n out %ax, (%dx) \n in (%dx), %al \n mov $0x600, %edx \n"
        f"in (%dx), %al \n mov $0x11223344, %eax \n mov %eax, {MMIO:#x} \n movzwl {MMIO + 2:#x}, %eax \n hlt",
        "protected",
    )
    machine.ports.claim(0x500, 2, recorder, width=2, name="mine")
    machine.mmio.claim(MMIO, 4, recorder, width=4, name="theirs")
    seen = []
    machine.on_exit(lambda *access: seen.append(access))
    machine.run(deadline=5.0)
    assert seen == [
        ("out", 0x500, 2, 0xABCD, "mine"),
        ("in", 0x500, 1, 0x10, "mine"),
        ("in", 0x600, 1, 0xFF, ""),
        ("write", MMIO, 4, 0x11223344, "theirs"),
        ("read", MMIO + 2, 2, 0x1312, "theirs"),
    ]


def test_the_hook_sees_what_the_run_step_would_answer_alone(guest):
    text = "mov $0x3fd, %dx \n in (%dx), %al \n mov $0x3f8, %dx \n mov $0x41, %al \n out %al, (%dx) \n"
    machine = guest(3 * text + "hlt")
    seen = []
    machine.on_exit(lambda *access: seen.append(access))
    machine.run(deadline=5.0)
    assert seen == 3 * [("in", 0x3FD, 1, 0x60, "com1"), ("out", 0x3F8, 1, 0x41, "com1")]
    assert machine.console_output == b"AAA"
    assert machine.exits["io"].quiet == 0


def test_the_hook_sees_each_element_of_string_io(guest):
    machine = guest("mov $0x2000, %dx \n mov $0x3000, %di \n cld \n mov $3, %cx \n rep insw \n hlt", test_devices=True)
    seen = []
    machine.on_exit(lambda *access: seen.append(access[:4]))
    machine.run(deadline=5.0)
    assert seen == [("in", 0x2000, 2, 0x0100), ("in", 0x2000, 2, 0x0302), ("in", 0x2000, 2, 0x0504)]


def test_the_hook_sees_eight_bytes_whole(guest, recorder):
    machine = guest(f"mov ${MMIO:#x}, %rbx \n mov $0x8877665544332211, %rax \n mov %rax, (%rbx) \n hlt", "long")
    machine.mmio.claim(MMIO, 8, recorder, width=8)
    seen = []
    machine.on_exit(lambda *access: seen.append(access[:4]))
    machine.run(deadline=5.0)
    assert seen == [("write", MMIO, 8, 0x8877665544332211)]


def test_two_hooks_are_called_in_the_order_they_were_given(guest):
    machine = guest("out %al, $0x55 \n hlt")
    order = []
    machine.on_exit(lambda *_: order.append("first"))
    machine.on_exit(lambda *_: order.append("second"))
    machine.run(deadline=5.0)
    assert order == ["first", "second"]


def test_a_hook_may_end_the_run(guest):
    machine = guest("mov $9, %al \n 1: out %al, $0x55 \n dec %al \n jmp 1b")
    machine.on_exit(lambda direction, address, size, value, device: machine.stop("enough") if value == 4 else None)
    outcome = machine.run(deadline=5.0)
    assert (outcome.kind, outcome.words) == ("stopped", "enough")
    assert machine.registers()["rax"] & 0xFF == 4


def test_a_hook_is_refused_once_the_machine_has_run(guest):
    machine = guest("hlt")
    machine.run(deadline=5.0)
    with pytest.raises(StateError, match="add a hook: the machine is ended"):
        machine.on_exit(print)
