"""Flags that a guest reads and clears without Python: interrupt causes of a device, which another thread sets.

Source: kvm_bindings/step.h, STEP_QUIET_LATCH.
"""

from __future__ import annotations

from kvm_bindings import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kvm_vcpu import KvmVcpu


class Latch:
    """32 flags. Any thread."""

    def __init__(self, vcpus: Sequence[KvmVcpu], read_at: int, clear_at: int) -> None:
        """Reads of 4 bytes at guest physical `read_at` give the flags, writes at `clear_at` clear those written. Before
        the vCPUs run."""
        self._flags = ffi.new("uint32_t *")
        for vcpu in vcpus:
            vcpu.answer_by_latch(read_at, 4, False, self._flags)
            vcpu.answer_by_latch(clear_at, 4, True, self._flags)

    @property
    def value(self) -> int:
        """The flags that are set."""
        return int(self._flags[0])

    def set(self, flags: int) -> None:
        """Adds some."""
        lib.step_latch(self._flags, flags, 0)

    def clear(self, flags: int) -> None:
        """Takes some away."""
        lib.step_latch(self._flags, 0, flags)
