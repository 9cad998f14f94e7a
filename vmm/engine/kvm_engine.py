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
    from typing import Any

    from kvm_bindings._kvm import CData

    from ..bus.bus import Bus
    from ..cpu.cpuid import CpuModel
    from ..memory.guest_memory import GuestMemory
    from .kvm_irqchip import KernelIrqchip

API_VERSION = 12
TSS_ADDRESS = 0xFFFB_D000
"""Three pages that VMX needs to run real mode without unrestricted guest; below the firmware's window."""


class KvmEngine:
    """Implements protocol.Engine."""

    name = "kvm"

    def __init__(self) -> None:
        self.vcpus: list[KvmVcpu] = []
        self.irqchip: KernelIrqchip | None = None
        self._pins: list[CData] = []
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
        self._ns_per_tick = self._ns_per_tick_32()

    def _ns_per_tick_32(self) -> int:
        """From the kernel's own idea of the TSC; 0, and the run step measures, where it does not tell."""
        try:
            khz = self.vm.get_tsc_khz()
        except KvmError:
            return 0
        return (1_000_000 << 32) // khz if khz > 0 else 0

    def add_memory(self, memory: GuestMemory) -> None:
        """See protocol.Engine. Legal once for each memory, before the first vCPU runs."""
        for region in memory.regions:
            pin = ffi.from_buffer(region.mapping)
            self._pins.append(pin)
            flags = lib.KVM_MEM_READONLY if region.read_only else 0
            hva = int(ffi.cast("uintptr_t", pin))
            try:
                self.vm.set_user_memory_region(region.slot, flags, region.span.start, region.span.size, hva)
            except KvmError as error:
                raise ConfigError.of(region.name, f"KVM refuses memory at {region.span}: {error}") from error

    def add_kernel_irqchip(self) -> KernelIrqchip:
        """Interrupt controllers and PIT in the kernel; after memory, before vCPUs."""
        from .kvm_irqchip import KernelIrqchip

        self.irqchip = KernelIrqchip(self.vm)
        return self.irqchip

    def add_vcpus(self, count: int, model: CpuModel, ports: Bus, mmio: Bus) -> None:
        """`count` vCPUs with the CPUID of `model`, filtered by what this host supports."""
        most = self.vm.check_extension(lib.KVM_CAP_MAX_VCPUS) or 4
        if count > most:
            raise ConfigError.of("vcpus", f"this host allows {most}, not {count}")
        if lib.step_install():
            raise HostError("cannot install the handler of the kick signal", "is SIGRTMIN+7 reserved in this process?")
        for index in range(count):
            vcpu = self.vm.create_vcpu(index)
            self.vcpus.append(KvmVcpu(vcpu, index, ports, mmio, self._ns_per_tick))
            vcpu.set_cpuid2(kvm_cpuid.HERE.table(self.system, model, index, count, self.irqchip is not None))

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
        for pin in self._pins:
            ffi.release(pin)
        self._pins.clear()
