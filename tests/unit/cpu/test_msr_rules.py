from __future__ import annotations

from vmm.cpu import msrs
from vmm.cpu.msr_rules import GuestRules

TSC_AUX, XSS = msrs.number("IA32_TSC_AUX"), msrs.number("IA32_XSS")


def test_a_register_needs_one_of_its_features() -> None:
    assert GuestRules([]).refuses_read(TSC_AUX)
    assert not GuestRules(["rdpid"]).refuses_read(TSC_AUX)
    assert not GuestRules(["rdtscp"]).refuses_write(TSC_AUX, 1)
    assert GuestRules(["rdtscp"]).refuses_read(XSS)


def test_what_tells_of_the_cpu_is_the_hosts_to_say() -> None:
    rules = GuestRules(["vmx", "arch_capabilities"])
    for index in (0x480, 0x10A):
        assert not rules.refuses_read(index)
        assert rules.refuses_write(index, 0)
    assert GuestRules([]).refuses_read(0x480)


def test_a_machine_check_status_is_cleared_and_never_set() -> None:
    rules = GuestRules([])
    assert not rules.refuses_write(0x401, 0)
    assert rules.refuses_write(0x405, 1)
    assert not rules.refuses_write(0x402, 1)


def test_the_control_register_of_machine_checks_is_there_if_they_say_so() -> None:
    assert GuestRules([]).refuses_read(0x17B)
    assert not GuestRules([], mcg_cap=1 << 8 | 10).refuses_read(0x17B)


def test_the_microcode_revision_is_written_in_vain() -> None:
    assert GuestRules([]).ignores_write(0x8B)
    assert not GuestRules([]).ignores_write(0x174)
