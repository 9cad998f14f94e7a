"""The question that one tiny guest answers: its machine code, the machine it needs, and the answer a CPU would give.

Layout of every probe: the code at CODE; what its gates, its IVT and its start-up interrupt lead to at HANDLER; an
IDT of 256 gates for ring 3 and below at IDT, in long mode, with what LIDT takes at IDT_POINTER; zeroes at SCRATCH.
The guest ends by writing a byte to the debug-exit port.
"""

from __future__ import annotations

from ...records import Record
from ...units import MiB

CODE = 0x8000
HANDLER = 0x9000
IDT_POINTER = 0x1_FFF0
IDT = 0x2_0000
SCRATCH = 0x3_0000
MEMORY = 2 * MiB

ARRIVED = 0x55
"""What the usual handler answers."""
NOT_OFFERED = 0xEE
"""The answer of a guest that asked CPUID and found that the CPU has no such instruction."""
ARRIVED_ASSEMBLY = "mov al, 0x55; out 0xf4, al"
ARRIVED_CODE = "b055 e6f4"

BOOT, EVENTS, RING0, RING3 = "start and I/O", "events", "ring 0", "ring 3"
AREAS = (BOOT, EVENTS, RING0, RING3)


class Probe(Record):
    """One tiny guest. `assembly` is in GNU as's Intel syntax and there to be read; `code` is what runs."""

    name: str
    """What it tries, short enough for a list."""
    area: str
    """One of AREAS."""
    mode: str
    """CPU mode at the first instruction."""
    assembly: str
    code: str
    """The same as hexadecimal digits."""
    handler_assembly: str = ARRIVED_ASSEMBLY
    handler: str = ARRIVED_CODE
    answer: int = ARRIVED
    """The byte that a CPU after the book makes the guest write."""
    otherwise: str = "it answered something else than a CPU would"
    """What another answer means, as the end of a sentence."""
    loss: str
    """What a user goes without where it does not work: a sentence."""
    for_linux: bool = False
    """Whether stock Linux needs it to boot."""
    user: bool = False
    unreal: bool = False
    irqchip: str = "none"
    vcpus: int = 1
    test_devices: bool = False
    deadline: float = 0.5
    """Seconds after which it counts as lost."""

    def image(self) -> bytes:
        """Code and handler as one flat image for CODE."""
        return bytes.fromhex(self.code).ljust(HANDLER - CODE, b"\0") + bytes.fromhex(self.handler)
