"""What can be said about a machine that stands still: its statistics with names and symbols, and the crash report."""

from __future__ import annotations

from ..bits import field
from ..cpu import opcodes, paging, registers
from ..cpu.segments import Segment
from ..errors import HostError, VmmError
from ..observe.crash import CrashReport
from ..observe.kernel_stats import KernelCounters
from ..observe.over_time import coarser
from ..observe.statistics import ExitStatistics
from ..observe.symbols import Symbols, split_offset
from ..observe.vcpu_time import divided
from .outcome import INTERNAL_ERROR, SHUTDOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..engine.protocol import Vcpu
    from ..observe.hidden_exits import HiddenExits
    from ..observe.program import Program
    from ..observe.vcpu_time import VcpuTime
    from .machine import Machine
    from .outcome import Outcome

CODE_BEFORE, CODE_AFTER = 16, 32
STACK_WORDS = 8
RESET_VECTOR = 0xFFF0


def _symbol_file(machine: Machine) -> tuple[str, int]:
    """(path, what the guest's addresses have over those in it), from the configuration or of the image itself."""
    path = machine.config.symbols
    return split_offset(path) if path else (machine.boot.symbols, machine.boot.symbol_offset)


def symbols_of(machine: Machine) -> Callable[[int], str]:
    """Names for guest addresses from the image's own symbol table; "" for all where it has none."""
    path, offset = _symbol_file(machine)
    if not path:
        return lambda address: ""
    try:
        symbols = Symbols.from_file(path)
    except (VmmError, OSError):
        return lambda address: ""  # a stripped or vanished file: addresses stay numbers
    return lambda address: symbols.describe(address - offset)


def functions_of(machine: Machine) -> dict[str, int]:
    """Linear addresses of what the guest's symbol table names. ConfigError if it cannot be read; empty without one."""
    path, offset = _symbol_file(machine)
    return {name: at + offset for name, at in Symbols.from_file(path).addresses().items()} if path else {}


def program_of(machine: Machine) -> Program:
    """What is known of the guest's program: functions, lines, code."""
    from ..observe import program

    return program.program_of(*_symbol_file(machine))


def statistics(machine: Machine, symbols: Callable[[int], str] | None = None, kernel: bool = True) -> ExitStatistics:
    """The exits of all vCPUs so far. `symbols` saves reading the symbol table again; without `kernel`, whose counters
    cannot be had while the guest runs, it is not interrupted."""
    names, counters = machine.device_at, _kernel(machine) if kernel else None
    exits = [vcpu.exit_counts(names) for vcpu in machine.vcpus]
    intervals = [vcpu.interval_ns for vcpu in machine.vcpus]
    longest = max(intervals)
    for at, interval in enumerate(intervals):
        if interval != longest:
            exits[at] = [
                exit.replace(over_time=coarser(exit.over_time, round(longest / interval))) for exit in exits[at]
            ]
    times, hidden = [vcpu.times() for vcpu in machine.vcpus], machine.hidden_exits()
    return ExitStatistics(
        [exit for of_vcpu in exits for exit in of_vcpu],
        wall_ns=machine.ran_ns,
        interval_ns=longest,
        guest_ns=sum(time.run_ns for time in times),
        handler_ns=sum(vcpu.handler_ns for vcpu in machine.vcpus),
        idle_ns=sum(time.asleep_ns for time in times),
        times=[_divided(vcpu, time, counters, hidden) for vcpu, time in zip(machine.vcpus, times, strict=True)],
        hidden=hidden,
        msrs=machine.msr_accesses() if machine.is_watching_msrs else None,
        kernel=counters,
        flight=[entry for vcpu in machine.vcpus for entry in vcpu.flight(names, machine.born_ns)],
        symbols=symbols or symbols_of(machine),
        program=lambda: program_of(machine),
    )


def _divided(vcpu: Vcpu, time: VcpuTime, kernel: KernelCounters | None, hidden: HiddenExits | None) -> VcpuTime:
    if kernel is None:
        return time
    traced = None if hidden is None or hidden.lost or not hidden.total else hidden.guest_ns.get(vcpu.index)
    return divided(time, kernel.vcpus.get(vcpu.index, {}), vcpu.guest_clock(), kernel.host, traced)


def _kernel(machine: Machine) -> KernelCounters:
    vm, vcpus, host = machine.kernel_counters()
    return KernelCounters(vm=vm, vcpus=vcpus, host=host.upper())


def crash_report(machine: Machine) -> CrashReport:
    """Of the vCPU that ended the run, or of the first when none did."""
    outcome = machine.outcome
    at = outcome.vcpu if outcome is not None else 0
    general, special = machine.registers(at), machine.special_registers(at)
    segments = {name: Segment(**special[name]) for name in registers.SEGMENTS}
    code_segment, stack_segment = segments["cs"], segments["ss"]
    bits = registers.operand_bits(special["cr0"], special["efer"], code_segment, general["rflags"])
    look = Sight(machine, special)
    rip = general["rip"] + (0 if bits == 64 else code_segment.base)
    rsp = general["rsp"] + (0 if bits == 64 else stack_segment.base)
    code, code_address = look.around(rip, CODE_BEFORE, CODE_AFTER)
    word = bits // 8
    stack = look.read(rsp, STACK_WORDS * word)
    return CrashReport(
        outcome=str(outcome) if outcome is not None else "not run",
        details=_details(
            outcome.detail if outcome is not None else {},
            code[rip - code_address :],
            bits,
            outcome is not None and outcome.kind == SHUTDOWN and general["rip"] == RESET_VECTOR,
        ),
        vcpu=at,
        mode=registers.mode_in_words(
            special["cr0"], special["cr4"], special["efer"], code_segment, stack_segment.dpl, general["rflags"]
        ),
        registers=general,
        control={name: special[name] for name in registers.CONTROL},
        words={
            "rflags": registers.rflags_in_words(general["rflags"]),
            **{name: registers.control_in_words(name, special[name]) for name in ("cr0", "cr4", "efer")},
        },
        segments={
            **{name: special[name] for name in registers.SEGMENTS},
            **{name: {"base": special[name][0], "limit": special[name][1]} for name in registers.DESCRIPTOR_TABLES},
        },
        code=code,
        code_address=code_address,
        disassembly=opcodes.disassemble(code[rip - code_address :], rip, bits)[:6],
        stack=[int.from_bytes(stack[at : at + word], "little") for at in range(0, len(stack) - word + 1, word)],
        stack_address=rsp,
        stack_word=word,
        walks=[*look.walk("RIP", rip), *look.walk("RSP", rsp)],
        flight=machine.vcpus[at].flight(machine.device_at, machine.born_ns),
        symbols=symbols_of(machine),
    )


def explained(machine: Machine, outcome: Outcome) -> Outcome:
    """The outcome of a failed emulation, with the instruction in its words: its class needs the CPU's mode."""
    code = outcome.detail.get("instruction")
    if outcome.kind != INTERNAL_ERROR or not isinstance(code, bytes):
        return outcome
    special = machine.special_registers(outcome.vcpu)
    segment = Segment(**special["cs"])
    bits = registers.operand_bits(special["cr0"], special["efer"], segment)
    return outcome.replace(words=f"{outcome.words}: {opcodes.classify(code, bits)}")


def _details(detail: dict[str, Any], code: bytes, bits: int, is_svm_reset: bool) -> list[str]:
    """Sentences that explain the verdict, from the data that came with it."""
    lines = []
    if is_svm_reset:
        lines.append("On SVM KVM resets a vCPU at a triple fault: what follows is its state after that reset.")
    instruction = detail.get("instruction") or (code[:15] if "suberror" in detail else b"")
    if instruction:
        lines.append(f"The instruction: {opcodes.describe(bytes(instruction), bits)}.")
    if detail.get("suberror") == 1:
        lines.append("KVM's emulator does not know it; on a host with VMX or SVM the CPU runs it by itself.")
    return lines


class Sight:
    """Guest memory by linear address, as far as it can be read: a report is made of what there is."""

    def __init__(self, machine: Machine, special: dict[str, Any]) -> None:
        self._memory = machine.memory
        self._control = [special[name] for name in ("cr3", "cr0", "cr4", "efer")]

    def _walk(self, gva: int) -> paging.Walk:
        cr3, cr0, cr4, efer = self._control
        return paging.walk(self._entry, cr3, cr0, cr4, efer, gva)

    def _entry(self, gpa: int, size: int) -> bytes:
        """Of a page table; one that never came (moving/pager.py) leads nowhere."""
        try:
            return self._memory.read(gpa, size)
        except HostError:
            return bytes(size)

    def read(self, gva: int, size: int) -> bytes:
        """Up to `size` bytes; fewer where translation or memory ends, or never came."""
        data = b""
        while len(data) < size:
            gpa = self._walk(gva + len(data)).gpa
            piece = min(size - len(data), paging.PAGE_SIZE - field(gva + len(data), 0, 12))
            if gpa is None or not self._memory.contains(gpa, piece):
                break
            try:
                data += self._memory.read(gpa, piece)
            except HostError:  # it never came
                break
        return data

    def around(self, gva: int, before: int, after: int) -> tuple[bytes, int]:
        """(bytes, address of the first): `before` bytes ahead of gva if they can be read, and what follows."""
        start = max(gva - before, gva & ~0xFFF)
        return self.read(start, gva - start + after), start

    def walk(self, name: str, gva: int) -> list[str]:
        """The page walk as lines; nothing where paging is off."""
        if not self._control[1] >> 31:
            return []
        return [f"{name} {gva:#x}", *(f"  {line}" for line in self._walk(gva).in_words())]
