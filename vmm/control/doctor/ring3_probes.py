"""Ring 3: what runs there, and the ways from there to ring 0."""

from __future__ import annotations

from .probe import RING3, Probe

TO_RING3 = """
            sgdt [rsp - 16]
            mov rdi, [rsp - 14]     # the TSS is right behind the GDT: its I/O bitmap permits ring 3 all low ports
            mov word ptr [rdi + 0xe6], 0x68
            push 0x23
            push 0x80000
            push 2
            push 0x2b
            lea rax, [rip + user]
            push rax
            iretq
        user:
"""

PROBES = (
    Probe(
        name="FPU and SSE in ring 3",
        area=RING3,
        mode="long",
        user=True,
        assembly="""
            mov ecx, 0xff
            popcnt ebx, ecx
            movd xmm0, ebx
            paddd xmm0, xmm0
            movd eax, xmm0
            fninit
            fld1
            fistp dword ptr [rsp - 8]
            add eax, [rsp - 8]
            out 0xf4, al
        """,
        code="b9ff000000f30fb8d9660f6ec3660ffec0660f7ec0dbe3d9e8db5c24f8034424f8e6f4",
        answer=17,
        loss="Ring-3 code of a guest must be compiled for general registers alone.",
        for_linux=True,
    ),
    Probe(
        name="ring 3 and back",
        area=RING3,
        mode="long",
        assembly=f"""
            lidt [0x1fff0]
        {TO_RING3}
            ud2
        """,
        code="0f011c25f0ff01000f014424f0488b7c24f266c787e600000068006a2368000008006a026a2b488d05030000005048cf0f0b",
        handler_assembly="mov eax, [rsp + 8]; out 0xf4, al  # CS of the culprit",
        handler="8b442408e6f4",
        answer=0x2B,
        loss="Guests cannot have processes of their own.",
        for_linux=True,
    ),
    Probe(
        name="int n in ring 3",
        area=RING3,
        mode="long",
        assembly=f"""
            lidt [0x1fff0]
        {TO_RING3}
            int 0x80
        """,
        code="0f011c25f0ff01000f014424f0488b7c24f266c787e600000068006a2368000008006a026a2b488d05030000005048cfcd80",
        handler_assembly="mov rax, [rsp]; out 0xf4, al  # low byte of where it goes back to",
        handler="488b0424e6f4",
        answer=0x32,
        otherwise="it raises #UD instead of calling the gate",
        loss="System calls by int 0x80 do not reach ring 0.",
    ),
    Probe(
        name="syscall in ring 3",
        area=RING3,
        mode="long",
        assembly=f"""
            mov ecx, 0xc0000081     # STAR
            xor eax, eax
            mov edx, 0x00180008
            wrmsr
            inc ecx                 # LSTAR
            mov eax, 0x9000
            xor edx, edx
            wrmsr
        {TO_RING3}
            syscall
        """,
        code=(
            "b9810000c031c0ba080018000f30ffc1b80090000031d20f300f014424f0488b7c24f266c787e60000006800"
            "6a2368000008006a026a2b488d05030000005048cf0f05"
        ),
        handler_assembly="mov eax, cs; out 0xf4, al",
        handler="8cc8e6f4",
        answer=0x08,
        otherwise="it arrives at LSTAR, but in ring 3",
        loss="System calls by syscall do not reach ring 0: come back by an exception or a port.",
        for_linux=True,
    ),
    Probe(
        name="CS selector in ring 3",
        area=RING3,
        mode="long",
        user=True,
        assembly="""
            mov eax, cs
            mov ebx, eax
            out 0xf4, al
        """,
        code="8cc889c3e6f4",
        answer=0x2B,
        otherwise="it reads as the host's own",
        loss="Ring-3 code that looks at its selectors must look at their low two bits alone.",
    ),
)
