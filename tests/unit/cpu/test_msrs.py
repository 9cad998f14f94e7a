"""MSRs by number and by name."""

import pytest

from vmm.cpu import msrs


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x10, "IA32_TIME_STAMP_COUNTER"),
        (0x1B, "IA32_APIC_BASE"),
        (0x200, "IA32_MTRR_PHYSBASE0"),
        (0x20F, "IA32_MTRR_PHYSMASK7"),
        (0x400, "IA32_MC0_CTL"),
        (0x40A, "IA32_MC2_ADDR"),
        (0x6E0, "IA32_TSC_DEADLINE"),
        (0x802, "IA32_X2APIC_APICID"),
        (0x812, "IA32_X2APIC_ISR2"),
        (0x830, "IA32_X2APIC_ICR"),
        (0x8FF, "IA32_X2APIC_0xff"),
        (0x40000000, "HV_X64_MSR_GUEST_OS_ID"),
        (0x4000009F, "HV_X64_MSR_SINT15"),
        (0x4B564D01, "MSR_KVM_SYSTEM_TIME_NEW"),
        (0xC0000080, "IA32_EFER"),
        (0xC0000102, "IA32_KERNEL_GS_BASE"),
        (0xC0010117, "VM_HSAVE_PA"),
        (0xC0010203, "PERF_CTR1"),
        (0x12345, "MSR 0x12345"),
    ],
)
def test_a_number_has_its_name(number: int, name: str) -> None:
    assert msrs.name(number) == name


def test_descriptions_say_name_number_and_purpose() -> None:
    assert msrs.describe(0xC0000082) == "IA32_LSTAR (0xc0000082): SYSCALL: entry from 64-bit code"
    assert msrs.describe(0x407) == "IA32_MC1_MISC (0x407): machine check bank 1: more about the error"
    assert msrs.describe(0xDEAD) == "MSR 0xdead, not known here"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("IA32_EFER", 0xC0000080),
        ("efer", 0xC0000080),
        ("kvm_steal_time", 0x4B564D03),
        ("0x10", 0x10),
        ("ia32_mc3_ctl", 0x40C),
    ],
)
def test_a_register_is_found_by_name_or_number(text: str, number: int) -> None:
    assert msrs.number(text) == number


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean IA32_EFER"):
        msrs.number("IA32_EEFR")


def test_names_and_numbers_are_distinct_and_many() -> None:
    assert len(msrs.NUMBERS) == len(set(msrs.NUMBERS.values())) > 250
    assert all(msrs.name(number) == name for name, number in msrs.NUMBERS.items())
