"""COM1 through the whole machine: what goes in comes out, whole and in order, by polling and by interrupt."""

from __future__ import annotations

import time

import pytest

SIZE = 100 * 1024

POLLED_ECHO = """
    xor %ebx, %ebx
1:  mov $0x3fd, %dx
    in (%dx), %al
    test $1, %al
    jz 1b
    mov $0x3f8, %dx
    in (%dx), %al
    out %al, (%dx)
    inc %ebx
    jmp 1b
"""

INTERRUPT_ECHO = """
    cli
    xor %ax, %ax
    mov %ax, %ds
    movw $handler, 12 * 4
    movw %ax, 12 * 4 + 2
    mov $0x11, %al
    out %al, $0x20
    mov $8, %al
    out %al, $0x21
    mov $4, %al
    out %al, $0x21
    mov $1, %al
    out %al, $0x21
    mov $0xef, %al
    out %al, $0x21
    mov $0x3fa, %dx     # FIFO on, trigger at 14
    mov $0xc1, %al
    out %al, (%dx)
    mov $0x3fc, %dx     # OUT2 opens the wire
    mov $0x0b, %al
    out %al, (%dx)
    mov $0x3f9, %dx     # received data
    mov $1, %al
    out %al, (%dx)
    sti
1:  hlt
    jmp 1b
handler:
    push %ax
    push %dx
2:  mov $0x3fd, %dx
    in (%dx), %al
    test $1, %al
    jz 3f
    mov $0x3f8, %dx
    in (%dx), %al
    out %al, (%dx)
    jmp 2b
3:  mov $0x20, %al
    out %al, $0x20
    pop %dx
    pop %ax
    iret
"""


HELD = 60_000
"""Bytes on the way at once, less than COM1's queue holds."""


def some(size: int, irqchip: str, patience: float) -> int:
    """All of it once; where exits are slow, or the way differs only by the controller, a tenth."""
    return size if patience == 1 and irqchip == "user" else size // 10


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
@pytest.mark.parametrize("text", [POLLED_ECHO, INTERRUPT_ECHO], ids=["polled", "interrupts"])
def test_input_in_pieces_comes_back_whole(guest, soon, patience, text, irqchip):
    size = some(SIZE if text is INTERRUPT_ECHO else SIZE // 3, irqchip, patience)
    machine = guest(text, irqchip=irqchip)
    data = bytes((at * 7 + at // 256) & 0xFF for at in range(size))
    machine.feed(data[:10])
    machine.start(deadline=50.0)
    at = 10
    while at < size:
        piece = min(1 + at % 5000, size - at)
        assert soon(lambda end=at + piece: end - len(machine.console_output) < HELD, 20)
        machine.feed(data[at : at + piece])
        at += piece
    assert soon(lambda: len(machine.console_output) >= size, 20)
    machine.stop()
    machine.wait(5)
    assert machine.console_output == data


def test_lone_characters_come_back_soon(guest, soon, patience):
    """Fewer than the FIFO's trigger: the chip's time-out interrupt brings them."""
    machine = guest(INTERRUPT_ECHO)
    machine.start(deadline=20.0)
    time.sleep(0.02 * patience)
    for number in range(1, 6):
        machine.feed(b"x")
        started = time.monotonic()
        assert soon(lambda number=number: machine.console_output == b"x" * number)
        assert time.monotonic() - started < 0.1 * patience
    machine.stop()
    machine.wait(5)


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_polled_output_arrives_whole_and_in_order(guest, patience, irqchip):
    size = some(SIZE, irqchip, patience)
    machine = guest(
        f"mov ${size}, %ecx \n xor %ebx, %ebx \n 1: mov $0x3fd, %dx \n 2: in (%dx), %al \n test $0x20, %al \n jz 2b \n"
        "mov $0x3f8, %dx \n mov %bl, %al \n xor %bh, %al \n out %al, (%dx) \n inc %ebx \n "
        "cmp %ebx, %ecx \n jne 1b \n hlt",
        "protected", irqchip=irqchip,
    )  # fmt: skip
    assert machine.run(deadline=30.0).kind == "halted"
    assert machine.console_output == bytes((at ^ at >> 8) & 0xFF for at in range(size))
    assert machine.exits["io.out[0x3f8]"].quiet == size


TURNS = (
    "mov $0x3f8, %dx \n mov $500, %ecx \n 1: mov 0x8000, %eax \n and $1, %eax \n cmp %ebx, %eax \n jne 1b \n "
    "mov %bl, %al \n add $0x61, %al \n out %al, (%dx) \n lock incl 0x8000 \n loop 1b \n hlt"
)
"""Each of two vCPUs says its letter when it is its turn."""


def test_two_vcpus_keep_the_order_in_which_they_spoke(guest):
    machine = guest(TURNS, "protected", vcpus=2)
    assert machine.run(deadline=30.0).kind == "halted"
    assert machine.console_output == b"ab" * 500
    assert machine.exits["io.out[0x3f8]"].quiet > 900


def test_two_ports_keep_the_order_in_which_the_guest_spoke(guest):
    pieces: list[bytes] = []
    machine = guest(
        "mov $0x3f8, %dx \n mov $500, %cx \n 1: mov $0x61, %al \n out %al, (%dx) \n out %al, (%dx) \n mov $0x62, %al \n"
        "out %al, $0xe9 \n mov $0x63, %al \n out %al, (%dx) \n loop 1b \n mov $0x2e, %al \n out %al, (%dx) \n hlt",
        console=pieces.append,
    )
    machine.run(deadline=10.0)
    assert b"".join(pieces) == b"aabc" * 500 + b"."


SPIN, SPIN_DEAF, SLEEP = "1: jmp 1b", "cli \n 1: jmp 1b", "sti \n 1: hlt \n jmp 1b"
SILENT = [(irqchip, then) for irqchip in ("user", "kernel", "split") for then in (SPIN, SPIN_DEAF, SLEEP)]


@pytest.mark.parametrize(("irqchip", "then"), [*SILENT, ("none", SPIN), ("none", SPIN_DEAF)])
def test_what_was_said_is_seen_while_the_guest_makes_no_exit(guest, soon, patience, irqchip, then):
    machine = guest("mov $0x3f8, %dx \n mov $0x41, %al \n out %al, (%dx) \n out %al, (%dx) \n" + then, irqchip=irqchip)
    machine.start(deadline=20.0)
    started = time.monotonic()
    assert soon(lambda: machine.console_output == b"AA")
    assert time.monotonic() - started < 0.1 * patience
    assert machine.wait(0) is None
    machine.stop()
    machine.wait(5)


@pytest.mark.parametrize("ending", ["deadline", "stop", "halt", "debug-exit", "shutdown"])
@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
def test_the_last_words_are_heard_however_the_run_ends(guest, ending, irqchip):
    rest = {"halt": "cli \n hlt", "debug-exit": "out %al, $0xf4", "shutdown": "lidt nothing \n ud2"}.get(
        ending, "1: jmp 1b"
    )
    machine = guest(f"mov $0x3f8, %edx \n mov $0x41, %al \n out %al, (%dx) \n {rest} \n "
        f"nothing: .word 0, 0, 0", "protected",
                    irqchip=irqchip)  # fmt: skip
    if ending == "stop":
        machine.start()
        time.sleep(0.005)
        machine.stop()
        machine.wait(5)
    else:
        machine.run(deadline=0.015 if ending == "deadline" else 10.0)
    assert machine.console_output == b"A"


def test_output_before_a_run_of_another_kind_of_access_is_not_overtaken(guest):
    order: list[object] = []
    machine = guest("mov $0x3f8, %dx \n mov $0x41, %al \n out %al, (%dx) \n out %al, $0x50 \n out %al, (%dx) \n hlt",
                    console=order.append)  # fmt: skip

    class Listener:
        def write(self, offset, size, value):
            order.append("device")

    machine.ports.claim(0x50, 1, Listener())
    machine.run(deadline=5.0)
    assert order == [b"A", "device", b"A"]


def test_the_other_serial_ports_are_captured_apart(guest):
    machine = guest("".join(f"mov ${port:#x}, %dx \n mov ${0x31 + at}, %al \n out %al, (%dx) \n"
                            for at, port in enumerate((0x3F8, 0x2F8, 0x3E8, 0x2E8))) + "hlt")  # fmt: skip
    machine.run(deadline=5.0)
    assert [machine.output(f"com{number}") for number in (1, 2, 3, 4)] == [b"1", b"2", b"3", b"4"]


def test_a_console_that_fails_is_reported_and_the_guest_goes_on(guest):
    warnings: list[str] = []

    def broken(data: bytes) -> None:
        raise OSError("full")

    machine = guest("mov $0x3f8, %dx \n out %al, (%dx) \n out %al, $0xe9 \n mov $7, %al \n "
        "out %al, $0xf4", console=broken,
                    warn=warnings.append)  # fmt: skip
    assert machine.run(deadline=5.0).value == 7
    assert warnings == ["device com1 failed: OSError: full", "device debug-console failed: OSError: full"]


def test_a_guest_that_never_stops_talking_is_kept_to_a_bound(guest):
    machine = guest("mov $0xe9, %dx \n mov $0x7c00, %si \n 1: mov $60000, %cx \n rep outsb \n jmp 1b", console="none")
    assert machine.run(deadline=0.05).kind == "deadline"
    assert machine.output("debug-console") == b""
