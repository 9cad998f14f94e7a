"""Three instructions in each CPU mode, and the ways to a device: what every tiny guest needs."""

from __future__ import annotations

from .probe import BOOT, Probe

PROBES = (
    Probe(
        name="real mode",
        area=BOOT,
        mode="real",
        assembly="""
            mov ax, 0x1234
            mov ds, ax              # any value is a segment here
            mov bx, ds
            mov al, bl
            out 0xf4, al
        """,
        code="b834128ed88cdb88d8e6f4",
        answer=0x34,
        loss="Boot sectors and firmware do not run.",
        for_linux=True,
    ),
    Probe(
        name="unreal mode",
        area=BOOT,
        mode="real",
        unreal=True,
        assembly="""
            mov ebx, 0x180000
            mov byte ptr [ebx], 0x66
            mov al, [ebx]
            out 0xf4, al
        """,
        code="66bb0000180067c60366678a03e6f4",
        answer=0x66,
        loss="Boot loaders that reach above 1 MiB from real mode do not run.",
    ),
    Probe(
        name="32-bit mode",
        area=BOOT,
        mode="protected",
        assembly="""
            mov eax, cs
            mov ebx, eax
            out 0xf4, al
        """,
        code="8cc889c3e6f4",
        answer=0x08,
        loss="32-bit guests do not run.",
        for_linux=True,
    ),
    Probe(
        name="32-bit paging",
        area=BOOT,
        mode="paged",
        assembly="""
            mov eax, cr0
            shr eax, 31             # PG
            out 0xf4, al
        """,
        code="0f20c0c1e81fe6f4",
        answer=1,
        loss="32-bit guests with paging do not run; 64-bit ones do.",
    ),
    Probe(
        name="64-bit mode",
        area=BOOT,
        mode="long",
        assembly="""
            mov eax, 1
            shl rax, 40
            shr rax, 38
            out 0xf4, al
        """,
        code="b80100000048c1e02848c1e826e6f4",
        answer=4,
        loss="64-bit guests do not run.",
        for_linux=True,
    ),
    Probe(
        name="32-bit ring 3",
        area=BOOT,
        mode="protected",
        user=True,
        assembly="""
            mov eax, cs
            mov ebx, eax
            out 0xf4, al
        """,
        code="8cc889c3e6f4",
        answer=0x1B,
        loss="32-bit guests have no ring 3.",
    ),
    Probe(
        name="64-bit ring 3",
        area=BOOT,
        mode="long",
        user=True,
        assembly="""
            mov eax, cs
            and eax, 3
            out 0xf4, al
        """,
        code="8cc883e003e6f4",
        answer=3,
        loss="64-bit guests have no ring 3.",
        for_linux=True,
    ),
    Probe(
        name="string I/O",
        area=BOOT,
        mode="long",
        test_devices=True,
        assembly="""
            cld
            mov edx, 0x2000         # the pattern port: takes anything, gives 0, 1, 2 ...
            mov esi, 0x30000
            mov ecx, 5
            rep outsb
            mov edi, 0x30000
            mov ecx, 5
            rep insb
            mov al, [rdi - 1]
            out 0xf4, al
        """,
        code="fcba00200000be00000300b905000000f36ebf00000300b905000000f36c8a47ffe6f4",
        answer=4,
        loss="Guests that move data with rep ins and rep outs (IDE disks) do not work.",
    ),
    Probe(
        name="MMIO",
        area=BOOT,
        mode="long",
        test_devices=True,
        assembly="""
            mov ebx, 0xd0000008     # the test device's scratch register
            mov qword ptr [rbx], 0x5a
            mov rax, [rbx]
            out 0xf4, al
        """,
        code="bb080000d048c7035a000000488b03e6f4",
        answer=0x5A,
        loss="Memory-mapped devices (virtio, PCI, APICs) do not work.",
        for_linux=True,
    ),
)
