"""One virtual machine in KVM: its fd, its memory slots, its vCPUs, and the interrupt controllers when the kernel's."""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError
from kvm_bindings.system import System

from ..errors import ConfigError, HostError
from . import kvm_cpuid
from .kvm_vcpu import KvmVcpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from kvm_bindings._kvm import CData

    from ..bus.bus import Bus
    from ..cpu.cpuid import CpuModel
    from ..memory.guest_memory import GuestMemory, Region
    from .kvm_collector import WriteCollector
    from .kvm_irqchip import KernelIrqchip, LocalApics

API_VERSION = 12
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
        self._pins: dict[int, CData] = {}
        """By slot: what keeps the host's memory from being unmapped while KVM has it."""
        try:
            self.system = System()
        except OSError as error:
            from .kvm_trouble import opening

            raise opening(error) from error
        try:
            if (version := self.system.get_api_version()) != API_VERSION:
                raise HostError(f"this kernel's KVM API is version {version}", f"use a kernel with {API_VERSION}")
            self.vm = self.system.create_vm()
            self.vm.set_tss_addr(TSS_ADDRESS)
        except KvmError as error:
            from .kvm_trouble import creating

            self.system.close()
            raise creating(error) from error
        except HostError:
            self.system.close()
            raise
        self._tsc_khz = self._frequency()

    def _frequency(self) -> int:
        """The kernel's own idea of the TSC, in kHz; 0, and the run step measures, where it does not tell."""
        try:
            return max(self.vm.get_tsc_khz(), 0)
        except KvmError:
            return 0

    def add_memory(self, memory: GuestMemory) -> None:
        """See protocol.Engine. Legal once for each memory, before the first vCPU runs."""
        regions = memory.regions
        if any(region.read_only for region in regions):  # a ROM, which may be where KVM has the page unless told
            self.vm.set_identity_map_addr(IDENTITY_MAP_ADDRESS)
        for region in regions:
            self._add_region(region)

    def _add_region(self, region: Region) -> None:
        pin = self._pins[region.slot] = ffi.from_buffer(region.mapping)
        flags = lib.KVM_MEM_READONLY if region.read_only else 0
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
        finally:
            for vcpu in held:
                vcpu.let_go()

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
        most = self.vm.check_extension(lib.KVM_CAP_MAX_VCPUS) or 4
        if count > most:
            raise ConfigError.of("vcpus", f"this host allows {most}, not {count}")
        if lib.step_install():
            raise HostError("cannot install the handler of the kick signal", "is SIGRTMIN+7 reserved in this process?")
        ns_per_tick = (1_000_000 << 32) // self._tsc_khz if self._tsc_khz else 0
        has_apic = self.irqchip is not None or self.local_apics is not None
        for index in range(count):
            vcpu = self.vm.create_vcpu(index)
            self.vcpus.append(KvmVcpu(vcpu, index, ports, mmio, ns_per_tick))
            vcpu.set_cpuid2(kvm_cpuid.HERE.table(self.system, model, index, count, has_apic, self._tsc_khz))
            if self.local_apics is not None:
                self.vcpus[index].hooks[lib.KVM_EXIT_IOAPIC_EOI] = self._ended

    def _ended(self, run: CData) -> None:
        if self.local_apics is not None:
            self.local_apics.ended(run.eoi.vector)

    def collector(self, port: int) -> WriteCollector:
        """See protocol.Engine."""
        from .kvm_collector import WriteCollector

        return WriteCollector(self.vm, self.vcpus, port)

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
        for vcpu in self.vcpus:
            vcpu.close()
        self.vm.close()
        self.system.close()
        for pin in self._pins.values():
            ffi.release(pin)
        self._pins.clear()
