"""Traps: points in guest code at which it comes out to us before it executes the instruction there.

A trap is the one byte of `out %al, (%dx)` in the place of the instruction's first: it changes no register and leaves
the guest under every KVM, those that emulate a guest's kernel and those without debug registers too. Code that may not
use ports (ring 3 without IOPL 3 or an I/O bitmap) takes a #GP instead: there traps do not work.
"""

from __future__ import annotations

from ..errors import HostError
from . import outcome, wiring
from .outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from mmap import mmap
    from typing import Any

    from .board import Board
    from .run import Run

    Handler = Callable[..., int | None]

OUT_DX_AL = 0xEE


class Traps:
    """Those of vCPU 0. While it does not run, but for what the guest meets."""

    def __init__(self, board: Board, run: Run, vcpu: Any) -> None:
        self._board, self._run, self._vcpu = board, run, vcpu
        self._bytes: dict[int, tuple[mmap, int, int]] = {}
        """By linear address: where the trap is, and the byte that was there."""
        self._offsets: set[int] = set()
        """Of those, what a RIP ends with, whatever segment it counts from."""
        self._earlier: Callable[[Handler], Handler] | None = None

    def set(self, addresses: Collection[int]) -> None:
        """Sets them, once. HostError where no memory is mapped at one of them now."""
        memory = self._board.memory
        for address in addresses:
            gpa = self._vcpu.translate(address)
            if gpa is None or not memory.contains(gpa):
                self.clear()
                raise HostError(f"no trap at {address:#x}: no guest memory is mapped there now")
            at, offset = memory.place(gpa, 1)
            mapping = memory.mappings[at]
            self._bytes[address] = mapping, offset, mapping[offset]
            mapping[offset] = OUT_DX_AL  # past the notes of writes: reset_to() leaves it alone
            self._offsets.add(address & 0xFFF)
        self._watch(True)

    def _watch(self, wanted: bool) -> None:
        """Every port access passes by here, and none is answered without Python."""
        ports = self._board.ports
        if wanted:
            self._earlier, ports.guard = ports.guard, self._guard
        else:
            ports.guard = self._earlier
        self._board.has_traps = wanted
        wiring.make_quiet(self._board, self._run.vcpus)
        ports.changed()

    def _guard(self, handler: Handler) -> Handler:
        inner = handler if self._earlier is None else self._earlier(handler)

        def guarded(*access: int) -> int | None:
            if self._vcpu.port_rip & 0xFFF in self._offsets and (address := self._vcpu.port_address()) in self._bytes:
                words = f"the guest came to {address:#x}"
                self._run.end(Outcome(kind=outcome.BREAKPOINT, words=words, value=address))
                return None
            return inner(*access)

        return guarded

    def step_back(self, address: int) -> None:
        """After the run has ended at the trap: the instruction there is the next one, once the trap is removed."""
        self._vcpu.finish_access()
        self._vcpu.set_registers({"rip": self._vcpu.registers()["rip"] - 1})

    def remove(self, address: int) -> None:
        """The instruction is whole again, for as long as nobody puts its page back."""
        if address in self._bytes:
            mapping, offset, byte = self._bytes[address]
            mapping[offset] = byte

    def clear(self) -> None:
        """None any more."""
        for address in self._bytes:
            self.remove(address)
        self._bytes.clear()
        self._offsets.clear()
        if self._board.has_traps:
            self._watch(False)
