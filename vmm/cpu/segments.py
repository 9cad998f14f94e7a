"""Segment registers with their hidden parts, and the descriptors that the CPU would have loaded them from.

The fields are those of KVM's struct kvm_segment, as plain integers; limits count bytes, whatever the granularity.
Not modelled: gates, and the checks a CPU makes when a guest loads a selector.
Source: Intel SDM volume 3A sections 3.4 and 8.2; AMD APM volume 2 sections 4.7 and 4.8.
"""

from __future__ import annotations

FIELDS = ("selector", "base", "limit", "type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable")
"""Names of a segment's fields, in the order of Segment's arguments."""

ALL = 0xFFFF_FFFF
"""The limit of a flat 32-bit segment."""

DATA = 0x3
CODE = 0xB
LDT = 0x2
BUSY_TSS16 = 0x3
BUSY_TSS = 0xB
"""Types: writable data and readable code, both accessed; then the system types a task or LDT register can hold."""

_SYSTEM_TYPES = {
    0x1: "TSS 16-bit available",
    0x2: "LDT",
    0x3: "TSS 16-bit busy",
    0x4: "call gate 16-bit",
    0x5: "task gate",
    0x6: "interrupt gate 16-bit",
    0x7: "trap gate 16-bit",
    0x9: "TSS available",
    0xB: "TSS busy",
    0xC: "call gate",
    0xE: "interrupt gate",
    0xF: "trap gate",
}


class Segment:
    """One segment register. Shared between registers, so never change one: take a copy by replace()."""

    __slots__ = FIELDS

    def __init__(
        self,
        selector: int = 0,
        base: int = 0,
        limit: int = 0,
        type: int = 0,
        present: int = 1,
        dpl: int = 0,
        db: int = 0,
        s: int = 1,
        l: int = 0,  # noqa: E741 - the kernel's and the manual's name
        g: int = 0,
        avl: int = 0,
        unusable: int = 0,
    ) -> None:
        self.selector = selector
        self.base = base
        self.limit = limit
        self.type = type
        self.present = present
        self.dpl = dpl
        self.db = db
        self.s = s
        self.l = l
        self.g = g
        self.avl = avl
        self.unusable = unusable

    def as_dict(self) -> dict[str, int]:
        """The fields by name, in the order of FIELDS."""
        return {name: getattr(self, name) for name in FIELDS}

    def replace(self, **changes: int) -> Segment:
        """A copy with some fields changed."""
        return Segment(**{**self.as_dict(), **changes})

    def in_words(self) -> str:
        """Such as "code 64-bit, ring 0, base 0, limit 0xffffffff"."""
        if self.unusable:
            return "unusable"
        kind = _code_or_data(self) if self.s else _SYSTEM_TYPES.get(self.type, f"system type {self.type:#x}")
        absent = "" if self.present else ", not present"
        base, limit = (f"{value:#x}" if value else "0" for value in (self.base, self.limit))
        return f"{kind}, ring {self.dpl}, base {base}, limit {limit}{absent}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().values()))

    def __repr__(self) -> str:
        return f"Segment({', '.join(f'{name}={value:#x}' for name, value in self.as_dict().items())})"


def _code_or_data(segment: Segment) -> str:
    width = "64-bit" if segment.l else "32-bit" if segment.db else "16-bit"
    if segment.type & 8:
        extras = (", conforming" if segment.type & 4 else "") + ("" if segment.type & 2 else ", execute-only")
        return f"code {width}{extras}"
    extras = (", expand-down" if segment.type & 4 else "") + ("" if segment.type & 2 else ", read-only")
    return f"data {width}{extras}"


def real_mode(selector: int, code: bool = False, limit: int = 0xFFFF) -> Segment:
    """A real-mode register after a load of `selector`; a limit above 64 KiB makes "unreal mode"."""
    return Segment(selector, selector << 4, limit, CODE if code else DATA, g=1 if limit > 0xFFFFF else 0)


def flat_code32(dpl: int = 0, selector: int = 0) -> Segment:
    """32-bit code over all of 4 GiB."""
    return Segment(selector, 0, ALL, CODE, 1, dpl, 1, 1, 0, 1)


def flat_data32(dpl: int = 0, selector: int = 0) -> Segment:
    """Writable data or a 32-bit stack over all of 4 GiB."""
    return Segment(selector, 0, ALL, DATA, 1, dpl, 1, 1, 0, 1)


def code64(dpl: int = 0, selector: int = 0) -> Segment:
    """64-bit code; base and limit are not used by the CPU."""
    return Segment(selector, 0, ALL, CODE, 1, dpl, 0, 1, 1, 1)


data64 = flat_data32
"""In 64-bit mode a data segment is what it is in 32-bit mode: base and limit count in fs and gs alone."""


def tss(base: int, limit: int = 0x67, selector: int = 0) -> Segment:
    """A loaded task register: busy, 32-bit or 64-bit by the mode; 0x67 is the least limit of both."""
    return Segment(selector, base, limit, BUSY_TSS, s=0)


def real_mode_tss() -> Segment:
    """The task register after reset."""
    return Segment(0, 0, 0xFFFF, BUSY_TSS, s=0)


def real_mode_ldt() -> Segment:
    """The LDT register after reset."""
    return Segment(0, 0, 0xFFFF, LDT, s=0)


def unusable() -> Segment:
    """A register loaded with the null selector."""
    return Segment(present=0, s=0, unusable=1)


def encode(segment: Segment, wide: bool = False) -> bytes:
    """The descriptor of `segment`: 8 bytes, or 16 if `wide` (a TSS or LDT of long mode).

    ValueError when base or limit cannot be told: above 1 MiB a limit must end in 0xfff.
    """
    limit = segment.limit
    if segment.g:
        if limit & 0xFFF != 0xFFF:
            raise ValueError(f"a limit counted in pages ends in 0xfff, not {limit:#x}")
        limit >>= 12
    if not 0 <= limit <= 0xFFFFF:
        raise ValueError(f"limit {segment.limit:#x} does not fit a descriptor with g={segment.g}")
    base = segment.base
    if not 0 <= base < 1 << (64 if wide else 32):
        raise ValueError(f"base {base:#x} does not fit a descriptor of {16 if wide else 8} bytes")
    access = segment.type | segment.s << 4 | segment.dpl << 5 | segment.present << 7
    flags = segment.avl | segment.l << 1 | segment.db << 2 | segment.g << 3
    value = limit & 0xFFFF | (base & 0xFFFFFF) << 16 | access << 40 | (limit >> 16) << 48 | flags << 52
    value |= (base >> 24 & 0xFF) << 56
    if wide:
        return (value | base >> 32 << 64).to_bytes(16, "little")
    return value.to_bytes(8, "little")


def decode(raw: bytes, selector: int = 0) -> Segment:
    """The segment register that a load of this descriptor gives: 8 bytes, or 16 for a system segment of long mode."""
    if len(raw) not in (8, 16):
        raise ValueError(f"a descriptor has 8 or 16 bytes, not {len(raw)}")
    value = int.from_bytes(raw[:8], "little")
    access = value >> 40 & 0xFF
    flags = value >> 52 & 0xF
    limit = value & 0xFFFF | (value >> 48 & 0xF) << 16
    if flags & 8:
        limit = limit << 12 | 0xFFF
    base = value >> 16 & 0xFFFFFF | (value >> 56) << 24
    if len(raw) == 16:
        base |= int.from_bytes(raw[8:12], "little") << 32
    return Segment(
        selector,
        base,
        limit,
        access & 0xF,
        access >> 7,
        access >> 5 & 3,
        flags >> 2 & 1,
        access >> 4 & 1,
        flags >> 1 & 1,
        flags >> 3,
        flags & 1,
    )


class Gdt:
    """A global descriptor table in the making; its first entry is the null descriptor."""

    __slots__ = ("_raw",)

    def __init__(self) -> None:
        self._raw = bytes(8)

    def add(self, segment: Segment, wide: bool = False) -> Segment:
        """Appends the descriptor of `segment` and returns the segment with its selector (RPL equal to its DPL)."""
        selector = len(self._raw) | segment.dpl
        self._raw += encode(segment, wide)
        return segment.replace(selector=selector)

    def skip(self) -> None:
        """Leaves the next entry null."""
        self._raw += bytes(8)

    @property
    def raw(self) -> bytes:
        """The table as it goes to memory."""
        return self._raw

    @property
    def limit(self) -> int:
        """What belongs into GDTR: the size less one."""
        return len(self._raw) - 1
