"""Source lines for the addresses of an ELF file, from its DWARF line programs.

A compilation unit is read when an address in it is asked for, once. Not modelled: inlined calls, columns, split
debug files. Source: DWARF 5 section 6.2.
"""

from __future__ import annotations

import os
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_Rows = list[tuple[int, str, int]]


class LineNumbers:
    """Addresses to (file, line). Damaged or missing DWARF means that nothing is known, never an error."""

    def __init__(self, elf: Any) -> None:
        """`elf` is an elftools ELFFile, whose stream must stay open."""
        self._dwarf: Any = None
        self._units: dict[int, _Rows] = {}
        self._ranges: Any = None
        try:
            if elf.has_dwarf_info():
                self._dwarf = elf.get_dwarf_info()
                self._ranges = self._dwarf.get_aranges()
        except Exception:  # pyelftools meets broken DWARF with any exception there is
            self._dwarf = None

    def at(self, address: int) -> tuple[str, int] | None:
        """(path as the compiler noted it, line), or None where no line is known."""
        if self._dwarf is None:
            return None
        try:
            rows = self._rows(address)
        except Exception:  # likewise: a unit is read when it is asked for, and may be damaged where others are not
            return None
        at = bisect_right(rows, address, key=lambda row: row[0]) - 1
        if at < 0 or not rows[at][2]:
            return None
        return rows[at][1:]

    def _rows(self, address: int) -> _Rows:
        """Of the unit that holds `address`; a file without an index of its units is read as a whole."""
        offset = self._ranges.cu_offset_at_addr(address) if self._ranges is not None else -1
        if offset is None:
            return []
        if offset not in self._units:
            units = [self._dwarf.get_CU_at(offset)] if offset >= 0 else self._dwarf.iter_CUs()
            rows = [row for unit in units for row in _program(self._dwarf, unit)]
            # at one address the end of a sequence comes before what follows it, and of two lines the later one counts
            self._units[offset] = sorted(rows, key=lambda row: (row[0], bool(row[2])))
        return self._units[offset]


def _program(dwarf: Any, unit: Any) -> _Rows:
    """(address, file, line) where a line begins; line 0 where a sequence ends."""
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return []
    names: dict[int, str] = {}
    rows: _Rows = []
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if state.end_sequence:
            rows.append((state.address, "", 0))
            continue
        if state.file not in names:
            names[state.file] = _file(program, state.file)
        rows.append((state.address, names[state.file], state.line))
    return rows


def _file(program: Any, index: int) -> str:
    """A file of the line program's table: DWARF 5 counts from 0, and directory 0 is where the compiler ran."""
    header = program.header
    is_new = header["version"] >= 5
    entry = header["file_entry"][index if is_new else index - 1]
    folders = header["include_directory"]
    at = entry.dir_index if is_new else entry.dir_index - 1
    folder = folders[at] if at >= (1 if is_new else 0) else b""
    return os.path.join(folder, entry.name).decode("utf-8", "replace")
