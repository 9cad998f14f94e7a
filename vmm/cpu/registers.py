"""What the x86 registers say, in words: flags, control registers, the CPU's mode; and narrow names for wide registers.

How a whole register file is laid out for a reader is the crash report's business (vmm.observe.crash).
Source: Intel SDM volume 1 section 3.4; AMD APM volume 2 section 3.1.
"""

from __future__ import annotations

from ..bits import field, in_words
from .control import (
    CR0_NAMES,
    CR0_PE,
    CR0_PG,
    CR3_NAMES,
    CR4_LA57,
    CR4_NAMES,
    CR4_PAE,
    DR6_NAMES,
    DR7_NAMES,
    EFER_LMA,
    EFER_NAMES,
    RFLAGS_IOPL_SHIFT,
    RFLAGS_NAMES,
    RFLAGS_VM,
)
from .register_names import (
    CONTROL,
    DEBUG,
    DESCRIPTOR_TABLES,
    FILE32,
    FILE64,
    GENERAL16,
    GENERAL32,
    GENERAL64,
    SEGMENTS,
)

__all__ = [
    "CONTROL",
    "DEBUG",
    "DESCRIPTOR_TABLES",
    "FILE32",
    "FILE64",
    "GENERAL16",
    "GENERAL32",
    "GENERAL64",
    "SEGMENTS",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .segments import Segment

NARROW = {name: "r" + name[-2:] for name in (*GENERAL32, *GENERAL16, "eip", "ip")} | {"eflags": "rflags"}
"""The 64-bit register in which a 32-bit or 16-bit name lives."""

_FLAG_NAMES = {"cr0": CR0_NAMES, "cr3": CR3_NAMES, "cr4": CR4_NAMES, "efer": EFER_NAMES, "dr6": DR6_NAMES}


def value_of(registers: Mapping[str, int], name: str) -> int:
    """The value of any of the names above, "eax" and "ax" too, from a file of 64-bit registers. KeyError if unknown."""
    wide = NARROW.get(name)
    if wide is None:
        return registers[name]
    return registers[wide] & (0xFFFF_FFFF if name.startswith("e") else 0xFFFF)


def rflags_in_words(rflags: int) -> str:
    """The flags set, then the I/O privilege level unless it is 0: "ZF IF, IOPL 3". "none" when all are clear."""
    words = in_words(rflags, RFLAGS_NAMES) or "none"
    iopl = field(rflags, RFLAGS_IOPL_SHIFT, 2)
    return f"{words}, IOPL {iopl}" if iopl else words


def control_in_words(name: str, value: int) -> str:
    """The bits set in cr0, cr3, cr4, efer, dr6, dr7 or rflags; "" for a register without named bits."""
    if name == "rflags":
        return rflags_in_words(value)
    if name == "dr7":
        return _breakpoints_in_words(value)
    return in_words(value, _FLAG_NAMES.get(name, {}))


def _breakpoints_in_words(dr7: int) -> str:
    words = [in_words(dr7, DR7_NAMES)]
    for index in range(4):
        if field(dr7, 2 * index, 2):
            kind = ("execute", "write", "port", "read or write")[field(dr7, 16 + 4 * index, 2)]
            size = (1, 2, 8, 4)[field(dr7, 18 + 4 * index, 2)]
            words.append(f"#{index} {kind}" if kind == "execute" else f"#{index} {kind} {size}")
    return ", ".join(word for word in words if word)


def operand_bits(cr0: int, efer: int, code: Segment, rflags: int = 0) -> int:
    """The width, 16, 32 or 64, in which the CPU reads code now."""
    if efer & EFER_LMA and code.l:
        return 64
    return 32 if code.db and cr0 & CR0_PE and not rflags & RFLAGS_VM else 16


def mode_in_words(cr0: int, cr4: int, efer: int, code: Segment, stack_dpl: int, rflags: int = 0) -> str:
    """Such as "64-bit long mode, ring 0, 4-level paging". The ring is the DPL of SS, as KVM has it."""
    if not cr0 & CR0_PE:
        return "real mode"
    if rflags & RFLAGS_VM and not efer & EFER_LMA:
        name = "virtual-8086 mode"
    elif efer & EFER_LMA:
        name = "64-bit long mode" if code.l else f"{32 if code.db else 16}-bit compatibility mode"
    else:
        name = f"{32 if code.db else 16}-bit protected mode"
    if not cr0 & CR0_PG:
        paging = "no paging"
    elif efer & EFER_LMA:
        paging = "5-level paging" if cr4 & CR4_LA57 else "4-level paging"
    else:
        paging = "PAE paging" if cr4 & CR4_PAE else "32-bit paging"
    return f"{name}, ring {stack_dpl}, {paging}"
