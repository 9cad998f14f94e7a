"""The registers of a BIOS call: the frame that firmware/trap.h puts on the caller's stack, read, changed, written back.

The frame is where the guest says it is: one that is not all in RAM is None, and the call does nothing.
Not modelled: a stack whose pointer wraps within the frame.
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ram import Ram

_LAYOUT = Struct("<2H8I3H")
_ES, _DS, _EDI, _ESI, _EBP, _ESP, _EBX, _EDX, _ECX, _EAX, _IP, _CS, _FLAGS = range(13)
SIZE = _LAYOUT.size

CARRY, ZERO, INTERRUPTS = 0x01, 0x40, 0x200


class _Part:
    """Some bits of one register, as an attribute of a frame."""

    def __init__(self, register: int, bits: int, shift: int = 0) -> None:
        self._register, self._shift, self._mask = register, shift, (1 << bits) - 1

    def __get__(self, frame: Frame, owner: type) -> int:
        return frame.values[self._register] >> self._shift & self._mask

    def __set__(self, frame: Frame, value: int) -> None:
        kept = frame.values[self._register] & ~(self._mask << self._shift)
        frame.values[self._register] = kept | (value & self._mask) << self._shift


class Frame:
    """The registers by name; what is written is cut to the register's width."""

    __slots__ = ("gpa", "values")

    eax, ax, al, ah = _Part(_EAX, 32), _Part(_EAX, 16), _Part(_EAX, 8), _Part(_EAX, 8, 8)
    ebx, bx, bl, bh = _Part(_EBX, 32), _Part(_EBX, 16), _Part(_EBX, 8), _Part(_EBX, 8, 8)
    ecx, cx, cl, ch = _Part(_ECX, 32), _Part(_ECX, 16), _Part(_ECX, 8), _Part(_ECX, 8, 8)
    edx, dx, dl, dh = _Part(_EDX, 32), _Part(_EDX, 16), _Part(_EDX, 8), _Part(_EDX, 8, 8)
    si, di, bp = _Part(_ESI, 16), _Part(_EDI, 16), _Part(_EBP, 16)
    ds, es, cs, ip = _Part(_DS, 16), _Part(_ES, 16), _Part(_CS, 16), _Part(_IP, 16)
    carry, zero = _Part(_FLAGS, 1), _Part(_FLAGS, 1, 6)
    """1 or 0, as the caller will see them."""

    def __init__(self, gpa: int, values: list[int]) -> None:
        self.gpa = gpa
        self.values = values

    @classmethod
    def at(cls, ram: Ram, gpa: int) -> Frame | None:
        """The frame at `gpa`, or None when it is not all in RAM."""
        raw = ram.read(gpa, SIZE)
        return None if raw is None else cls(gpa, list(_LAYOUT.unpack(raw)))

    def store(self, ram: Ram) -> None:
        """Writes it back to where it came from."""
        ram.write(self.gpa, _LAYOUT.pack(*self.values))

    def clear(self) -> None:
        """All registers but those of iret are 0."""
        self.values[_ES : _EAX + 1] = [0] * (_EAX + 1)

    def fail(self, error: int) -> None:
        """AH is the error and CF is set."""
        self.ah, self.carry = error, 1

    def succeed(self) -> None:
        """AH and CF are 0."""
        self.ah = self.carry = 0


def linear(segment: int, offset: int) -> int:
    """The address of segment:offset; offsets do not wrap at 64 KiB, nor addresses at 1 MiB (A20 is open)."""
    return (segment << 4) + offset
