"""How far a kernel moved itself (Linux's KASLR), found from where it exits: only there its code has port instructions.

Not modelled: kernels that also shuffle their functions (FGKASLR). Source: arch/x86/Kconfig, RANDOMIZE_BASE: steps of
CONFIG_PHYSICAL_ALIGN, 2 MiB or more, within 1 GiB.
"""

from __future__ import annotations

from ..units import GiB, MiB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .exits import ExitCount

UPPER_HALF = 1 << 63
STEP, REACH = 2 * MiB, 1 * GiB
LEAST = 4
"""Instructions that must be known before anything is concluded."""
_IN_DX, _IN_PORT = (b"\xec", b"\xed", b"\x6c", b"\x6d"), (b"\xe4", b"\xe5")
_OUT_DX, _OUT_PORT = (b"\xee", b"\xef", b"\x6e", b"\x6f"), (b"\xe6", b"\xe7")


def find_offset(exits: Iterable[ExitCount], read: Callable[[int, int], bytes]) -> int:
    """What the guest's addresses have over those of its file, 0 if that cannot be told.

    `read(address, size)` gives code by the addresses of the file, b"" where there is none. Nine of ten port accesses
    from the upper half must fit the code there, and no other offset may fit as many.
    """
    seen = {(rip, exit.direction) for exit in exits if exit.reason == "io" for rip, _ in exit.rips if rip >= UPPER_HALF}
    if len(seen) < LEAST:
        return 0
    fits = {
        offset: sum(_fits(read, rip - offset, direction) for rip, direction in seen) for offset in range(0, REACH, STEP)
    }
    best = max(fits, key=lambda offset: fits[offset])
    is_sure = fits[best] >= 0.9 * len(seen) and list(fits.values()).count(fits[best]) == 1
    return best if is_sure else 0


def _fits(read: Callable[[int, int], bytes], address: int, direction: str) -> bool:
    """Whether a port instruction of that direction stands at `address`, or, for OUT, ends there."""
    after = read(address, 1)
    if after == b"\x66":
        after = read(address + 1, 1)
    if direction == "in":
        return after in (*_IN_DX, *_IN_PORT)
    before = read(address - 2, 2)
    return after in (*_OUT_DX, *_OUT_PORT) or before[1:] in _OUT_DX or before[:1] in _OUT_PORT
