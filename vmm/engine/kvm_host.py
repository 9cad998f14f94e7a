"""Which machinery stands behind this host's /dev/kvm: the same API, very different engines.

Read from /sys/module and /proc/cpuinfo alone: it asks no ioctl and needs no permission.
"""

from __future__ import annotations

import os

KINDS = {"kvm_pvm": "pvm", "kvm_intel": "vmx", "kvm_amd": "svm"}
"""KVM's vendor modules, and what each stands for: "pvm" has no hardware support, guest kernels are emulated."""
MODULES = {name: module for module, name in KINDS.items()}

CPUINFO = "/proc/cpuinfo"
SYS_MODULE = "/sys/module"


def kind(modules: str = SYS_MODULE, cpuinfo: str = CPUINFO) -> str:
    """ "vmx", "svm", "pvm", or "" when the host does not tell.

    A kernel with both modules built in shows both directories on any CPU; then the CPU's flags decide.
    """
    there = [name for module, name in KINDS.items() if os.path.isdir(f"{modules}/{module}")]
    if len(there) > 1:
        flags = cpu_flags(cpuinfo)
        there = [name for name in there if name in flags] or there
    return there[0] if there else ""


def cpu_flags(cpuinfo: str = CPUINFO) -> set[str]:
    """Feature names of the first CPU ("vmx", "svm", "hypervisor", ...); empty when they cannot be read."""
    return set(_first(cpuinfo, "flags").split())


def cpu_name(cpuinfo: str = CPUINFO) -> str:
    """The CPU's own name, or ""."""
    return _first(cpuinfo, "model name")


def is_virtual(cpuinfo: str = CPUINFO) -> bool:
    """Whether this host is itself a virtual machine that says so."""
    return "hypervisor" in cpu_flags(cpuinfo)


def _first(cpuinfo: str, field: str) -> str:
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == field:
                    return value.strip()
    except OSError:
        pass
    return ""
