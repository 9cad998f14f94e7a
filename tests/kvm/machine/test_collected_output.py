"""What a polling kernel writes to COM1 is collected by KVM: it costs no exit, and nothing is lost or late."""

from __future__ import annotations

import pytest

from tests.kvm.machine.test_linux_entries import vmlinux
from vmm import Machine

COUNT = 1000
"""More than the kernel's page holds (170)."""
SAID = "".join(chr(0x61 + (left & 15)) for left in range(COUNT, 0, -1))
POLL = bytes.fromhex("66bafd03 ec")
"""mov dx, 0x3fd; in al, dx"""
SPEAK = bytes.fromhex("66baf803 88c8 240f 0461 ee ffc9")
"""mov dx, 0x3f8; mov al, cl; and al, 15; add al, 'a'; out dx, al; dec ecx"""
DRIVE = bytes.fromhex("66bafa03 b001 ee 66baf903 b002 ee")
"""mov dx, 0x3fa; mov al, 1; out dx, al; mov dx, 0x3f9; mov al, 2; out dx, al: FIFOs and the transmitter's interrupt"""
CHIP = bytes.fromhex("66bafd03 ec")
"""The chip is made at the first access: one before the loop."""


def kernel(body: bytes, before: bytes = CHIP, end: bytes = b"") -> bytes:
    """`body` COUNT times, then `end`, then the debug exit with 42."""
    loop = body + b"\x75" + bytes([(-len(body) - 2) & 0xFF])  # jnz
    return vmlinux(before + b"\xb9" + COUNT.to_bytes(4, "little") + loop + end)


def run(image: bytes, **fields):
    deadline = fields.pop("deadline", 20.0)
    with Machine(image=image, **fields) as machine:
        outcome = machine.run(deadline=deadline)
        written = machine.exits["io.out.1[0x3f8]"]
        return outcome, machine.console_output.decode(), written.count if written else 0


@pytest.mark.parametrize("fields", [{}, {"irqchip": "split"}, {"vcpus": 2}], ids=str)
def test_a_polling_kernel_has_one_exit_for_each_byte(fields):
    outcome, said, exits = run(kernel(POLL + SPEAK), **fields)
    assert (outcome.value, said, exits) == (42, SAID, 0)


def test_without_a_poll_the_kernels_page_fills_and_the_order_stays():
    outcome, said, exits = run(kernel(SPEAK))
    assert (outcome.value, said) == (42, SAID)
    assert 0 < exits <= COUNT // 100


def test_the_last_words_of_a_kernel_that_falls_silent_are_heard():
    heard = []
    image = kernel(SPEAK, end=b"\xeb\xfe")  # jmp to itself
    with Machine(image=image, console=heard.append) as machine:
        machine.start(deadline=20)
        machine.wait(timeout=1.0)
        assert b"".join(heard).decode() == SAID  # while it still runs
        machine.stop()
        machine.wait()


def test_a_driver_that_waits_for_interrupts_is_served_at_once():
    outcome, said, exits = run(kernel(SPEAK, before=DRIVE))
    assert (outcome.value, said, exits) == (42, SAID, COUNT)


def test_who_watches_every_access_sees_every_byte():
    seen = []
    with Machine(image=kernel(POLL + SPEAK)) as machine:
        machine.on_exit("device=com1,direction=out", lambda *access: seen.append(access[3]))
        machine.run(deadline=20)
        assert "".join(map(chr, seen)) == SAID == machine.console_output.decode()


def test_other_guests_have_an_exit_for_each_byte():
    code = b"\x66\xb9" + COUNT.to_bytes(4, "little") + bytes.fromhex("baf803 88c8 240f 0461 ee 6649") + b"\x75\xf2\xf4"
    _, said, exits = run(code, mode="real", irqchip="kernel")
    assert (said, exits) == (SAID, COUNT)
