"""The report on a guest that ended badly: the verdict, where it stood, and how it came there, in 80 columns.

It gets plain data and knows next to no x86: what bits mean comes in as words.
Not modelled: which outcomes deserve a report.
"""

from __future__ import annotations

from types import MappingProxyType

from ..records import Record
from .exit_json import flight_as_json
from .exits import FlightEntry
from .flight_table import flight_lines
from .table import Column, clean, fit, strong, table, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

SCHEMA, VERSION = "vmm.crash", 1

EFER_LMA = 0x400
"""Long mode is active: the one bit that decides how registers are shown."""

NONE: Mapping[str, Any] = MappingProxyType({})

GENERAL = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip

_SEGMENTS = (
    Column(title="Segments"),
    Column(title="selector", right=True),
    Column(title="base", right=True),
    Column(title="limit", right=True),
    Column(title="type", right=True, priority=1),
    Column(title="dpl", right=True, priority=2),
    Column(title="", least=6),
)
_DISASSEMBLY = (Column(title=""), Column(title="", least=8, priority=1), Column(title="", least=8))
_STACK = (Column(title="Stack"), Column(title=""), Column(title="", least=8, priority=1), Column(title="", priority=2))


class CrashReport(Record):
    """One vCPU at the moment of its death. Addresses are as the guest uses them, RIP included."""

    outcome: str
    """The verdict in words, "shutdown: triple fault". The report begins with it."""
    details: Sequence[str] = ()
    """Sentences that explain the verdict, such as the instruction that KVM could not emulate."""
    vcpu: int = 0
    mode: str = ""
    """The CPU's mode in words, "64-bit long mode, ring 0"."""
    registers: Mapping[str, int]
    """rax to r15, rip and rflags by name; what is missing is not shown."""
    control: Mapping[str, int] = NONE
    """cr0, cr2, cr3, cr4, cr8, efer by name, in the order of showing."""
    words: Mapping[str, str] = NONE
    """What the bits of rflags, cr0, cr4, efer ... say, by the name of the register."""
    segments: Mapping[str, Mapping[str, int]] = NONE
    """cs, ds, ... tr, each with selector, base, limit, type, s, dpl, db, l, present, unusable; tables such as gdt
    with base and limit alone."""
    code: bytes = b""
    """Bytes around RIP, the first of them at `code_address`."""
    code_address: int = 0
    disassembly: Sequence[tuple[int, str, str]] = ()
    """(address, bytes in hex, instruction) for instructions around RIP."""
    stack: Sequence[int] = ()
    """Words from the top of the stack on, each of `stack_word` bytes."""
    stack_address: int = 0
    stack_word: int = 8
    walks: Sequence[str] = ()
    """Page walks of RIP and RSP, one line of text each level."""
    flight: Sequence[FlightEntry] = ()
    """The last exits, oldest first."""
    symbols: Callable[[int], str] = lambda address: ""
    """Names an address ("main+0x12"), or answers ""."""

    def render(self, width: int = 80, *, bold: bool = False) -> str:
        """The report in lines of at most `width` cells; `bold` sets headings in bold by ANSI codes."""
        blocks = [
            self._verdict(width, bold),
            self._general(width, bold),
            self._control(width),
            self._segments(width, bold),
            self._code(width, bold),
            self._stack(width, bold),
            self._walks(width, bold),
            flight_lines(self.flight, self.symbols, width, bold=bold),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def _verdict(self, width: int, bold: bool) -> list[str]:
        lines = [strong(line, bold) for line in wrap(self.outcome, width)]
        for detail in self.details:
            lines += wrap(detail, width, "  ", "  ")
        rip = self.registers.get("rip")
        where = [f"vCPU {self.vcpu}", *([self.mode] if self.mode else [])]
        if rip is not None:
            where.append(f"at {rip:#x} {self.symbols(rip)}")
        return lines + wrap(", ".join(where), width, "  ", "  ")

    def _general(self, width: int, bold: bool) -> list[str]:
        """Registers in columns; by their 32-bit names outside long mode, if nothing needs more."""
        values = {name: value for name, value in self.registers.items() if name in GENERAL}
        digits, across = 16, 3
        upper = any(value >> 32 or (value and name in GENERAL[8:]) for name, value in values.items())
        if "efer" in self.control and not self.control["efer"] & EFER_LMA and not upper:
            digits, across = 8, 4
            values = {"e" + name[1:]: value for name, value in values.items() if name in GENERAL[:8]}
        cells = [f"{name:<3} {value:0{digits}x}" for name, value in values.items()]
        if not cells:
            return []
        while across > 1 and across * (digits + 6) > width:
            across -= 1
        lines = ["  " + "  ".join(cells[at : at + across]) for at in range(0, len(cells), across)]
        return [strong(fit("Registers", width), bold), *(fit(line, width) for line in lines)]

    def _control(self, width: int) -> list[str]:
        both = {name: value for name, value in self.registers.items() if name not in GENERAL} | dict(self.control)
        digits = 16 if any(value >> 32 for value in both.values()) else 8
        lines = []
        for name, value in both.items():
            start = f"  {clean(name):<6}  {value:0{digits}x}"
            lines += wrap(self.words.get(name, ""), width, f"{start}  ", " " * (len(start) + 2)) or [fit(start, width)]
        return lines

    def _segments(self, width: int, bold: bool) -> list[str]:
        digits = 16 if any(segment.get("base", 0) >> 32 for segment in self.segments.values()) else 8
        rows = []
        for name, segment in self.segments.items():
            table_only = "selector" not in segment
            rows.append((
                name,
                "" if table_only else f"{segment['selector']:04x}",
                f"{segment.get('base', 0):0{digits}x}",
                f"{segment.get('limit', 0):{'04' if table_only else '08'}x}",
                "" if table_only else f"{segment.get('type', 0):x}",
                "" if table_only else str(segment.get("dpl", 0)),
                "" if table_only else _kind(segment),
            ))  # fmt: skip
        return table(_SEGMENTS, rows, width, bold=bold)

    def _code(self, width: int, bold: bool) -> list[str]:
        rip = self.registers.get("rip", 0)
        lines = []
        for start in range(0, len(self.code), 16):
            line = ""
            for at, byte in enumerate(self.code[start : start + 16], self.code_address + start):
                line += f"{'<' if at == rip else '>' if at == rip + 1 and line else ' '}{byte:02x}"
            last = self.code_address + start + len(self.code[start : start + 16]) - 1
            lines.append(f"  {self.code_address + start:#x} {line}{'>' if last == rip else ''}")
        rows = [
            (f"{'->' if address == rip else '  '} {address:#x}", code, text) for address, code, text in self.disassembly
        ]
        listing = table(_DISASSEMBLY, rows, width)[1:]
        if not lines and not listing:
            return []
        title = "Code, <RIP> marked" if lines else "Code"
        return [strong(fit(title, width), bold), *(fit(line, width) for line in lines), *listing]

    def _stack(self, width: int, bold: bool) -> list[str]:
        digits = 2 * self.stack_word
        rows, at = [], 0
        while at < len(self.stack):
            value, end = self.stack[at], at + 1
            while end < len(self.stack) and self.stack[end] == value:
                end += 1
            times = f"x {end - at}" if end - at > 1 else ""
            name = self.symbols(value)
            rows.append((f"{self.stack_address + at * self.stack_word:#x}", f"{value:0{digits}x}", name, times))
            at = end
        return table(_STACK, rows, width, bold=bold)

    def _walks(self, width: int, bold: bool) -> list[str]:
        if not self.walks:
            return []
        return [
            strong(fit("Page walk", width), bold),
            *(fit("  " + clean(line), width).rstrip() for line in self.walks),
        ]

    def as_json(self) -> dict[str, Any]:
        """{"schema": "vmm.crash", "version": 1} and the fields above by name.

        Values and addresses are hexadecimal strings, `code` is hexadecimal without blanks, `stack` and
        `disassembly` name their symbols, `flight` is as in docs/exits-json.md.
        """
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "outcome": self.outcome,
            "details": list(self.details),
            "vcpu": self.vcpu,
            "mode": self.mode,
            "symbol": self.symbols(self.registers.get("rip", 0)),
            "registers": {name: hex(value) for name, value in self.registers.items()},
            "control": {name: hex(value) for name, value in self.control.items()},
            "words": dict(self.words),
            "segments": {
                name: {
                    field: hex(value) if field in ("selector", "base", "limit", "type") else value
                    for field, value in segment.items()
                }
                for name, segment in self.segments.items()
            },
            "code": {"address": hex(self.code_address), "bytes": self.code.hex()},
            "disassembly": [
                {"address": hex(address), "bytes": code, "text": text} for address, code, text in self.disassembly
            ],
            "stack": {
                "address": hex(self.stack_address),
                "word": self.stack_word,
                "words": [{"value": hex(value), "symbol": self.symbols(value)} for value in self.stack],
            },
            "walks": list(self.walks),
            "flight": [flight_as_json(entry, self.symbols) for entry in self.flight],
        }


def _kind(segment: Mapping[str, int]) -> str:
    """The attributes that decide how the CPU reads code and reaches data, in words."""
    if segment.get("unusable"):
        return "unusable"
    width = "64-bit" if segment.get("l") else "32-bit" if segment.get("db") else "16-bit"
    kind = f"{'code' if segment.get('type', 0) & 8 else 'data'} {width}" if segment.get("s", 1) else "system"
    return kind if segment.get("present", 1) else f"{kind}, not present"
