"""Instructions in words, with and without a disassembler."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.cpu import opcodes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("f3480fb8c3", "popcnt (F3 0F B8)"),
        ("0f58c1", "SSE arithmetic (0F 58)"),
        ("f20f58c1", "SSE arithmetic (F2 0F 58)"),
        ("cc", "int3 (CC)"),
        ("cd21", "int n (CD 21)"),
        ("0fae20", "xsave/xrstor family (0F AE /4)"),
        ("0fae28", "xsave/xrstor family (0F AE /5)"),
        ("0fae00", "fxsave (0F AE /0)"),
        ("0faef0", "mfence (0F AE /6)"),
        ("f30faed8", "wrgsbase (F3 0F AE /3)"),
        ("c5f858c1", "AVX (VEX 0F 58)"),
        ("c4e27058c1", "AVX (VEX 0F 38 58)"),
        ("c4e270f2c1", "BMI (VEX 0F 38 F2)"),
        ("62f17c4858c1", "AVX-512 (EVEX 0F 58)"),
        ("d9e8", "x87 (D9 E8)"),
        ("0f0b", "ud2 (0F 0B)"),
        ("0f01c1", "vmcall (0F 01 C1)"),
        ("0f01d9", "vmmcall (0F 01 D9)"),
        ("0f01f8", "swapgs (0F 01 F8)"),
        ("0f0118", "lidt (0F 01 /3)"),
        ("480fc70f", "cmpxchg16b (0F C7 /1)"),
        ("0fc70f", "cmpxchg8b (0F C7 /1)"),
        ("0fc7f0", "rdrand (0F C7 /6)"),
        ("f30f1ec8", "rdssp, shadow stack (F3 0F 1E /1)"),
        ("f30f1efa", "endbr64 (F3 0F 1E FA)"),
        ("660f38f6c3", "adcx (0F 38 F6)"),
        ("660f3840c1", "SSSE3, SSE4 or later vector instruction (0F 38 40)"),
        ("660f3a44c100", "pclmulqdq (0F 3A 44)"),
        ("f36c", "rep ins (F3 6C)"),
        ("6690", "nop (90)"),
        ("f390", "pause (F3 90)"),
        ("48cf", "iret (CF)"),
        ("48ffe0", "jmp (FF /4)"),
        ("48f7f1", "div (F7 /6)"),
        ("0f05", "syscall (0F 05)"),
        ("27", "not an instruction in 64-bit mode (27)"),
        ("", "no bytes"),
        ("6666", "prefixes only (66 66)"),
        ("0f", "cut short (0F)"),
        ("0fae", "cut short (0F AE)"),
    ],
)
def test_the_class_of_a_64_bit_instruction_is_named(code: str, words: str) -> None:
    assert opcodes.classify(bytes.fromhex(code), 64) == words


@pytest.mark.parametrize(
    ("code", "bits", "words"),
    [
        ("27", 16, "daa (27)"),
        ("c43e0000", 16, "les (C4)"),
        ("c53e0000", 32, "lds (C5)"),
        ("620e0000", 32, "bound (62)"),
        ("c5f877", 32, "AVX (VEX 0F 77)"),
        ("48", 32, "dec (48)"),
        ("63c0", 32, "arpl (63)"),
        ("63c0", 64, "movsxd (63)"),
    ],
)
def test_the_width_of_the_code_decides_what_bytes_mean(code: str, bits: int, words: str) -> None:
    assert opcodes.classify(bytes.fromhex(code), bits) == words


@settings(max_examples=200)
@given(st.binary(max_size=20), st.sampled_from([16, 32, 64]))
def test_any_bytes_get_some_words(code: bytes, bits: int) -> None:
    assert opcodes.classify(code, bits)
    assert opcodes.describe(code, bits)


def test_without_a_disassembler_the_class_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iced_x86", None)
    assert opcodes.disassemble(b"\xf4", 0, 64) == []
    assert opcodes.describe(bytes.fromhex("f3480fb8c3"), 64) == "popcnt (F3 0F B8)"


def test_with_a_disassembler_the_text_is_exact() -> None:
    pytest.importorskip("iced_x86")
    assert opcodes.describe(bytes.fromhex("f3480fb8c3"), 64) == "popcnt rax,rbx (F3 48 0F B8 C3)"
    assert opcodes.disassemble(bytes.fromhex("e6f4f40f"), 0x7C00, 16) == [
        (0x7C00, "E6 F4", "out 0F4h,al"),
        (0x7C02, "F4", "hlt"),
    ]
    assert opcodes.disassemble(b"\x27\x90\x90", 0, 64)[0][2] == "(bad)"
    assert opcodes.describe(b"\x27", 64) == "not an instruction in 64-bit mode (27)"


def test_own_names_agree_with_a_disassembler() -> None:
    iced = pytest.importorskip("iced_x86")
    names = {value: name.lower() for name, value in vars(iced.Mnemonic).items() if isinstance(value, int)}
    for head in [bytes([first]) for first in range(256)] + [bytes([0x0F, second]) for second in range(256)]:
        code = head + bytes(14)
        instruction = iced.Decoder(64, code).decode()
        own = opcodes.classify(code, 64).split(" (")[0]
        if instruction and own.isalnum() and own.islower() and own != "x87":
            mnemonic = names[instruction.mnemonic]
            assert mnemonic.startswith(own) or (own, mnemonic) == ("fwait", "wait"), head.hex()
