"""Instructions that a KVM without VMX or SVM has to emulate in ring 0, and may not know."""

from __future__ import annotations

from .probe import NOT_OFFERED, RING0, Probe

ABSENT = f"""
        absent:
            mov al, {NOT_OFFERED:#x}
            out 0xf4, al
"""

PROBES = (
    Probe(
        name="SSE",
        area=RING0,
        mode="long",
        assembly="""
            mov eax, 3
            movd xmm0, eax
            paddd xmm0, xmm0
            movd eax, xmm0
            out 0xf4, al
        """,
        code="b803000000660f6ec0660ffec0660f7ec0e6f4",
        answer=6,
        loss="Compile guest kernels with -mno-sse -mgeneral-regs-only.",
    ),
    Probe(
        name="x87",
        area=RING0,
        mode="long",
        assembly="""
            fninit
            fld1
            fld1
            faddp
            fistp dword ptr [rsp - 8]
            mov eax, [rsp - 8]
            out 0xf4, al
        """,
        code="dbe3d9e8d9e8dec1db5c24f88b4424f8e6f4",
        answer=2,
        loss="Compile guest kernels with -mno-80387 -mgeneral-regs-only.",
        for_linux=True,
    ),
    Probe(
        name="popcnt",
        area=RING0,
        mode="long",
        assembly=f"""
            mov eax, 1
            cpuid
            bt ecx, 23
            jnc absent
            mov ecx, 0xff
            popcnt eax, ecx
            out 0xf4, al
        {ABSENT}""",
        code="b8010000000fa20fbae117730bb9ff000000f30fb8c1e6f4b0eee6f4",
        answer=8,
        loss="Kernels that count bits must hide it: --cpu host,-popcnt.",
        for_linux=True,
    ),
    Probe(
        name="BMI",
        area=RING0,
        mode="long",
        assembly=f"""
            mov eax, 7
            xor ecx, ecx
            cpuid
            bt ebx, 3
            jnc absent
            mov ecx, 0x0f
            mov edx, 0x3c
            andn eax, ecx, edx
            out 0xf4, al
        {ABSENT}""",
        code="b80700000031c90fa20fbae3037311b90f000000ba3c000000c4e270f2c2e6f4b0eee6f4",
        answer=0x30,
        loss="Compile guest kernels without -mbmi and for no CPU newer than x86-64-v2.",
    ),
    Probe(
        name="cmpxchg16b",
        area=RING0,
        mode="long",
        assembly=f"""
            mov eax, 1
            cpuid
            bt ecx, 13
            jnc absent
            mov edi, 0x30000
            xor eax, eax
            xor edx, edx
            mov ebx, 0x66
            xor ecx, ecx
            cmpxchg16b [rdi]
            mov al, [rdi]
            out 0xf4, al
        {ABSENT}""",
        code="b8010000000fa20fbae10d7318bf0000030031c031d2bb6600000031c9480fc70f8a07e6f4b0eee6f4",
        answer=0x66,
        loss="Compile guest kernels without -mcx16.",
    ),
    Probe(
        name="xsave",
        area=RING0,
        mode="long",
        assembly=f"""
            mov eax, 1
            cpuid
            bt ecx, 26
            jnc absent
            mov rax, cr4
            or eax, 0x40000         # OSXSAVE
            mov cr4, rax
            mov eax, 1
            xor edx, edx
            mov edi, 0x30000
            xsave [rdi]
            xrstor [rdi]
            mov al, 0x55
            out 0xf4, al
        {ABSENT}""",
        code="b8010000000fa20fbae11a73210f20e00d000004000f22e0b80100000031d2bf000003000fae270fae2fb055e6f4b0eee6f4",
        loss="Kernels that switch extended state must hide it: --cpu host,-xsave.",
        for_linux=True,
    ),
    Probe(
        name="hypercalls",
        area=RING0,
        mode="long",
        deadline=0.25,
        assembly="""
            mov eax, 0xffff         # a number that nobody has: the answer is -1000
            vmcall
            out 0xf4, al
        """,
        code="b8ffff00000f01c1e6f4",
        answer=0x18,
        loss="A guest that tries vmcall or vmmcall in ring 0 hangs: give it a deadline.",
    ),
)
