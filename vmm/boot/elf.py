"""ELF executables for x86, 32 and 64 bits: their PT_LOAD segments copied to physical addresses, the rest zeroed.

Reads the file header and the program headers alone, by itself: pyelftools costs some 60 ms of import, which is kept
for symbols and line numbers. Not modelled: relocation, dynamic linking, ELF notes (PVH), section headers.
Source: System V gABI, chapters 4 (ELF header) and 5 (program header).
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct

from ..errors import BootError
from .formats import detect
from .loader import BootParams, BootState, check_entry, check_mode, check_room, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loader import Image, Memory, Piece

format = "elf"

_PT_LOAD, _PT_INTERP = 1, 3
_ET_EXEC = 2
_EM_386, _EM_X86_64 = 3, 62
_MAX_SEGMENTS = 128
"""Linkers write under ten program headers; a count far above is damage, or an attack."""

# Behind e_ident: type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum.
_EHDR = {32: Struct("<HHIIIIIHHH"), 64: Struct("<HHIQQQIHHH")}
_PHDR = {32: Struct("<IIIIIIII"), 64: Struct("<IIQQQQQQ")}
_IDENT = 16
_ENTRY_AT = 0x18


class _Segment:
    """One PT_LOAD program header, checked; `at` is where it stands in the file."""

    __slots__ = ("at", "file_offset", "file_size", "flags", "index", "paddr", "size", "vaddr")

    def __init__(self, bits: int, raw: tuple[int, ...], index: int, at: int) -> None:
        if bits == 64:
            _type, self.flags, self.file_offset, self.vaddr, self.paddr, self.file_size, self.size, _align = raw
        else:
            _type, self.file_offset, self.vaddr, self.paddr, self.file_size, self.size, self.flags, _align = raw
        self.index = index
        self.at = at

    def in_words(self) -> str:
        access = "".join(letter for bit, letter in ((4, "R"), (2, "W"), (1, "X")) if self.flags & bit)
        bss = self.size - self.file_size
        return f"ELF segment {self.index} ({access or 'no access'}{f', {bss} bytes zeroed' if bss else ''})"


def recognises(image: Image) -> bool:
    """Whether it starts with the ELF magic, whatever CPU it is for: `load` refuses in words."""
    return bytes(image[:4]) == b"\x7fELF"


def load(image: Image, memory: Memory, params: BootParams) -> BootState:
    """Copies every PT_LOAD segment to its p_paddr and zeroes what lies between its p_filesz and its p_memsz.

    The mode is long for x86-64 and protected for x86 unless `params.mode` says otherwise. An entry in a segment's
    virtual range becomes physical; one in a physical range only (as in vmlinux) is taken as it is. BootError, with
    the byte at fault, for another CPU or type, a truncated file, overlaps, and segments outside memory.
    """
    state, pieces = plan(image, memory, params)
    put(memory, pieces)
    return state


def plan(image: Image, memory: Memory, params: BootParams) -> tuple[BootState, list[Piece]]:
    """What load() does, before a byte is written: for protocols that add to it. BootError as for load()."""
    bits, machine, virtual_entry, headers = _read_headers(image)
    mode = params.mode or ("long" if machine == _EM_X86_64 else "protected")
    check_mode(format, mode)
    if params.load is not None:
        raise BootError(format, f"load address {params.load:#x} given, but an ELF file brings its own")
    segments = _read_segments(image, memory, bits, headers)
    loaded = tuple((segment.paddr, segment.size, segment.in_words()) for segment in segments)
    entry, symbol_offset = _physical(virtual_entry, segments)
    if params.entry is not None:
        entry = params.entry
    check_entry(format, mode, entry, loaded)
    view = memoryview(image)
    pieces: list[Piece] = [
        (part.paddr, view[part.file_offset : part.file_offset + part.file_size], part.size) for part in segments
    ]
    state = BootState(
        format=format,
        mode=mode,
        entry=entry,
        end=segments[-1].paddr + segments[-1].size,
        loaded=loaded,
        symbols=params.path,
        symbol_offset=symbol_offset,
    )
    return state, pieces


def _read_headers(image: Image) -> tuple[int, int, int, list[tuple[int, tuple[int, ...]]]]:
    """(32 or 64, e_machine, e_entry, [(place in the file, program header)])."""
    if not recognises(image):
        raise BootError(format, f"found {detect(image)}, not an ELF file", 0)
    bits = {1: 32, 2: 64}.get(image[4] if len(image) > 5 else 0)
    if bits is None or image[5] != 1:
        raise BootError(format, f"found {detect(image)}", 4)
    ehdr = _EHDR[bits]
    if len(image) < _IDENT + ehdr.size:
        raise BootError(format, f"the file ends inside its header, after {len(image)} bytes", len(image))
    kind, machine, _version, entry, phoff, _shoff, _flags, _ehsize, phentsize, phnum = ehdr.unpack_from(image, _IDENT)
    if machine not in (_EM_386, _EM_X86_64) or (bits == 64 and machine == _EM_386):
        raise BootError(format, f"found {detect(image)}; this machine is x86", 18)
    if kind != _ET_EXEC:
        hint = "; link it with -static -no-pie" if kind in (1, 3) else ""
        raise BootError(format, f"found {detect(image)}, not an executable{hint}", 16)
    phdr = _PHDR[bits]
    phnum_at = _IDENT + ehdr.size - 2
    if not 0 < phnum <= _MAX_SEGMENTS:
        raise BootError(format, f"{phnum} program headers; 1 to {_MAX_SEGMENTS} make sense", phnum_at)
    if phentsize != phdr.size:
        raise BootError(format, f"program headers of {phentsize} bytes; ELF{bits} has {phdr.size}", phnum_at - 2)
    if phoff + phnum * phentsize > len(image):
        raise BootError(
            format, f"program headers end at {phoff + phnum * phentsize:#x}, the file at {len(image):#x}", phoff
        )
    places = range(phoff, phoff + phnum * phentsize, phentsize)
    return bits, machine, entry, [(at, phdr.unpack_from(image, at)) for at in places]


def _read_segments(
    image: Image, memory: Memory, bits: int, headers: list[tuple[int, tuple[int, ...]]]
) -> list[_Segment]:
    """The segments to load, by physical address, once all of them are known to fit."""
    segments = []
    for index, (at, raw) in enumerate(headers):
        if raw[0] == _PT_INTERP:
            raise BootError(format, "a dynamically linked program for an operating system; link it with -static", at)
        if raw[0] != _PT_LOAD:
            continue
        segment = _Segment(bits, raw, index, at)
        if segment.size < segment.file_size:
            fault = f"segment {index} has {segment.file_size:#x} bytes in the file, {segment.size:#x} in memory"
            raise BootError(format, fault, at)
        if segment.file_offset + segment.file_size > len(image):
            end = segment.file_offset + segment.file_size
            raise BootError(format, f"segment {index} ends at {end:#x}, the file at {len(image):#x}: truncated?", at)
        if segment.size:
            check_room(format, memory, segment.paddr, segment.size, f"segment {index}", at)
            segments.append(segment)
    if not segments:
        raise BootError(format, "no segment to load")
    segments.sort(key=lambda segment: segment.paddr)
    for lower, upper in pairwise(segments):
        if lower.paddr + lower.size > upper.paddr:
            fault = (
                f"segments {lower.index} and {upper.index} overlap: [{lower.paddr:#x}, {lower.paddr + lower.size:#x}) "
                f"and [{upper.paddr:#x}, {upper.paddr + upper.size:#x})"
            )
            raise BootError(format, fault, upper.at)
    return segments


def _physical(entry: int, segments: list[_Segment]) -> tuple[int, int]:
    """(physical address of a virtual entry, physical minus virtual)."""
    for segment in segments:
        if segment.vaddr <= entry < segment.vaddr + segment.size:
            return entry - segment.vaddr + segment.paddr, segment.paddr - segment.vaddr
    for segment in segments:
        if segment.paddr <= entry < segment.paddr + segment.size:
            return entry, segment.paddr - segment.vaddr
    raise BootError(format, f"entry {entry:#x} lies in no segment", _ENTRY_AT)
