"""The way from an exit to its device and back without a guest: a recorded exit in place of KVM_RUN.

For measuring what dispatch alone costs, and for tests on hosts without /dev/kvm.
"""

from __future__ import annotations

import time

from kvm_bindings import ffi, lib

from ..bus.bus import Bus
from .kvm_exits import recorded_exit
from .kvm_vcpu import KvmVcpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PORT = 0x510
_RUN_SIZE = 3 * 4096


class _NoVcpu:
    """Stands for the vCPU's fd: there is none."""

    fd = -1

    def __init__(self) -> None:
        self._pages = ffi.new("uint8_t[]", _RUN_SIZE)
        self.run = ffi.cast("struct kvm_run *", self._pages)

    def close(self) -> None:
        self.run = ffi.NULL


def warm_dispatch_ns(device: Any, seconds: float = 0.1) -> float:
    """Nanoseconds from one replayed port write to the next, handled by `device`, statistics on."""
    from threading import Timer

    ports = Bus("io", 1 << 16)
    ports.claim(PORT, 1, device)
    vcpu = KvmVcpu(_NoVcpu(), 0, ports, Bus("mmio", 1 << 52), 0)  # type: ignore[arg-type]
    recorded_exit(vcpu._run, PORT, 1, True)
    lib.step_replay(vcpu._step, 1)
    end = Timer(seconds, vcpu.kick, [True])
    end.start()
    start = time.perf_counter_ns()
    vcpu.run()
    spent = time.perf_counter_ns() - start
    end.join()
    exits = vcpu._step.exits
    vcpu.close()
    return spent / int(exits)
