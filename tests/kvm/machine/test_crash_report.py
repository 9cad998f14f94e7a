"""crash_report(): for every abnormal end, in 80 columns, with what a reader needs."""

from __future__ import annotations

import json

import pytest

ENDS = {
    "shutdown": "lidt nothing \n ud2 \n nothing: .word 0, 0, 0, 0, 0",
    "unclaimed": "mov $0x700, %edx \n out %al, (%dx)",
    "deadline": "1: jmp 1b",
    "internal-error": "popcnt %eax, %eax \n mov $0xd0000000, %eax \n jmp *{rax}",
}


@pytest.mark.parametrize("mode", ["protected", "long"])
@pytest.mark.parametrize("kind", ENDS)
def test_every_abnormal_end_has_a_report_in_80_columns(guest, kind, mode):
    text = ENDS[kind].replace("{rax}", "%rax" if mode == "long" else "%eax")
    machine = guest(f"push $0x1234 \n out %al, $0x50 \n {text}", mode, strict=kind == "unclaimed")
    if kind == "unclaimed":
        machine.ports.claim(0x50, 1, type("Sink", (), {"write": lambda *_: None})())
    outcome = machine.run(deadline=0.02 if kind == "deadline" else 5.0)
    assert outcome.kind == kind
    assert outcome.is_abnormal
    report = machine.crash_report()
    text = report.render()
    assert text.startswith(f"{kind}: ")
    assert max(map(len, text.splitlines())) <= 80
    assert "Registers" in text
    assert "0x50" in text, "the flight recorder"
    assert f"{report.registers['rip']:#x}" in text
    if kind != "shutdown":  # an SVM host resets the vCPU at a triple fault
        assert (f"{64 if mode == 'long' else 32}-bit") in report.mode
        assert report.stack[0] == 0x1234
        assert bool(report.walks) == (mode == "long")
    json.dumps(report.as_json())


def test_a_report_in_real_mode_reads_code_and_stack_through_the_segments(guest):
    machine = guest("ljmp $0x100, $next - 0x1000 \n next: mov $0x2000, %ax \n mov %ax, %ss \n "
        "mov $0x100, %sp \n push $0x77 \n"
                    "1: jmp 1b")  # fmt: skip
    machine.run(deadline=0.02)
    report = machine.crash_report()
    assert "real" in report.mode
    assert report.stack_address == 0x200FE
    assert report.stack[0] == 0x77
    assert b"\xeb\xfe" in report.code


def test_a_guest_that_points_everything_nowhere_still_gets_a_report(guest):
    machine = guest("mov $0xfffffffffffffff0, %rsp \n mov $0x8000000000, %rax \n mov %rax, %cr3 \n 1: jmp 1b", "long")
    machine.run(deadline=0.05)
    text = machine.crash_report().render()
    assert max(map(len, text.splitlines())) <= 80


def test_a_report_can_be_asked_for_before_any_run_and_after_a_normal_end(guest):
    machine = guest("hlt")
    assert machine.crash_report().render().startswith("not run")
    machine.run(deadline=5.0)
    assert machine.crash_report().render().startswith("halted: ")


def test_the_report_is_about_the_vcpu_that_ended_the_run(guest):
    machine = guest("test %ebx, %ebx \n jz 1f \n lidt nothing \n ud2 \n 1: jmp 1b \n "
        "nothing: .word 0, 0, 0", "protected",
                    vcpus=2, irqchip="none")  # fmt: skip
    outcome = machine.run(deadline=5.0)
    assert (outcome.kind, outcome.vcpu) == ("shutdown", 1)
    assert machine.crash_report().vcpu == 1
