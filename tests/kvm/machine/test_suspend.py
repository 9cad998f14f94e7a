"""Suspend to RAM (ACPI S3): the run ends, memory stays, and running on starts the guest where it wants to wake."""

from __future__ import annotations

from vmm.machine.machine import Machine

SLEEP = bytes.fromhex("ba0406 b80024 ef b001 e6f4 f4")
"""mov dx, 0x604; mov ax, 0x2400 (S3, go); out dx, ax; and, if it goes on: mov al, 1; out 0xf4, al; hlt"""
AWAKE = bytes.fromhex("8cc8 a20080 b02a e6f4 f4")
"""mov ax, cs; mov [0x8000], al; mov al, 42; out 0xf4, al; hlt"""
FACS_VECTOR = 0xF1000 + 12


def test_a_suspended_guest_wakes_at_its_vector_with_its_memory():
    with Machine(image=SLEEP, mode="real", memory="2M", irqchip="kernel", pc_testdev=True) as machine:
        assert machine.memory.read(0xF1000, 4) == b"FACS"
        machine.memory.write(0x20345, AWAKE)
        machine.memory.write_int(FACS_VECTOR, 4, 0x20345)
        outcome = machine.run(5)
        assert (outcome.kind, outcome.exit_code()) == ("suspended", 0)
        assert outcome.words == "the guest suspended the machine to RAM"
        outcome = machine.run(5)
        assert (outcome.kind, outcome.value) == ("debug-exit", 42)
        assert machine.memory.read(0x8000, 1) == b"\x34"


def test_without_a_vector_it_wakes_at_the_reset_vector():
    with Machine(image=SLEEP, mode="real", memory="2M", irqchip="kernel", pc_testdev=True) as machine:
        assert machine.run(5).kind == "suspended"
        assert machine.run(0).kind == "deadline"
        assert (machine.registers()["rip"], machine.special_registers()["cs"]["base"]) == (0xFFF0, 0xFFFF0000)
