"""Breakpoints on instructions of one vCPU: int3 in guest memory, which KVM hands to us instead of the guest, or the
CPU's four debug registers where guest code is emulated and has no int3 (PVM).

Source: Documentation/virt/kvm/api.rst, KVM_SET_GUEST_DEBUG; Intel SDM volume 3B section 18.2.
"""

from __future__ import annotations

from kvm_bindings import lib

from ..errors import HostError
from .kvm_host import kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from mmap import mmap

    from ..memory.guest_memory import GuestMemory
    from .kvm_vcpu import KvmVcpu

INT3 = 0xCC
REGISTERS = 4


class KvmBreakpoints:
    """Implements protocol.Breakpoints. KvmEngine.breakpoints() makes it."""

    def __init__(self, vcpu: KvmVcpu, memory: GuestMemory) -> None:
        self._vcpu = vcpu
        self._memory = memory
        self._in_code: dict[int, tuple[mmap, int, int]] = {}
        """By address: where its int3 stands, and the byte that was there."""
        self._has_int3 = kind() != "pvm"

    @property
    def most(self) -> int | None:
        """How many there can be at once; None for as many as there is code."""
        return None if self._has_int3 else REGISTERS

    def set(self, addresses: Collection[int]) -> None:
        """These linear addresses and no others. HostError for more than the host has, and for what is not mapped."""
        self.clear()
        if not addresses:
            return
        if not self._has_int3:
            if len(addresses) > REGISTERS:
                raise HostError(
                    f"{len(addresses)} breakpoints: this host (PVM) has {REGISTERS}", "use hardware KVM, or fewer"
                )
            enable = sum(1 << 2 * index for index in range(len(addresses)))
            registers = [*addresses, *[0] * (7 - len(addresses)), enable]
            self._vcpu.fd.set_guest_debug(lib.KVM_GUESTDBG_ENABLE | lib.KVM_GUESTDBG_USE_HW_BP, registers)
            return
        for address in addresses:
            self._put_int3(address)
        self._vcpu.fd.set_guest_debug(lib.KVM_GUESTDBG_ENABLE | lib.KVM_GUESTDBG_USE_SW_BP)

    def _put_int3(self, address: int) -> None:
        found = self._vcpu.fd.translate(address)
        gpa = int(found.physical_address)
        if not found.valid or not self._memory.contains(gpa):
            self.clear()
            raise HostError(f"no breakpoint at {address:#x}: no guest memory is mapped there now")
        at, offset = self._memory.place(gpa, 1)
        mapping = self._memory.mappings[at]
        self._in_code[address] = mapping, offset, mapping[offset]
        mapping[offset] = INT3  # past the notes of writes: a machine that is put back keeps it

    def remove(self, address: int) -> None:
        """The one there, if there is one in code, for as long as nobody puts its page back; the others stay."""
        if address in self._in_code:
            mapping, offset, byte = self._in_code[address]
            mapping[offset] = byte

    def clear(self) -> None:
        """None any more."""
        for address in self._in_code:
            self.remove(address)
        self._in_code.clear()
        self._vcpu.fd.set_guest_debug(0)
