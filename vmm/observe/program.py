"""What is known of a guest's program: functions, source lines and code bytes behind the addresses it runs at.

From an ELF file all three; from a symbol map the functions alone. Not modelled: code that changes as it runs, modules
that are loaded later.
"""

from __future__ import annotations

from io import BytesIO

from ..errors import VmmError
from ..records import Record
from .line_numbers import LineNumbers
from .relocation import UPPER_HALF, find_offset
from .symbols import Symbols, split_offset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .exits import ExitCount

OUTS = (b"\xee", b"\xef", b"\x6e", b"\x6f")
"""OUT DX and OUTS, which end in these; OUT with a port in the instruction is E6 or E7 and the port."""
HLT = b"\xf4"


class Place(Record):
    """Where in its source a guest was."""

    function: str = ""
    """"" where no symbol holds the address."""
    file: str = ""
    line: int = 0

    @property
    def source(self) -> str:
        """ "file:line", or nothing."""
        return f"{self.file}:{self.line}" if self.line else ""


class Program:
    """Symbols, lines and code, found by the addresses that the guest uses."""

    def __init__(self, symbols: Symbols, offset: int = 0, elf: Any = None) -> None:
        """`offset` is what the guest's addresses have over those of the file; `elf` is an elftools ELFFile."""
        self._symbols, self._offset = symbols, offset
        self._lines = None if elf is None else LineNumbers(elf)
        self._code = [] if elf is None else _code_of(elf)
        self._places: dict[int, Place] = {}

    @classmethod
    def from_file(cls, path: str, offset: int = 0) -> Program:
        """From an ELF file or a symbol map, `path` as for --symbols. ConfigError if it cannot be read or is neither."""
        path, moved = split_offset(path)
        symbols = Symbols.from_file(path)
        return cls(symbols, offset + moved, _elf(path))

    @classmethod
    def of_names(cls, names: dict[int, str]) -> Program:
        """From addresses that have names already, such as "main+0x12"."""
        entries = {}
        for rip, name in names.items():
            function, _, offset = name.partition("+0x")
            entries[rip - int(offset or "0", 16)] = function
        return cls(Symbols((start, 0, function) for start, function in entries.items()))

    def relocate(self, exits: Sequence[ExitCount]) -> None:
        """Takes a kernel to have moved itself where its exits say so; not if an offset was given."""
        if not self._offset and any(start >= UPPER_HALF for start, _ in self._code):
            self._offset = find_offset(exits, self._bytes)
            self._places.clear()

    def place(self, rip: int) -> Place:
        """The function and line that hold `rip`."""
        if rip not in self._places:
            found = self._symbols.resolve(rip - self._offset)
            file, line = (self._lines and self._lines.at(rip - self._offset)) or ("", 0)
            self._places[rip] = Place(function=found[0] if found else "", file=file, line=line)
        return self._places[rip]

    def instruction(self, rip: int, reason: str, direction: str) -> int:
        """An address inside the instruction that exited, where KVM reported `rip`.

        KVM's emulator has moved on when it reports what needs no answer: MMIO writes on every host, OUT where the
        emulator executes it, HLT. For OUT and HLT the code tells; of two OUTs in a row it cannot, and the first counts.
        """
        if reason == "mmio" and direction == "write":
            return rip - 1
        before = self._bytes(rip - self._offset - 2, 2)
        if reason == "hlt":
            return rip - 1 if before.endswith(HLT) else rip
        if reason != "io" or direction != "out":
            return rip
        if before.endswith(OUTS):
            return rip - 1
        return rip - 2 if before[:1] in (b"\xe6", b"\xe7") and not self._is_out(rip) else rip

    def _is_out(self, rip: int) -> bool:
        return self._bytes(rip - self._offset, 1) in (*OUTS, b"\xe6", b"\xe7")

    def _bytes(self, address: int, size: int) -> bytes:
        """Code by the addresses of the file."""
        for start, data in self._code:
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        return b""


def _elf(path: str) -> Any:
    """The file in memory, for its lines are read when they are asked for; None for a map."""
    from elftools.elf.elffile import ELFFile

    try:
        with open(path, "rb") as stream:
            content = stream.read()
        return ELFFile(BytesIO(content)) if content.startswith(b"\x7fELF") else None
    except Exception:  # pyelftools meets a damaged header with any exception there is; Symbols has said what is wrong
        return None


def _code_of(elf: Any) -> list[tuple[int, bytes]]:
    try:
        return [
            (segment["p_vaddr"], segment.data())
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_flags"] & 1
        ]
    except Exception:  # likewise: without code, names are right but for an OUT at the end of a function
        return []


def unknown() -> Program:
    """A program of which nothing is known."""
    return Program(Symbols())


def program_of(path: str, offset: int = 0) -> Program:
    """As from_file(), but nothing is known of a file that cannot be read: a stripped or vanished one."""
    if not path:
        return unknown()
    try:
        return Program.from_file(path, offset)
    except (VmmError, OSError):
        return unknown()
