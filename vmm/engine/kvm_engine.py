"""One virtual machine in KVM: its fd, its memory slots, its vCPUs, and the interrupt controllers when the kernel's."""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

from ..errors import ConfigError, HostError
from ..later import Later
from . import kvm_cpuid, kvm_door
from .kvm_vcpu import KvmVcpu
from .protocol import ALL_PARTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from kvm_bindings._kvm import CData

    from ..bus.bus import Bus
    from ..cpu.cpuid import CpuModel
    from ..memory.guest_memory import GuestMemory, Region
    from ..memory.template import Template
    from ..observe.hidden_exits import HiddenExits
    from ..observe.msr_accesses import MsrAccess
    from ..state import State
    from . import kvm_pages, kvm_state
    from .kvm_collector import WriteCollector
    from .kvm_dirty import KvmDirtyLog
    from .kvm_eventfds import Eventfds
    from .kvm_hidden import HiddenWatch
    from .kvm_irqchip import KernelIrqchip, LocalApics
    from .kvm_laps import KvmLaps
    from .kvm_latch import Latch
    from .kvm_messages import Messages
    from .kvm_msr_watch import MsrWatch
    from .kvm_state import KvmState, StateTaker
else:
    kvm_pages = Later("vmm.engine.kvm_pages")
    kvm_state = Later("vmm.engine.kvm_state")

IDENTITY_MAP_ADDRESS = 0xFEFF_C000
TSS_ADDRESS = IDENTITY_MAP_ADDRESS + 0x1000
"""A page and three that VMX needs without unrestricted guest, to run real mode; below the largest ROM (16 MiB)."""


class KvmEngine:
    """Implements protocol.Engine."""

    name = "kvm"

    def __init__(self) -> None:
        self.vcpus: list[KvmVcpu] = []
        self.irqchip: KernelIrqchip | None = None
        self.local_apics: LocalApics | None = None
        self._msr_watches: list[MsrWatch] = []
        self._hidden_watches: list[HiddenWatch] = []
        self._pins: dict[int, CData] = {}
        """By slot: what keeps the host's memory from being unmapped while KVM has it."""
        self._logs_writes = False
        self._writes: KvmDirtyLog | None = None
        self.system = kvm_door.HERE.open()
        try:
            self.vm = self.system.create_vm()
            self.vm.set_tss_addr(TSS_ADDRESS)
        except KvmError as error:
            from .kvm_trouble import creating

            kvm_door.HERE.close()
            raise creating(error) from error
        self._is_open = True
        self.tsc_khz = kvm_door.HERE.tsc_khz(self.vm)
        """The TSC's kilohertz, of the host and of new vCPUs; 0 where the kernel does not tell."""
        self._taker: StateTaker | None = None
        self._eventfds: Eventfds | None = None
        self._messages: Messages | None = None
        self._latches: list[Latch] = []
        """Which must outlive the vCPUs."""

    def add_memory(self, memory: GuestMemory) -> None:
        """See protocol.Engine. Legal once for each memory, before the first vCPU runs."""
        regions = memory.regions
        if any(region.read_only for region in regions):  # a ROM, which may be where KVM has the page unless told
            self.vm.set_identity_map_addr(IDENTITY_MAP_ADDRESS)
        for region in regions:
            self._add_region(region)

    def _add_region(self, region: Region) -> None:
        pin = self._pins[region.slot] = ffi.from_buffer(region.mapping)
        flags = lib.KVM_MEM_READONLY if region.read_only else lib.KVM_MEM_LOG_DIRTY_PAGES if self._logs_writes else 0
        hva = int(ffi.cast("uintptr_t", pin)) + region.offset
        try:
            self.vm.set_user_memory_region(region.slot, flags, region.span.start, region.span.size, hva)
        except KvmError as error:
            raise ConfigError.of(region.name, f"KVM refuses memory at {region.span}: {error}") from error

    def change_memory(self, removed: Sequence[Region], added: Sequence[Region]) -> None:
        """See protocol.Engine. KVM changes neither the place nor the read-only flag of a slot that stands: it goes and
        comes again, and a vCPU that ran in between would find nothing there."""
        held: list[KvmVcpu] = []
        try:
            for vcpu in self.vcpus if len(self.vcpus) > 1 else ():
                held.append(vcpu)
                vcpu.hold()
            for region in removed:
                self.vm.set_user_memory_region(region.slot, 0, region.span.start, 0, 0)
                ffi.release(self._pins.pop(region.slot))
            for region in added:
                self._add_region(region)
            if self._writes is not None:
                self._writes.regions_changed((*removed, *added))
        finally:
            for vcpu in held:
                vcpu.let_go()

    def log_writes(self, memory: GuestMemory) -> KvmDirtyLog:
        """See protocol.Engine."""
        if self._writes is None:
            from .kvm_dirty import KvmDirtyLog

            self._logs_writes = True
            for region in memory.regions:
                if not region.read_only:
                    self._add_region(region)
            self._writes = KvmDirtyLog(self, memory)
        return self._writes

    def share_memory(self, memory: GuestMemory) -> Template:
        """See protocol.Engine."""
        return kvm_pages.template_of(memory)

    def lay_over(self, memory: GuestMemory, template: Template) -> None:
        """See protocol.Engine."""
        kvm_pages.lay_over(memory, template)

    def laps(self, memory: GuestMemory, template: Template, state: KvmState) -> KvmLaps | None:
        """See protocol.Engine."""
        if len(self.vcpus) != 1 or self.irqchip is not None or not self.log_writes(memory).is_plain:
            return None
        from .kvm_laps import KvmLaps

        return KvmLaps(self, memory, template, state)

    def add_kernel_irqchip(self) -> KernelIrqchip:
        """Interrupt controllers and PIT in the kernel; after memory, before vCPUs."""
        from .kvm_irqchip import KernelIrqchip

        self.irqchip = KernelIrqchip(self.vm)
        return self.irqchip

    def add_local_apics(self) -> LocalApics:
        """A local APIC for each vCPU and nothing else in the kernel; after memory, before vCPUs."""
        from .kvm_irqchip import LocalApics

        self.local_apics = LocalApics(self.vm)
        return self.local_apics

    def disable_idle_exits(self) -> None:
        """HLT, PAUSE and MWAIT stay in the guest, those of them that the host lets; before vCPUs. Source:
        Documentation/virt/kvm/api.rst, KVM_CAP_X86_DISABLE_EXITS."""
        allowed = self.vm.check_extension(lib.KVM_CAP_X86_DISABLE_EXITS)
        if allowed:
            self.vm.enable_cap(lib.KVM_CAP_X86_DISABLE_EXITS, args=(allowed,))

    def add_vcpus(self, count: int, model: CpuModel, ports: Bus, mmio: Bus) -> None:
        """`count` vCPUs with the CPUID of `model`, filtered by what this host supports."""
        most = kvm_door.HERE.most_vcpus(self.vm)
        if count > most:
            raise ConfigError.of("vcpus", f"this host allows {most}, not {count}")
        if lib.step_install():
            raise HostError("cannot install the handler of the kick signal", "is SIGRTMIN+7 reserved in this process?")
        ns_per_tick = (1_000_000 << 32) // self.tsc_khz if self.tsc_khz else 0
        has_apic = self.irqchip is not None or self.local_apics is not None
        for index in range(count):
            vcpu = self.vm.create_vcpu(index)
            table = kvm_cpuid.HERE.table(self.system, model, index, count, has_apic, self.tsc_khz)
            self.vcpus.append(KvmVcpu(vcpu, index, ports, mmio, ns_per_tick, table))
            if self.local_apics is not None:
                self.vcpus[index].hooks[lib.KVM_EXIT_IOAPIC_EOI] = self._ended

    def _ended(self, run: CData) -> None:
        if self.local_apics is not None:
            self.local_apics.ended(run.eoi.vector)

    def collector(self, port: int) -> WriteCollector:
        """See protocol.Engine."""
        from .kvm_collector import WriteCollector

        return WriteCollector(self.vm, self.vcpus, port)

    def doorbell(self, address: int, size: int, value: int | None = None) -> int:
        """See protocol.Engine."""
        return self._events().doorbell(address, size, value)

    def remove_doorbell(self, fd: int) -> None:
        """See protocol.Engine."""
        self._events().remove_doorbell(fd)

    def latch(self, read_at: int, clear_at: int) -> Latch:
        """See protocol.Engine."""
        from .kvm_latch import Latch

        latch = Latch(self.vcpus, read_at, clear_at)
        self._latches.append(latch)
        return latch

    def send_message(self, address: int, data: int) -> bool:
        """See protocol.Engine."""
        if self._messages is None:
            self._messages = self._made_messages()
        return self._messages.send(address, data)

    def _made_messages(self) -> Messages:
        from .kvm_messages import Messages

        chip = self.irqchip or self.local_apics
        assert chip is not None  # or there is nobody to send to
        return Messages(self.vm, chip.routes, self._events())

    def interrupt_fd(self, gsi: int) -> int | None:
        """See protocol.Engine."""
        return None if self.irqchip is None else self._events().interrupt(gsi)

    def _events(self) -> Eventfds:
        if self._eventfds is None:
            from .kvm_eventfds import Eventfds

            self._eventfds = Eventfds(self.vm)
        return self._eventfds

    # -- state --

    def save(self, into: KvmState | None = None, parts: int = ALL_PARTS) -> KvmState:
        """See protocol.Engine."""
        if self._messages is not None:
            self._messages.settle()
        return self._states().take(into, parts)

    def load(self, state: KvmState, parts: int = ALL_PARTS, elapsed_ns: int = 0) -> None:
        """See protocol.Engine."""
        self._states().put(state, parts, elapsed_ns)

    def state_to_fields(self, state: KvmState) -> State:
        """See protocol.Engine."""
        from .kvm_state_bytes import to_state

        return to_state(state)

    def state_from_fields(self, saved: State) -> KvmState:
        """See protocol.Engine."""
        from .kvm_state_bytes import from_state

        return from_state(saved, self._states().kind)

    def needs(self, state: KvmState) -> dict[str, object]:
        """See protocol.Engine."""
        from .kvm_needs import needs

        return needs(self, state)

    def _states(self) -> StateTaker:
        if self._taker is None:
            self._taker = kvm_state.StateTaker(self)
        return self._taker

    # -- looking on --

    def watch_msrs(self) -> None:
        """See protocol.Engine."""
        from .kvm_msr_watch import watch

        self._msr_watches = watch(self)

    def msr_accesses(self) -> list[MsrAccess]:
        """See protocol.Engine."""
        return [access for watch in self._msr_watches for access in watch.accesses()]

    def watch_hidden(self) -> None:
        """See protocol.Engine."""
        from .kvm_hidden import watch

        self._hidden_watches = watch(self.vcpus)

    def hidden_exits(self) -> HiddenExits | None:
        """See protocol.Engine."""
        if not self._hidden_watches:
            return None
        from .kvm_hidden import gathered

        return gathered(self._hidden_watches)

    def kernel_counters(self) -> tuple[dict[str, Any], dict[int, dict[str, Any]], str]:
        """KVM's own statistics since the VM was made: (the VM's, each vCPU's by index, the kind of host)."""
        from kvm_bindings.stats import Stats

        from .kvm_host import kind

        if not self.system.check_extension(lib.KVM_CAP_BINARY_STATS_FD):
            return {}, {}, kind()

        def read(fd: int) -> dict[str, Any]:
            with Stats(fd) as stats:
                return dict(stats.read())

        vcpus = {vcpu.index: read(vcpu.stats_fd()) for vcpu in self.vcpus}
        return read(self.vm.get_stats_fd()), vcpus, kind()

    def close(self) -> None:
        """See protocol.Engine."""
        self._taker = self._writes = None
        for vcpu in self.vcpus:
            vcpu.close()
        self.vm.close()
        if self._eventfds is not None:
            self._eventfds.close()
        if self._is_open:
            self._is_open = False
            kvm_door.HERE.close()
        for pin in self._pins.values():
            ffi.release(pin)
        self._pins.clear()
