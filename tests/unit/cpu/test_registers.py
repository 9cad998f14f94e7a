"""Registers by name and in words."""

import pytest

from vmm.bits import in_words
from vmm.cpu import control, registers, segments

FILE = {name: 0x1111_2222_3333_0000 + number for number, name in enumerate(registers.GENERAL64)} | {
    "rip": 0xFFFF_FFFF_8100_0000,
    "rflags": 0x3246,
}


@pytest.mark.parametrize(
    ("name", "value"), [("rax", 0x1111222233330000), ("ebx", 0x33330001), ("sp", 0x0007), ("eip", 0x81000000)]
)
def test_a_narrow_name_is_part_of_a_wide_register(name: str, value: int) -> None:
    assert registers.value_of(FILE, name) == value


def test_an_unknown_register_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registers.value_of(FILE, "xmm0")


@pytest.mark.parametrize(
    ("rflags", "words"), [(0x2, "none"), (0x246, "PF ZF IF"), (0x3202, "IF, IOPL 3"), (0x20002, "VM")]
)
def test_rflags_read_in_words(rflags: int, words: str) -> None:
    assert registers.rflags_in_words(rflags) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cr0", 0x80000011, "PE ET PG"),
        ("cr4", 0x620, "PAE OSFXSR OSXMMEXCPT"),
        ("efer", 0x501, "SCE LME LMA"),
        ("dr6", 0x4001, "B0 BS"),
        ("dr7", 0x400, ""),
        ("dr7", 0x000D0402, "G0, #0 write 4"),
        ("dr7", 0x00000401, "L0, #0 execute"),
        ("cr2", 0xFFFF, ""),
    ],
)
def test_control_and_debug_registers_read_in_words(name: str, value: int, words: str) -> None:
    assert registers.control_in_words(name, value) == words


def test_masks_and_name_tables_agree() -> None:
    for prefix, names in (
        ("CR0_", control.CR0_NAMES),
        ("CR4_", control.CR4_NAMES),
        ("EFER_", control.EFER_NAMES),
        ("RFLAGS_", control.RFLAGS_NAMES),
    ):
        for name, value in vars(control).items():
            if name.startswith(prefix) and isinstance(value, int) and "IOPL" not in name and "FIXED" not in name:
                assert in_words(value, names) == name.removeprefix(prefix)


@pytest.mark.parametrize(
    ("cr0", "cr4", "efer", "code", "rflags", "words", "bits"),
    [
        (0x10, 0, 0, segments.real_mode(0), 2, "real mode", 16),
        (0x11, 0, 0, segments.flat_code32(), 2, "32-bit protected mode, ring 0, no paging", 32),
        (0x11, 0, 0, segments.real_mode(0), 2, "16-bit protected mode, ring 0, no paging", 16),
        (0x80000011, 0x10, 0, segments.flat_code32(), 2, "32-bit protected mode, ring 0, 32-bit paging", 32),
        (0x80000011, 0x20, 0, segments.flat_code32(), 2, "32-bit protected mode, ring 0, PAE paging", 32),
        (0x80000011, 0x20, 0, segments.flat_code32(), 0x20002, "virtual-8086 mode, ring 0, PAE paging", 16),
        (0x80000011, 0x20, 0x500, segments.code64(), 2, "64-bit long mode, ring 0, 4-level paging", 64),
        (0x80000011, 0x1020, 0x500, segments.code64(), 2, "64-bit long mode, ring 0, 5-level paging", 64),
        (0x80000011, 0x20, 0x500, segments.flat_code32(), 2, "32-bit compatibility mode, ring 0, 4-level paging", 32),
    ],
)
def test_the_mode_reads_in_words(
    cr0: int, cr4: int, efer: int, code: segments.Segment, rflags: int, words: str, bits: int
) -> None:
    assert registers.mode_in_words(cr0, cr4, efer, code, 0, rflags) == words
    assert registers.operand_bits(cr0, efer, code, rflags) == bits
