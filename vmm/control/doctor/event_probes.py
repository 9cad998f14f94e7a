"""Interrupts, exceptions and second CPUs: what comes to a kernel unasked, and its way back from there."""

from __future__ import annotations

from .probe import EVENTS, Probe

TIMER = """
            mov al, 0x11            # the first PIC: edge triggered, ICW4 follows
            out 0x20, al
            mov al, 0x20            # vectors from 0x20
            out 0x21, al
            mov al, 4
            out 0x21, al
            mov al, 1
            out 0x21, al
            mov al, 0xfe            # all masked but the timer
            out 0x21, al
            mov al, 0x30            # PIT channel 0, mode 0: once, in 0.9 ms
            out 0x43, al
            mov al, 0
            out 0x40, al
            mov al, 4
            out 0x40, al
            sti
"""

PROBES = (
    Probe(
        name="real-mode int n",
        area=EVENTS,
        mode="real",
        assembly="int 0x40",
        code="cd40",
        loss="Guests cannot call a BIOS.",
    ),
    Probe(
        name="exceptions",
        area=EVENTS,
        mode="long",
        assembly="""
            lidt [0x1fff0]
            ud2
        """,
        code="0f011c25f0ff01000f0b",
        loss="Guests cannot handle their own faults.",
        for_linux=True,
    ),
    Probe(
        name="int3",
        area=EVENTS,
        mode="long",
        assembly="""
            lidt [0x1fff0]
            int3
        """,
        code="0f011c25f0ff0100cc",
        loss="Breakpoints inside a guest's kernel, and Linux's self-test of them, fail.",
        for_linux=True,
    ),
    Probe(
        name="int n",
        area=EVENTS,
        mode="long",
        assembly="""
            lidt [0x1fff0]
            int 0x40
        """,
        code="0f011c25f0ff0100cd40",
        loss="64-bit kernels cannot call their own interrupt handlers.",
    ),
    Probe(
        name="iretq",
        area=EVENTS,
        mode="long",
        assembly="""
            mov rax, rsp
            push 0x10
            push rax
            pushfq
            push 8
            push 0x9000
            iretq
        """,
        code="4889e06a10509c6a08680090000048cf",
        loss="64-bit kernels cannot return from an interrupt.",
        for_linux=True,
    ),
    Probe(
        name="32-bit iret",
        area=EVENTS,
        mode="protected",
        assembly="""
            pushfd
            push cs
            push 0x9000
            iretd
        """,
        code="9c0e6800900000cf",
        loss="32-bit kernels cannot return from an interrupt.",
    ),
    Probe(
        name="single step",
        area=EVENTS,
        mode="long",
        assembly="""
            lidt [0x1fff0]
            pushfq
            or dword ptr [rsp], 0x100   # TF
            popfq
            nop
            nop
            out 0xf4, al
        """,
        code="0f011c25f0ff01009c810c24000100009d9090e6f4",
        otherwise="the trap flag traps nothing",
        loss="A debugger inside the guest cannot step.",
    ),
    Probe(
        name="Python's timer wakes hlt",
        area=EVENTS,
        mode="real",
        irqchip="user",
        deadline=1.0,
        assembly=f"""{TIMER}
        sleep:
            hlt
            jmp sleep
        """,
        code="b011e620b020e621b004e621b001e621b0fee621b030e643b000e640b004e640fbf4ebfd",
        loss="--irqchip user gives no interrupts.",
    ),
    Probe(
        name="Python's timer interrupts a loop",
        area=EVENTS,
        mode="long",
        irqchip="user",
        deadline=1.0,
        assembly=f"""
            lidt [0x1fff0]
        {TIMER}
        spin:
            pause
            jmp spin
        """,
        code="0f011c25f0ff0100b011e620b020e621b004e621b001e621b0fee621b030e643b000e640b004e640fbf390ebfc",
        loss="--irqchip user does not interrupt a guest that computes.",
    ),
    Probe(
        name="the kernel's timer wakes hlt",
        area=EVENTS,
        mode="real",
        irqchip="kernel",
        deadline=1.0,
        assembly=f"""{TIMER}
        sleep:
            hlt
            jmp sleep
        """,
        code="b011e620b020e621b004e621b001e621b0fee621b030e643b000e640b004e640fbf4ebfd",
        loss="--irqchip kernel gives no interrupts.",
        for_linux=True,
    ),
    Probe(
        name="the kernel's timer interrupts a loop",
        area=EVENTS,
        mode="long",
        irqchip="kernel",
        deadline=1.0,
        assembly=f"""
            lidt [0x1fff0]
        {TIMER}
        spin:
            pause
            jmp spin
        """,
        code="0f011c25f0ff0100b011e620b020e621b004e621b001e621b0fee621b030e643b000e640b004e640fbf390ebfc",
        loss="--irqchip kernel does not interrupt a guest that computes.",
        for_linux=True,
    ),
    Probe(
        name="INIT and SIPI",
        deadline=1.0,
        area=EVENTS,
        mode="long",
        irqchip="kernel",
        vcpus=2,
        assembly="""
            mov ebx, 0xfee00000
            mov dword ptr [rbx + 0xf0], 0x1ff       # local APIC on
            mov dword ptr [rbx + 0x300], 0xc4500    # INIT to all others
            mov dword ptr [rbx + 0x300], 0xc4609    # start at page 9
        wait:
            pause
            jmp wait
        """,
        code="bb0000e0fec783f0000000ff010000c7830003000000450c00c7830003000009460c00f390ebfc",
        loss="Guests have one CPU with --irqchip kernel.",
    ),
    Probe(
        name="two vCPUs at once",
        area=EVENTS,
        mode="long",
        vcpus=2,
        assembly="""
            test ebx, ebx
            jnz second
        first:
            pause
            mov al, [0x30000]
            test al, al
            jz first
            out 0xf4, al
        second:
            mov byte ptr [0x30000], 0x55
        wait:
            pause
            jmp wait
        """,
        code="85db750ff3908a04250000030084c074f3e6f4c604250000030055f390ebfc",
        loss="Guests have one CPU without a kernel irqchip.",
    ),
)
