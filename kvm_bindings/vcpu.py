"""A vCPU fd: the registers and events of one virtual processor, and the page it shares with the kernel.

Not here: the loop around KVM_RUN, which is the compiled run step; `run_once` is for tests and tools.
Every vCPU ioctl may be called by the thread that runs the vCPU alone, or while it does not run.
"""

from __future__ import annotations

from . import arrays
from ._kvm import ffi, lib
from .descriptor import Descriptor
from .errors import KvmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._kvm import CData

PAGE = 4096
"""What the kernel counts offsets into the vCPU's mapping in."""


class Vcpu(Descriptor):
    """One virtual processor. Getters take a struct to fill again, for callers that spare the allocation."""

    kind = "vcpu"
    run: CData = ffi.NULL
    """The struct kvm_run shared with the kernel; an untyped NULL once closed, when a copy of the pointer dangles."""
    _dirty_ring: tuple[CData, int] | None = None

    def __init__(self, fd: int, mmap_size: int, index: int) -> None:
        super().__init__(fd)
        self.index = index
        """The number given to Vm.create_vcpu."""
        self.mmap_size = mmap_size
        mapping = lib.kvm_map(fd, mmap_size, 0)
        if mapping == ffi.NULL:
            error = ffi.errno
            self.close()
            raise KvmError("mmap", self.kind, error)
        self.run = ffi.cast("struct kvm_run *", mapping)

    def close(self) -> None:
        """Unmaps kvm_run and the dirty ring, and closes the fd. Legal twice."""
        run, self.run = self.run, ffi.NULL
        if run != ffi.NULL:
            lib.kvm_unmap(run, self.mmap_size)
        if self._dirty_ring is not None:
            lib.kvm_unmap(*self._dirty_ring)
            self._dirty_ring = None
        super().close()

    def run_once(self) -> int:
        """KVM_RUN: runs the guest to its next exit and gives the reason, a KVM_EXIT_*. KvmError EINTR on a signal."""
        self.ioctl_int("KVM_RUN")
        return int(self.run.exit_reason)

    def pio_data(self) -> memoryview:
        """The bytes of the port access in `run.io`, to be read or answered: size * count of them."""
        io = self.run.io
        start = ffi.cast("char *", self.run) + io.data_offset
        return memoryview(ffi.buffer(start, io.size * io.count))

    def coalesced_ring(self) -> CData:
        """The VM's struct kvm_coalesced_mmio_ring, which every vCPU's mapping shows."""
        start = ffi.cast("char *", self.run) + lib.KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE
        return ffi.cast("struct kvm_coalesced_mmio_ring *", start)

    def map_dirty_ring(self, size: int) -> CData:
        """The vCPU's ring of struct kvm_dirty_gfn, `size` bytes as given to KVM_CAP_DIRTY_LOG_RING."""
        if self._dirty_ring is None:
            mapping = lib.kvm_map(self.fd, size, lib.KVM_DIRTY_LOG_PAGE_OFFSET * PAGE)
            if mapping == ffi.NULL:
                raise KvmError("mmap of the dirty ring", self.kind, ffi.errno)
            self._dirty_ring = mapping, size
        return ffi.cast("struct kvm_dirty_gfn *", self._dirty_ring[0])

    def enable_cap(self, cap: int, flags: int = 0, args: Sequence[int] = ()) -> int:
        """KVM_ENABLE_CAP for this vCPU, with up to four arguments."""
        return self.ioctl_ptr("KVM_ENABLE_CAP", ffi.new("struct kvm_enable_cap *", (cap, flags, args)))

    def get_stats_fd(self) -> int:
        """KVM_GET_STATS_FD: a new fd for stats.Stats."""
        return self.ioctl_int("KVM_GET_STATS_FD")

    # Registers

    def get_regs(self, into: CData = None) -> CData:
        """KVM_GET_REGS: a struct kvm_regs."""
        return self.fill("KVM_GET_REGS", into or ffi.new("struct kvm_regs *"))

    def set_regs(self, regs: CData) -> None:
        """KVM_SET_REGS."""
        self.ioctl_ptr("KVM_SET_REGS", regs)

    def get_sregs(self, into: CData = None) -> CData:
        """KVM_GET_SREGS: a struct kvm_sregs: segments, tables, control registers."""
        return self.fill("KVM_GET_SREGS", into or ffi.new("struct kvm_sregs *"))

    def set_sregs(self, sregs: CData) -> None:
        """KVM_SET_SREGS."""
        self.ioctl_ptr("KVM_SET_SREGS", sregs)

    def get_sregs2(self, into: CData = None) -> CData:
        """KVM_GET_SREGS2: a struct kvm_sregs2: the same with the PDPTEs in place of a pending interrupt."""
        return self.fill("KVM_GET_SREGS2", into or ffi.new("struct kvm_sregs2 *"))

    def set_sregs2(self, sregs: CData) -> None:
        """KVM_SET_SREGS2."""
        self.ioctl_ptr("KVM_SET_SREGS2", sregs)

    def get_fpu(self, into: CData = None) -> CData:
        """KVM_GET_FPU: a struct kvm_fpu: x87 and SSE, but for MXCSR, which KVM carries in the extended state alone."""
        return self.fill("KVM_GET_FPU", into or ffi.new("struct kvm_fpu *"))

    def set_fpu(self, fpu: CData) -> None:
        """KVM_SET_FPU."""
        self.ioctl_ptr("KVM_SET_FPU", fpu)

    def get_xsave(self, into: CData = None) -> CData:
        """KVM_GET_XSAVE: a struct kvm_xsave of 4096 bytes; fails where the guest's XSAVE area is larger."""
        return self.fill("KVM_GET_XSAVE", into or ffi.new("struct kvm_xsave *"))

    def get_xsave2(self, size: int, into: CData = None) -> CData:
        """KVM_GET_XSAVE2: a struct kvm_xsave of `size` bytes, the VM's answer to check_extension(KVM_CAP_XSAVE2)."""
        beyond = max(size - ffi.sizeof("struct kvm_xsave"), 0)
        return self.fill("KVM_GET_XSAVE2", into or ffi.new("struct kvm_xsave *", {"extra": (beyond + 3) // 4}))

    def set_xsave(self, xsave: CData) -> None:
        """KVM_SET_XSAVE: takes what get_xsave or get_xsave2 gave."""
        self.ioctl_ptr("KVM_SET_XSAVE", xsave)

    def get_xcrs(self, into: CData = None) -> CData:
        """KVM_GET_XCRS: a struct kvm_xcrs: XCR0."""
        return self.fill("KVM_GET_XCRS", into or ffi.new("struct kvm_xcrs *"))

    def set_xcrs(self, xcrs: CData) -> None:
        """KVM_SET_XCRS."""
        self.ioctl_ptr("KVM_SET_XCRS", xcrs)

    def get_debugregs(self, into: CData = None) -> CData:
        """KVM_GET_DEBUGREGS: a struct kvm_debugregs: the guest's own DR0-DR7."""
        return self.fill("KVM_GET_DEBUGREGS", into or ffi.new("struct kvm_debugregs *"))

    def set_debugregs(self, debugregs: CData) -> None:
        """KVM_SET_DEBUGREGS."""
        self.ioctl_ptr("KVM_SET_DEBUGREGS", debugregs)

    def get_msrs(self, indices: Sequence[int]) -> dict[int, int]:
        """KVM_GET_MSRS: {index: value}; MSRs that the kernel refuses are missing from the answer."""
        return arrays.read_msrs(self, indices)

    def set_msrs(self, values: Mapping[int, int]) -> list[int]:
        """KVM_SET_MSRS in the order given; the indices that the kernel refused, the others are set."""
        return arrays.write_msrs(self, values)

    def get_cpuid2(self, room: int = 128) -> list[arrays.CpuidEntry]:
        """KVM_GET_CPUID2: what set_cpuid2 set, as (function, index, flags, eax, ebx, ecx, edx)."""
        return arrays.cpuid2_entries(self.fill("KVM_GET_CPUID2", arrays.empty_cpuid2(room)))

    def set_cpuid2(self, entries: Sequence[arrays.CpuidEntry] | CData) -> None:
        """KVM_SET_CPUID2, before the first run: entries as above, or a struct kvm_cpuid2 made once for many vCPUs."""
        cpuid = entries if isinstance(entries, ffi.CData) else arrays.new_cpuid2(entries)
        self.ioctl_ptr("KVM_SET_CPUID2", cpuid)

    def get_vcpu_events(self, into: CData = None) -> CData:
        """KVM_GET_VCPU_EVENTS: a struct kvm_vcpu_events: exceptions, interrupts, NMIs and SMIs under way."""
        return self.fill("KVM_GET_VCPU_EVENTS", into or ffi.new("struct kvm_vcpu_events *"))

    def set_vcpu_events(self, events: CData) -> None:
        """KVM_SET_VCPU_EVENTS."""
        self.ioctl_ptr("KVM_SET_VCPU_EVENTS", events)

    def get_mp_state(self) -> int:
        """KVM_GET_MP_STATE: one of KVM_MP_STATE_*."""
        return int(self.fill("KVM_GET_MP_STATE", ffi.new("struct kvm_mp_state *")).mp_state)

    def set_mp_state(self, mp_state: int) -> None:
        """KVM_SET_MP_STATE; other than RUNNABLE needs the local APIC in the kernel."""
        self.ioctl_ptr("KVM_SET_MP_STATE", ffi.new("struct kvm_mp_state *", (mp_state,)))

    def get_lapic(self, into: CData = None) -> CData:
        """KVM_GET_LAPIC: a struct kvm_lapic_state, the APIC's page of registers."""
        return self.fill("KVM_GET_LAPIC", into or ffi.new("struct kvm_lapic_state *"))

    def set_lapic(self, lapic: CData) -> None:
        """KVM_SET_LAPIC."""
        self.ioctl_ptr("KVM_SET_LAPIC", lapic)

    def get_nested_state(self, room: int = 3 * PAGE) -> CData:
        """KVM_GET_NESTED_STATE: a struct kvm_nested_state with `room` bytes; E2BIG if it needs more."""
        memory = ffi.new("char[]", max(room, ffi.sizeof("struct kvm_nested_state")))
        state = ffi.cast("struct kvm_nested_state *", memory)
        state.size = len(memory)
        self.ioctl_ptr("KVM_GET_NESTED_STATE", state)
        return ffi.gc(state, lambda _: memory)  # the destructor holds the memory that the struct lies in

    def set_nested_state(self, state: CData) -> None:
        """KVM_SET_NESTED_STATE."""
        self.ioctl_ptr("KVM_SET_NESTED_STATE", state)

    # Time

    def get_tsc_khz(self) -> int:
        """KVM_GET_TSC_KHZ: the guest's TSC frequency."""
        return self.ioctl_int("KVM_GET_TSC_KHZ")

    def set_tsc_khz(self, khz: int) -> None:
        """KVM_SET_TSC_KHZ: far from the host's it needs KVM_CAP_TSC_CONTROL."""
        self.ioctl_int("KVM_SET_TSC_KHZ", khz)

    def kvmclock_ctrl(self) -> None:
        """KVM_KVMCLOCK_CTRL: tells a guest that uses kvmclock that it was paused; EINVAL where it does not."""
        self.ioctl_int("KVM_KVMCLOCK_CTRL")

    # Interrupts

    def interrupt(self, vector: int) -> None:
        """KVM_INTERRUPT: queues an external interrupt where no irqchip is in the kernel.

        Only while run.ready_for_interrupt_injection is set; else ask for KVM_EXIT_IRQ_WINDOW_OPEN.
        """
        self.ioctl_ptr("KVM_INTERRUPT", ffi.new("struct kvm_interrupt *", (vector,)))

    def nmi(self) -> None:
        """KVM_NMI: queues a non-maskable interrupt."""
        self.ioctl_int("KVM_NMI")

    def smi(self) -> None:
        """KVM_SMI: queues a system management interrupt."""
        self.ioctl_int("KVM_SMI")

    def set_signal_mask(self, signals: Iterable[int] | None) -> None:
        """KVM_SET_SIGNAL_MASK: the signals blocked during KVM_RUN, in place of the thread's; None for the thread's."""
        mask = ffi.NULL if signals is None else arrays.new_signal_mask(signals)
        self.ioctl_ptr("KVM_SET_SIGNAL_MASK", mask)

    def tpr_access_reporting(self, enabled: bool) -> None:
        """KVM_TPR_ACCESS_REPORTING: whether accesses to the task priority register exit."""
        self.ioctl_ptr("KVM_TPR_ACCESS_REPORTING", ffi.new("struct kvm_tpr_access_ctl *", (enabled,)))

    def set_vapic_addr(self, address: int) -> None:
        """KVM_SET_VAPIC_ADDR: where in guest memory the virtual APIC page lies."""
        self.ioctl_ptr("KVM_SET_VAPIC_ADDR", ffi.new("struct kvm_vapic_addr *", (address,)))

    # Machine checks, debugging, memory

    def setup_mce(self, mcg_cap: int) -> None:
        """KVM_X86_SETUP_MCE: the guest's MCG_CAP; the low byte is the number of banks."""
        self.ioctl_ptr("KVM_X86_SETUP_MCE", ffi.new("__u64 *", mcg_cap))

    def set_mce(self, mce: CData) -> None:
        """KVM_X86_SET_MCE: injects the machine check in a struct kvm_x86_mce."""
        self.ioctl_ptr("KVM_X86_SET_MCE", mce)

    def set_guest_debug(self, control: int, debugreg: Sequence[int] = ()) -> None:
        """KVM_SET_GUEST_DEBUG: KVM_GUESTDBG_* flags (0 ends debugging) and DR0-DR7 for hardware breakpoints."""
        wanted = ffi.new("struct kvm_guest_debug *", {"control": control, "arch": {"debugreg": debugreg}})
        self.ioctl_ptr("KVM_SET_GUEST_DEBUG", wanted)

    def translate(self, linear_address: int) -> CData:
        """KVM_TRANSLATE: a struct kvm_translation of a guest virtual address; look at `valid` first."""
        return self.fill("KVM_TRANSLATE", ffi.new("struct kvm_translation *", (linear_address,)))

    def pre_fault_memory(self, gpa: int, size: int) -> int:
        """KVM_PRE_FAULT_MEMORY: builds the host's page tables for guest memory; the bytes left to do."""
        wanted = ffi.new("struct kvm_pre_fault_memory *", (gpa, size))
        return int(self.fill("KVM_PRE_FAULT_MEMORY", wanted).size)
