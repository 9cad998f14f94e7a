"""The names of a vCPU's registers, in the order that KVM and every listing keep them in."""

from __future__ import annotations

GENERAL64 = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
GENERAL32 = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp")
"""The lower halves of the first eight of GENERAL64."""
GENERAL16 = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
FILE64 = (*GENERAL64, "rip", "rflags")
"""All that KVM keeps in struct kvm_regs."""
FILE32 = (*GENERAL32, "eip", "eflags")
SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")
"""In the order of struct kvm_sregs."""
DESCRIPTOR_TABLES = ("gdt", "idt")
CONTROL = ("cr0", "cr2", "cr3", "cr4", "cr8", "efer")
DEBUG = ("dr0", "dr1", "dr2", "dr3", "dr6", "dr7")
