"""The CPU's registers at a guest's first instruction, one function for each mode, with the tables that mode needs.

The tables take a fixed area of guest memory from `tables_at` (page aligned), of table_size() bytes:

    +0x000  GDT: null, ring-0 code and data, ring-3 code (32-bit) and data, ring-3 code (64-bit), TSS
    +0x080  TSS: the ring-0 stack (no IST), then an I/O bitmap that permits the ports below 0x1000
    +0x1000 the end of that stack, and where page tables start: their address is CR3

The I/O bitmap counts for a start in ring 3 alone, beside IOPL 3, which PVM takes away from a guest. A guest that
starts in ring 0 turns it on by writing 0x68 to the 16-bit field at TSS + 0x66.

There is no IDT: its limit is 0 and an exception ends in a triple fault until the guest loads its own. Interrupts
are off, the caches on, and SSE is enabled outside real mode. A guest may keep and use all of this.
Not modelled: 16-bit protected mode, virtual-8086 mode.
Source: Intel SDM volume 3A chapters 2, 8 and 11; AMD APM volume 2 chapter 14.
"""

from __future__ import annotations

from .control import (
    CR0_ET,
    CR0_MP,
    CR0_NE,
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_OSFXSR,
    CR4_OSXMMEXCPT,
    CR4_PAE,
    CR4_PSE,
    EFER_LMA,
    EFER_LME,
    EFER_SCE,
    RFLAGS_FIXED,
    RFLAGS_IOPL,
)
from .register_names import FILE64, SEGMENTS
from .segments import (
    ALL,
    Gdt,
    Segment,
    code64,
    flat_code32,
    flat_data32,
    real_mode,
    real_mode_ldt,
    real_mode_tss,
    tss,
    unusable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[int, bytes], object]

PAGE_SIZE = 0x1000

KERNEL_CODE = 0x08
KERNEL_DATA = 0x10
USER_CODE32 = 0x1B
USER_DATA = 0x23
USER_CODE64 = 0x2B
TASK = 0x30
"""Selectors of the GDT. The order suits SYSCALL and SYSRET with STAR = 0x0018_0008 << 32."""

PROTECTED_TABLES = 0x1000
PAGED_TABLES = 0x2000
"""Sizes of the table areas of protected() and paged()."""

_TSS_OFFSET = 0x80
_IO_BITMAP_OFFSET = 0x68
_IO_BITMAP = bytes(0x1000 // 8) + b"\xff"
_TSS_LIMIT = _IO_BITMAP_OFFSET + len(_IO_BITMAP) - 1

_TABLES_AND_CONTROL = ("gdt", "idt", "cr0", "cr2", "cr3", "cr4", "efer")


GENERAL = FILE64
"""The registers that general() gives."""


class InitialState:
    """All registers that decide how a vCPU starts, by their names; gdt and idt are (base, limit)."""

    __slots__ = (*FILE64, *SEGMENTS, *_TABLES_AND_CONTROL, "is_shared")

    rip: int
    rflags: int
    cs: Segment
    ds: Segment
    es: Segment
    fs: Segment
    gs: Segment
    ss: Segment
    tr: Segment
    ldt: Segment
    gdt: tuple[int, int]
    idt: tuple[int, int]
    cr0: int
    cr2: int
    cr3: int
    cr4: int
    efer: int
    is_shared: bool
    """Several machines start from this very object: nobody changes it, and what was made of it may be kept."""

    def __init__(self, rip: int, rsp: int, code: Segment, stack: Segment, data: Segment) -> None:
        self.rax = self.rbx = self.rcx = self.rdx = self.rsi = self.rdi = self.rbp = 0
        self.r8 = self.r9 = self.r10 = self.r11 = self.r12 = self.r13 = self.r14 = self.r15 = 0
        self.rip = rip
        self.rsp = rsp
        self.rflags = RFLAGS_FIXED
        self.cs = code
        self.ss = stack
        self.ds = self.es = self.fs = self.gs = data
        self.tr = self.ldt = unusable()
        self.gdt = self.idt = (0, 0)
        self.cr0 = CR0_ET
        self.cr2 = self.cr3 = self.cr4 = self.efer = 0
        self.is_shared = False

    def copy(self) -> InitialState:
        """An equal state to change, for another vCPU."""
        twin = object.__new__(InitialState)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.is_shared = False
        return twin

    def general(self) -> dict[str, int]:
        """The general registers, rip and rflags by name."""
        return {name: getattr(self, name) for name in FILE64}

    def segments(self) -> dict[str, Segment]:
        """The segment registers by name."""
        return {name: getattr(self, name) for name in SEGMENTS}

    def __repr__(self) -> str:
        return f"InitialState({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


def table_size(mode: str, memory_end: int = 0) -> int:
    """Bytes that the tables of "real", "protected", "paged" or "long" take; `memory_end` counts for long alone."""
    if mode == "long":
        from .paging import identity64_gigabytes  # here and below: real mode starts without it, and sooner

        return (3 + identity64_gigabytes(memory_end)) * PAGE_SIZE
    return {"real": 0, "protected": PROTECTED_TABLES, "paged": PAGED_TABLES}[mode]


def real(entry_cs: int, entry_ip: int, stack: int = 0x7C00, data: int = 0, unreal: bool = False) -> InitialState:
    """16-bit real mode at CS:IP, with the interrupt vector table at 0; uses no memory of its own.

    `stack` is the linear address that the stack grows down from, `data` the selector in ds, es, fs and gs. `unreal`
    gives these four a limit of 4 GiB. ValueError for numbers real mode cannot hold.
    """
    for name, value, most in (("cs", entry_cs, 0xFFFF), ("ip", entry_ip, 0xFFFF), ("ds", data, 0xFFFF)):
        if not 0 <= value <= most:
            raise ValueError(f"real mode: {name} is at most {most:#x}, not {value:#x}")
    if not 0 <= stack <= 0x10_0000:
        raise ValueError(f"real mode: the stack is at most at 0x100000, not {stack:#x}")
    ss = 0 if stack <= 0xFFFF else (stack - 0xFFF0 + 15) >> 4
    state = InitialState(
        entry_ip,
        stack - (ss << 4),
        real_mode(entry_cs, code=True),
        real_mode(ss),
        real_mode(data, limit=ALL if unreal else 0xFFFF),
    )
    state.tr = real_mode_tss()
    state.ldt = real_mode_ldt()
    state.gdt = (0, 0xFFFF)
    state.idt = (0, 0x3FF)
    return state


def reset() -> InitialState:
    """The state after power-on: real mode at the reset vector F000:FFF0 with a code segment base of 0xffff_0000, so
    that the first instruction is 16 bytes below 4 GiB. Source: Intel SDM volume 3A, table 10-1."""
    state = real(0xF000, 0xFFF0, stack=0)
    state.cs = state.cs.replace(base=0xFFFF_0000)
    return state


def protected(
    write: Write, entry: int, stack: int, tables_at: int, user: bool = False, kernel_stack: int = 0
) -> InitialState:
    """32-bit protected mode without paging, flat segments. Uses PROTECTED_TABLES bytes at `tables_at`.

    `user` starts in ring 3, where it may use ports and cli. An entry to ring 0 from ring 3 takes `kernel_stack`,
    by default the rest of the first table page.
    """
    state, first_page = _flat(entry, stack, tables_at, user, kernel_stack, long=False)
    write(tables_at, first_page)
    return state


def paged(
    write: Write, entry: int, stack: int, tables_at: int, user: bool = False, kernel_stack: int = 0
) -> InitialState:
    """As protected(), with paging on: 4 GiB mapped to themselves by 4 MiB pages. Uses PAGED_TABLES bytes.

    KVM on PVM drops CR0.PG outside long mode without an error: read CR0 back before trusting it there.
    """
    state, first_page = _flat(entry, stack, tables_at, user, kernel_stack, long=False)
    from .paging import identity32

    write(tables_at, first_page + identity32())
    state.cr3 = tables_at + PAGE_SIZE
    state.cr4 |= CR4_PSE
    state.cr0 |= CR0_PG | CR0_WP
    return state


def long(
    write: Write,
    entry: int,
    stack: int,
    tables_at: int,
    memory_end: int,
    user: bool = False,
    kernel_stack: int = 0,
) -> InitialState:
    """64-bit long mode: 4-level paging that maps the first 4 GiB, or more up to `memory_end`, to itself.

    Pages have 2 MiB and are open to ring 3. Uses table_size("long", memory_end) bytes at `tables_at`; `user` and
    `kernel_stack` as in protected(). ValueError when memory_end lies above 512 GiB.
    """
    state, first_page = _flat(entry, stack, tables_at, user, kernel_stack, long=True)
    state.cr3 = tables_at + PAGE_SIZE
    from .paging import identity64

    write(tables_at, first_page + identity64(state.cr3, memory_end))
    state.cr4 |= CR4_PAE
    state.efer = EFER_SCE | EFER_LME | EFER_LMA
    state.cr0 |= CR0_PG | CR0_WP
    return state


def _flat(
    entry: int, stack: int, tables_at: int, user: bool, kernel_stack: int, long: bool
) -> tuple[InitialState, bytes]:
    """The state that all modes but real share, and the first table page with GDT and TSS."""
    if tables_at % PAGE_SIZE:
        raise ValueError(f"tables are page aligned, {tables_at:#x} is not")
    gdt = Gdt()
    kernel_code = gdt.add(code64() if long else flat_code32())
    kernel_data = gdt.add(flat_data32())
    user_code = gdt.add(flat_code32(3))
    user_data = gdt.add(flat_data32(3))
    if long:
        user_code = gdt.add(code64(3))
    else:
        gdt.skip()
    task = gdt.add(tss(tables_at + _TSS_OFFSET, _TSS_LIMIT), wide=long)
    kernel_stack = kernel_stack or tables_at + PAGE_SIZE
    stacks = kernel_stack.to_bytes(8, "little") if long else kernel_stack.to_bytes(4, "little") + b"\x10\0\0\0"
    io_bitmap_at = _IO_BITMAP_OFFSET if user else 0xFFFF  # beyond the limit: no port is permitted
    task_segment = (bytes(4) + stacks).ljust(0x66, b"\0") + io_bitmap_at.to_bytes(2, "little") + _IO_BITMAP
    first_page = (gdt.raw.ljust(_TSS_OFFSET, b"\0") + task_segment).ljust(PAGE_SIZE, b"\0")

    data = user_data if user else kernel_data
    state = InitialState(entry, stack, user_code if user else kernel_code, data, data)
    if user:
        state.rflags |= RFLAGS_IOPL
    state.tr = task
    state.gdt = (tables_at, gdt.limit)
    state.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE
    state.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT
    return state, first_page
