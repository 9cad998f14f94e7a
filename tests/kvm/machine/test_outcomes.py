"""How a run can end: each kind with its words, its data and its exit code."""

from __future__ import annotations

import pytest

from vmm import Device

HALT = "cli \n hlt"


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_a_halt_with_interrupts_off_is_for_good(guest, irqchip):
    machine = guest(HALT, irqchip=irqchip)
    outcome = machine.run(deadline=5.0)
    assert str(outcome) == "halted: the guest halted with interrupts off, for good"
    assert outcome.exit_code() == 0
    assert not outcome.is_abnormal


def test_a_halt_with_interrupts_on_is_for_good_where_nothing_sends_any(guest):
    outcome = guest("sti \n hlt", irqchip="none").run(deadline=5.0)
    assert str(outcome) == "halted: the guest halted with interrupts on, but nothing here can send one"


@pytest.mark.parametrize(
    ("value", "register", "raw", "qemu"),
    [(0, "%al", 0, 1), (1, "%al", 1, 3), (255, "%al", 255, 255), (65535, "%ax", 255, 255), (0x10000, "%eax", 0, 1)],
)
def test_debug_exit_gives_the_value_as_written(guest, value, register, raw, qemu):
    outcome = guest(f"mov ${value}, %eax \n out {register}, $0xf4", strict=True).run(deadline=5.0)
    assert (outcome.kind, outcome.value) == ("debug-exit", value)
    assert outcome.words == f"the guest wrote {value:#x} to the debug-exit port"
    assert (outcome.exit_code(), outcome.exit_code("raw"), outcome.exit_code("qemu")) == (raw, raw, qemu)


def test_a_triple_fault_is_a_shutdown(guest):
    outcome = guest("lidt nothing \n ud2 \n nothing: .word 0, 0, 0", "protected").run(deadline=5.0)
    assert (outcome.kind, outcome.exit_code()) == ("shutdown", 120)
    assert "triple fault" in outcome.words
    assert outcome.is_abnormal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "mov $0xcf9, %dx \n mov $2, %al \n out %al, (%dx) \n mov $6, %al \n out %al, (%dx)",
            "hard reset (reset control)",
        ),
        ("mov $0xcf9, %dx \n mov $4, %al \n out %al, (%dx)", "soft reset (reset control)"),
        ("in $0x92, %al \n or $1, %al \n out %al, $0x92", "fast reset"),
        ("mov $0xfe, %al \n out %al, $0x64", None),
    ],
    ids=["0xcf9 hard", "0xcf9 soft", "0x92", "i8042"],
)
@pytest.mark.parametrize("irqchip", ["user", "kernel", "split", "none"])
def test_a_reset_says_by_what(guest, text, words, irqchip):
    outcome = guest(text + "\n 1: jmp 1b", irqchip=irqchip).run(deadline=5.0)
    assert (outcome.kind, outcome.exit_code()) == ("reset", 123)
    assert outcome.words.startswith("the guest asked for a reset: ")
    assert words is None or outcome.words.endswith(words)


def test_a_deadline_is_not_the_guests_fault_but_abnormal(guest):
    outcome = guest("1: jmp 1b").run(deadline=0.01)
    assert str(outcome) == "deadline: the deadline passed before the guest ended"
    assert outcome.exit_code() == 124


@pytest.mark.parametrize(
    ("text", "words", "detail"),
    [
        ("mov $0x700, %dx \n mov $0x12345678, %eax \n out %eax, (%dx)", "no device claims out of 4 at port 0x700",
         {"direction": "out", "address": 0x700, "size": 4, "value": 0x12345678}),
        ("mov $0x700, %dx \n in (%dx), %al", "no device claims in of 1 at port 0x700",
         {"direction": "in", "address": 0x700, "size": 1, "value": 0}),
        ("mov %ax, 0xd0200000", "no device claims write of 2 at gpa 0xd0200000",
         {"direction": "write", "address": 0xD020_0000, "size": 2, "value": 0}),
        ("mov 0xd0200000, %eax", "no device claims read of 4 at gpa 0xd0200000",
         {"direction": "read", "address": 0xD020_0000, "size": 4, "value": 0}),
    ],
    ids=["out", "in", "write", "read"],
)  # fmt: skip
def test_an_access_nobody_claims_ends_a_strict_run(guest, text, words, detail):
    machine = guest(text + "\n hlt", "protected", strict=True)
    outcome = machine.run(deadline=5.0)
    assert str(outcome) == f"unclaimed: {words}"
    assert outcome.detail == detail
    assert outcome.exit_code() == 122
    assert guest(text + "\n hlt", "protected").run(deadline=5.0).kind == "halted"


def test_string_input_from_nowhere_ends_a_strict_run_once(guest):
    outcome = guest("mov $0x700, %dx \n mov $100, %cx \n rep insb \n hlt", strict=True).run(deadline=5.0)
    assert outcome.words == "no device claims in of 1 at port 0x700"


def test_an_instruction_kvm_cannot_emulate_is_named(guest):
    """Code outside memory: KVM must emulate what it cannot fetch, on every host."""
    machine = guest("jmp 0xd0000000", "protected")
    outcome = machine.run(deadline=5.0)
    if outcome.kind == "shutdown":
        pytest.skip("this host gives the guest a page fault instead")
    assert (outcome.kind, outcome.exit_code()) == ("internal-error", 121)
    assert outcome.detail["suberror"] == 1
    assert machine.crash_report().details


def test_an_instruction_kvm_cannot_emulate_has_its_bytes_in_the_detail(guest):
    machine = guest("nop \n popcnt %eax, %ebx \n hlt", "protected")
    outcome = machine.run(deadline=5.0)
    if outcome.kind == "halted":
        pytest.skip("this host runs it")
    assert outcome.kind == "internal-error"
    assert outcome.detail["instruction"].startswith(b"\xf3\x0f\xb8\xd8")
    assert "popcnt" in outcome.words.lower() or "emulat" in outcome.words
    assert "emulator does not know it" in " ".join(machine.crash_report().details)


def test_the_outcome_stays_until_the_next_run(guest):
    machine = guest("1: jmp 1b")
    assert machine.outcome is None
    first = machine.run(deadline=0.01)
    assert machine.outcome == first
    machine.post(lambda: machine.stop("second", 2))
    assert machine.run(deadline=5.0).value == 2
    assert machine.outcome.exit_code() == 130


def test_the_first_verdict_counts(guest):
    class Both(Device):
        def write(self, offset, size, value):
            machine.stop("first")
            machine.stop("second")

    machine = guest("out %al, $0x50 \n hlt")
    machine.ports.claim(0x50, 1, Both())
    assert machine.run(deadline=5.0).words == "first"
