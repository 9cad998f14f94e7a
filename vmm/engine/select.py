"""The choice of an engine for a machine, and its set-up in the order that costs least: memory, controllers, vCPUs."""

from __future__ import annotations

from ..cpu import cpuid
from .kvm_engine import KvmEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..bus.bus import Bus
    from ..memory.guest_memory import GuestMemory

    class Wanted(Protocol):
        """The part of a machine's configuration that an engine needs."""

        @property
        def vcpus(self) -> int: ...
        @property
        def cpu(self) -> str: ...
        @property
        def irqchip(self) -> str: ...
        @property
        def cpu_pm(self) -> bool: ...


def select(memory: GuestMemory, ports: Bus, mmio: Bus, wanted: Wanted) -> KvmEngine:
    """An engine that holds `memory` and the vCPUs, none of them started. HostError or ConfigError if it cannot be."""
    model = cpuid.parse(wanted.cpu)
    engine = KvmEngine()
    try:
        engine.add_memory(memory)
        if wanted.irqchip == "kernel":
            engine.add_kernel_irqchip()
        elif wanted.irqchip == "split":
            engine.add_local_apics()
        if wanted.cpu_pm:
            engine.disable_idle_exits()
        engine.add_vcpus(wanted.vcpus, model, ports, mmio)
    except BaseException:
        engine.close()
        raise
    return engine
