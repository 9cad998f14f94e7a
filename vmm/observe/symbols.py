"""Names for guest addresses: the functions and labels of an ELF file, of nm's output, a System.map or ld's map.

Only code has names here. Not modelled: line numbers (line_numbers.py), inlined calls.
"""

from __future__ import annotations

import os
from bisect import bisect_right

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, BinaryIO

SHF_ALLOC = 0x2
REACH = 1 << 20
"""How far a label without a size names what follows it when no other symbol comes first."""


def split_offset(text: str) -> tuple[str, int]:
    """(path, offset) of FILE@0xOFFSET, where the guest's addresses lie so far above the file's; 0 for a plain path."""
    path, at, offset = text.rpartition("@")
    if not at or not offset.startswith("0x") or os.path.exists(text):
        return text, 0
    try:
        return path, int(offset, 16)
    except ValueError:
        return text, 0


class Symbols:
    """Addresses to names. Sorted once, then found in O(log n). Where symbols nest, the innermost one names."""

    def __init__(self, entries: Iterable[tuple[int, int, str]] = ()) -> None:
        """`entries` are (address, size, name); size 0 means up to the next symbol. Of equals the first one names."""
        named: dict[tuple[int, bool], tuple[int, int, str]] = {}
        for address, size, name in entries:
            named.setdefault((address, size > 0), (address, size, name))
        # a label at the start of a function says nothing that the function does not say better
        symbols = [entry for (address, sized), entry in named.items() if sized or (address, True) not in named]
        symbols.sort()
        self._starts = [address for address, _, _ in symbols]
        self._names = [name for _, _, name in symbols]
        self._ends: list[int] = []
        self._around: list[int] = []  # for each symbol the sized one that it starts in, or -1
        open_ones: list[int] = []
        for at, (address, size, _) in enumerate(symbols):
            while open_ones and self._ends[open_ones[-1]] <= address:
                open_ones.pop()
            around = open_ones[-1] if open_ones else -1
            self._around.append(around)
            self._ends.append(address + size if size else self._ends[around] if open_ones else address + REACH)
            if size:
                open_ones.append(at)

    def __len__(self) -> int:
        return len(self._starts)

    def addresses(self) -> dict[str, int]:
        """Where each name begins; of one that several have, the lowest."""
        found: dict[str, int] = {}
        for name, start in zip(self._names, self._starts, strict=True):
            found.setdefault(name, start)
        return found

    def resolve(self, address: int) -> tuple[str, int] | None:
        """(name, offset into it) of the symbol that holds `address`, or None."""
        at = bisect_right(self._starts, address) - 1
        while at >= 0:
            if address < self._ends[at]:
                return self._names[at], address - self._starts[at]
            at = self._around[at]
        return None

    def describe(self, address: int) -> str:
        """The same as text: "main+0x12", "main" for its first byte, "" where no symbol is."""
        found = self.resolve(address)
        if found is None:
            return ""
        name, offset = found
        return f"{name}+{offset:#x}" if offset else name

    @classmethod
    def from_file(cls, path: str) -> Symbols:
        """From an ELF file or a symbol map, whichever it is. ConfigError if it cannot be read or is neither."""
        try:
            with open(path, "rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    return cls.from_elf(stream, path)
                stream.seek(0)
                return cls.from_map(stream.read().decode("utf-8", "replace"), path)
        except OSError as fault:
            raise ConfigError.of(path, f"no symbols can be read: {fault.strerror or fault}") from None

    @classmethod
    def from_elf(cls, image: bytes | BinaryIO, name: str = "ELF image") -> Symbols:
        """From the symbol table of an ELF image; none if stripped. ConfigError, citing `name`, if it is broken."""
        from io import BytesIO

        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection

        try:
            file = ELFFile(BytesIO(image) if isinstance(image, bytes) else image)
            sections = list(file.iter_sections())
            loaded = {index for index, section in enumerate(sections) if section["sh_flags"] & SHF_ALLOC}
            ranked = [
                entry
                for section in sections
                if isinstance(section, SymbolTableSection)
                for symbol in section.iter_symbols()
                if (entry := _elf_symbol(symbol, loaded))
            ]
        except Exception as fault:  # pyelftools meets a broken file with any exception there is
            said = str(fault) or type(fault).__name__
            raise ConfigError.of(name, f"no symbols can be read: not a sound ELF file ({said})") from None
        ranked.sort(key=lambda entry: entry[0])
        return cls(entry[1] for entry in ranked)

    @classmethod
    def from_map(cls, text: str, name: str = "symbol map") -> Symbols:
        """From lines of ADDRESS TYPE NAME, as nm (-S too) and System.map have them, or from what `ld -Map` writes.

        ConfigError, citing `name`.
        """
        entries = []
        if "\nLinker script and memory map\n" in text:
            return cls(_linker_map(text))
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split(None, 2)
            if not words or (len(words) == 2 and words[0] in "UwvN"):
                continue  # blank, or undefined and so without an address
            try:
                address, size = int(words[0], 16), 0
                if len(words[1]) > 1:
                    size = int(words[1], 16)
                    words = [words[0], *words[2].split(None, 1)]
                kind, symbol = words[1], words[2].split("\t")[0]
            except (ValueError, IndexError):
                fault = f"line {number} is not ADDRESS TYPE NAME as nm prints it: {line[:40]!r}"
                raise ConfigError.of(name, fault) from None
            if kind in "tTwWi":
                entries.append((address, size, symbol))
        return cls(entries)


def _elf_symbol(symbol: Any, loaded: set[int]) -> tuple[tuple[bool, bool, bool], tuple[int, int, str]] | None:
    """(rank among symbols of the same address, the entry) for a function or a label in a loaded section."""
    kind, index = symbol["st_info"]["type"], symbol["st_shndx"]
    if kind not in ("STT_FUNC", "STT_GNU_IFUNC", "STT_NOTYPE", "STT_LOOS") or not isinstance(index, int):
        return None  # absolute and undefined symbols are constants and wishes, not places
    if not symbol.name or symbol.name.startswith(".L"):
        return None
    label = kind == "STT_NOTYPE"
    if label and index not in loaded:
        return None
    rank = (label, symbol["st_info"]["bind"] == "STB_LOCAL", symbol.name.startswith("_"))
    return rank, (symbol["st_value"], 0 if label else symbol["st_size"], symbol.name)


def _linker_map(text: str) -> list[tuple[int, int, str]]:
    """The symbols of the output sections with code in a map by GNU ld: lines of a deep indent, an address, a name."""
    entries, is_code = [], False
    for line in text.partition("\nLinker script and memory map\n")[2].splitlines():
        words = line.split()
        if line.startswith("."):
            is_code = any(part in line.split()[0] for part in ("text", "init", "start"))
        elif is_code and len(words) == 2 and line.startswith(" " * 16) and words[0].startswith("0x"):
            entries.append((int(words[0], 16), 0, words[1]))
    return entries
