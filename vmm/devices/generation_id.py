"""The virtual machine generation ID: 16 bytes in reserved memory that are others in every copy of a machine.

Guest side: the memory, found by the method ADDR of a device in the DSDT, and the event behind `signal`.
Host side: `renew()`. Linux seeds its random numbers anew then; other systems also their network addresses and logs.
Source: Microsoft, "Virtual Machine Generation ID", 2012; Linux drivers/virt/vmgenid.c.
"""

from __future__ import annotations

from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..memory.guest_memory import GuestMemory

SIZE = 16
_SCHEMA = "vmm.generation_id"


class GenerationId(Device):
    """The bytes at `gpa` of `memory`: `first`, or with None those there. `signal` tells the guest that they changed."""

    name = "generation-id"

    def __init__(self, memory: GuestMemory, gpa: int, first: bytes | None, signal: Callable[[], None]) -> None:
        self._memory = memory
        self._gpa = gpa
        self._signal = signal
        if first is not None:
            memory.write(gpa, first)

    @property
    def identity(self) -> bytes:
        """The bytes as they stand."""
        return self._memory.read(self._gpa, SIZE)

    def renew(self, identity: bytes) -> None:
        """The machine is a copy from now on, known by these 16 bytes. ValueError for another number of them."""
        if len(identity) != SIZE:
            raise ValueError(f"a generation ID has {SIZE} bytes, not {len(identity)}")
        self._memory.write(self._gpa, identity)
        self._signal()

    def save(self) -> State:
        """Nothing: the bytes are guest memory."""
        return State(_SCHEMA, 1, {})

    def load(self, state: State) -> None:
        if state.expect(_SCHEMA, 1, ()):
            raise SnapshotError(f"{_SCHEMA} has no fields")
