"""The capabilities of KVM that vmm uses, and what a user goes without where one is missing."""

from __future__ import annotations

CANNOT_RUN = "vmm cannot run here"

NEEDS = {
    "KVM_CAP_USER_MEMORY": f"{CANNOT_RUN}: guests get no memory",
    "KVM_CAP_SYNC_REGS": f"{CANNOT_RUN}: it sets a guest's first registers this way (Linux 4.17)",
    "KVM_CAP_IMMEDIATE_EXIT": f"{CANNOT_RUN}: deadlines and Ctrl-C are made of it (Linux 4.12)",
    "KVM_CAP_EXT_CPUID": f"{CANNOT_RUN}: guests get no CPUID",
    "KVM_CAP_SET_TSS_ADDR": "real mode does not run on Intel CPUs of before 2010",
    "KVM_CAP_READONLY_MEM": "no read-only guest memory",
    "KVM_CAP_IRQCHIP": "no --irqchip kernel",
    "KVM_CAP_PIT2": "no --irqchip kernel",
    "KVM_CAP_SPLIT_IRQCHIP": "no --irqchip split",
    "KVM_CAP_MP_STATE": "no --irqchip kernel: a guest that sleeps for good is not noticed",
    "KVM_CAP_GET_TSC_KHZ": "every machine starts later: the clock is measured instead of asked for",
    "KVM_CAP_INTERNAL_ERROR_DATA": "crash reports do not know the instruction that KVM could not emulate",
    "KVM_CAP_BINARY_STATS_FD": "--stats has no kernel column (Linux 5.14)",
}


def missing(capabilities: dict[str, int]) -> dict[str, str]:
    """What each absent capability costs, by its name."""
    return {name: loss for name, loss in NEEDS.items() if not capabilities.get(name)}
