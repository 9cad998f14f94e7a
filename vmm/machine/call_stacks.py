"""Who called whom at each exit: the chain of frame pointers (RBP), read from guest memory while the exit is answered.

For port and MMIO accesses, which all come to Python meanwhile, with some tens of microseconds more for each. Guests
need frame pointers (-fno-omit-frame-pointer). Not modelled: real mode and 16-bit code, of which the instruction alone
is noted; unwinding by DWARF. Source: System V psABI for x86-64 section 3.2.2, for i386 section 2.3.
"""

from __future__ import annotations

from ..cpu.registers import operand_bits
from ..cpu.segments import Segment
from ..observe.functions import UNKNOWN, device_name, folded
from ..observe.location import location_text
from .postmortem import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..observe.program import Program
    from .machine import Machine

DEPTH = 32
"""Frames that are followed at most."""


def frames(read: Callable[[int, int], bytes], rip: int, rsp: int, rbp: int, word: int) -> tuple[int, ...]:
    """The address of the instruction, then return addresses, innermost first; at most DEPTH in all.

    `read(gva, size)` may answer short. A frame lies above the one it called, the first not below the stack pointer.
    """
    found, least = [rip], rsp
    while len(found) < DEPTH and rbp >= least and rbp:
        frame = read(rbp, 2 * word)
        if len(frame) < 2 * word:
            break
        back = int.from_bytes(frame[word:], "little")
        if not back:
            break
        found.append(back)
        least, rbp = rbp + 2 * word, int.from_bytes(frame[:word], "little")
    return tuple(found)


class CallStacks:
    """The call stacks of one machine's accesses, counted."""

    def __init__(self, machine: Machine) -> None:
        """Begins to look, before the machine runs."""
        self._machine = machine
        self._counts: dict[tuple[str, str, int, int, tuple[int, ...]], int] = {}
        self._seen: dict[int, int] = {}
        machine.on_exit(self._note)

    def folded(self, program: Program) -> dict[tuple[str, ...], int]:
        """(device, outermost function, ..., innermost, location) to exits; of what is no access one function."""
        others = (exit for exit in self._machine.exits.exits if exit.reason not in ("io", "mmio"))
        stacks = folded(others, program)
        for (device, direction, size, address, chain), count in self._counts.items():
            reason = "io" if direction in ("in", "out") else "mmio"
            places = [program.instruction(chain[0], reason, direction), *(back - 1 for back in chain[1:])]
            names = [program.place(places[0]).function or UNKNOWN]
            for place in places[1:]:
                name = program.place(place).function
                if not name:
                    break  # no code of the guest's: the chain is none
                names.append(name)
            where = location_text(reason, direction, size, address)
            stack = (device_name(reason, device), *reversed(names), where)
            stacks[stack] = stacks.get(stack, 0) + count
        return stacks

    def _note(self, direction: str, address: int, size: int, value: int, device: str) -> None:
        vcpu = self._machine.vcpu_here()
        if self._seen.get(vcpu.index) == vcpu.exit_total:
            return  # a further element of one exit
        self._seen[vcpu.index] = vcpu.exit_total
        general, special = vcpu.registers(), vcpu.special_registers()
        rip = general["rip"]
        bits = operand_bits(special["cr0"], special["efer"], Segment(**special["cs"]), general["rflags"])
        chain: tuple[int, ...] = (rip,)
        if bits > 16:
            chain = frames(Sight(self._machine, special).read, rip, general["rsp"], general["rbp"], bits // 8)
        key = (device, direction, size, address, chain)
        self._counts[key] = self._counts.get(key, 0) + 1
