from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.observe.crash import GENERAL, CrashReport
from vmm.observe.exits import FlightEntry
from vmm.observe.table import width_of


def segment(selector: int, type: int, **fields: int) -> dict[str, int]:
    plain = {"base": 0, "limit": 0xFFFF_FFFF, "s": 1, "dpl": 0, "db": 0, "l": 0, "present": 1, "unusable": 0}
    return {"selector": selector, "type": type, **plain, **fields}


def symbols(address: int) -> str:
    return {0x10_004D: "boom+0x5", 0x10_0032: "putc+0x12"}.get(address, "")


LONG = CrashReport(
    outcome="shutdown: triple fault",
    details=["The guest met #UD without an IDT entry for it, nor for the #GP and #DF that followed."],
    mode="64-bit long mode, ring 0",
    registers={**dict.fromkeys(GENERAL, 0), "rax": 0x48, "r9": 2**63, "rsp": 0x8FE0, "rip": 0x10_004D, "rflags": 0x46},
    control={"cr0": 0x8000_0011, "cr3": 0x9000, "cr4": 0x20, "efer": 0x500},
    words={"rflags": "PF ZF", "cr0": "PE ET PG", "cr4": "PAE", "efer": "LME LMA"},
    segments={
        "cs": segment(0x8, 0xB, l=1),
        "ss": segment(0x10, 0x3, db=1),
        "tr": segment(0, 0xB, s=0, limit=0xFFFF),
        "fs": segment(0, 0, unusable=1),
        "gdt": {"base": 0x8000, "limit": 0x17},
    },
    code=bytes.fromhex("b800000000 0f0bc9c3"),
    code_address=0x10_0048,
    disassembly=[(0x10_0048, "b8 00 00 00 00", "mov eax,0"), (0x10_004D, "0f 0b", "ud2")],
    stack=[0x10_0032, 0, 0, 0, 0x48],
    stack_address=0x8FE0,
    walks=["rip 0x10004d", "  PML4[0] 0xa003 P RW"],
    flight=[FlightEntry(vcpu=0, at_ns=5, reason="shutdown", rip=0x10_004D)],
    symbols=symbols,
)  # fmt: skip


def test_the_death_of_a_64_bit_guest_reads_from_verdict_to_last_exit() -> None:
    assert LONG.render() == (
        """\
shutdown: triple fault
  The guest met #UD without an IDT entry for it, nor for the #GP and #DF that
  followed.
  vCPU 0, 64-bit long mode, ring 0, at 0x10004d boom+0x5

Registers
  rax 0000000000000048  rbx 0000000000000000  rcx 0000000000000000
  rdx 0000000000000000  rsi 0000000000000000  rdi 0000000000000000
  rbp 0000000000000000  rsp 0000000000008fe0  r8  0000000000000000
  r9  8000000000000000  r10 0000000000000000  r11 0000000000000000
  r12 0000000000000000  r13 0000000000000000  r14 0000000000000000
  r15 0000000000000000

  rip     0010004d
  rflags  00000046  PF ZF
  cr0     80000011  PE ET PG
  cr3     00009000
  cr4     00000020  PAE
  efer    00000500  LME LMA

Segments  selector      base     limit  type  dpl
  cs          0008  00000000  ffffffff     b    0  code 64-bit
  ss          0010  00000000  ffffffff     3    0  data 32-bit
  tr          0000  00000000  0000ffff     b    0  system
  fs          0000  00000000  ffffffff     0    0  unusable
  gdt               00008000      0017

Code, <RIP> marked
  0x100048  b8 00 00 00 00<0f>0b c9 c3
     0x100048  b8 00 00 00 00  mov eax,0
  -> 0x10004d  0f 0b           ud2

Stack
  0x8fe0  0000000000100032  putc+0x12
  0x8fe8  0000000000000000             x 3
  0x9000  0000000000000048

Page walk
  rip 0x10004d
    PML4[0] 0xa003 P RW

Last exit  rip       access
        0  boom+0x5  shutdown"""
    )


def test_a_guest_outside_long_mode_shows_32_bit_registers_and_only_what_is_known() -> None:
    report = CrashReport(
        outcome="deadline: no end after 2 s",
        mode="real mode",
        registers={**dict.fromkeys(GENERAL, 0), "rsp": 0x7C00, "rip": 0x7C1F, "rflags": 0x2},
        control={"cr0": 0x10, "efer": 0},
        words={"cr0": "ET"},
        code=bytes(range(0x20)),
        code_address=0x7C10,
        stack=[0xBEEF],
        stack_address=0x7C00,
        stack_word=2,
    )
    assert report.render() == (
        """\
deadline: no end after 2 s
  vCPU 0, real mode, at 0x7c1f

Registers
  eax 00000000  ebx 00000000  ecx 00000000  edx 00000000
  esi 00000000  edi 00000000  ebp 00000000  esp 00007c00

  rip     00007c1f
  rflags  00000002
  cr0     00000010  ET
  efer    00000000

Code, <RIP> marked
  0x7c10  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e<0f>
  0x7c20  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f

Stack
  0x7c00  beef"""
    )


def test_the_json_holds_the_same_in_hexadecimal() -> None:
    document = json.loads(json.dumps(LONG.as_json()))
    assert (document["schema"], document["version"]) == ("vmm.crash", 1)
    assert document["outcome"] == "shutdown: triple fault"
    assert document["symbol"] == "boom+0x5"
    assert document["registers"]["r9"] == "0x8000000000000000"
    assert document["words"]["cr0"] == "PE ET PG"
    assert document["segments"]["gdt"] == {"base": "0x8000", "limit": "0x17"}
    assert document["code"] == {"address": "0x100048", "bytes": "b8000000000f0bc9c3"}
    assert document["disassembly"][1] == {"address": "0x10004d", "bytes": "0f 0b", "text": "ud2"}
    assert document["stack"]["words"][0] == {"value": "0x100032", "symbol": "putc+0x12"}
    assert document["flight"][0]["location"] == "shutdown"


TEXT = st.text(max_size=120)
WORD = st.integers(min_value=0, max_value=2**64 - 1)


@settings(max_examples=60, deadline=None)
@given(
    outcome=TEXT,
    name=TEXT,
    word=WORD,
    code=st.binary(max_size=40),
    entries=st.lists(
        st.builds(
            FlightEntry, vcpu=st.integers(0, 300), at_ns=WORD, reason=TEXT, direction=TEXT, address=st.none() | WORD,
            size=st.integers(0, 8), value=WORD, rip=WORD, device=TEXT,
        ),
        max_size=8,
    ),
    width=st.just(80) | st.integers(min_value=20, max_value=120),
)  # fmt: skip
def test_no_line_is_wider_than_the_terminal(
    outcome: str, name: str, word: int, code: bytes, entries: list[FlightEntry], width: int
) -> None:
    report = CrashReport(
        outcome=outcome,
        details=[name],
        mode=name,
        registers={**dict.fromkeys(GENERAL, word), "rip": word, "rflags": word, name: word},
        control={"cr0": word, "efer": word},
        words={"cr0": outcome, "rflags": name},
        segments={name: segment(word & 0xFFFF, word & 15, base=word), "idt": {"base": word, "limit": word & 0xFFFF}},
        code=code,
        code_address=max(word - 3, 0),
        disassembly=[(word, code.hex(), name)],
        stack=[word] * 3,
        stack_address=word,
        walks=[name, outcome],
        flight=entries,
        symbols=lambda address: name,
    )
    for line in report.render(width).splitlines():
        assert width_of(line) <= width
        assert line == line.rstrip()
    json.dumps(report.as_json())
