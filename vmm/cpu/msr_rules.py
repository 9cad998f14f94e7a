"""What a guest may not do with an MSR though KVM would let its host: features it lacks, and values it cannot choose.

KVM answers KVM_GET_MSRS and KVM_SET_MSRS as a host's, who restores a state and tells the guest of its CPU. Only the
differences are here, as far as they are known. Source: Linux arch/x86/kvm, what depends on `host_initiated`; read from
its behaviour by tests/kvm/machine/test_msrs.py.
"""

from __future__ import annotations

from . import msrs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

NEEDS = {
    "IA32_TSC_AUX": ("rdtscp", "rdpid"),
    "TSC_RATIO": ("tsc_scale",),
    "IA32_ARCH_CAPABILITIES": ("arch_capabilities",),
    "IA32_CORE_CAPABILITIES": ("core_capabilities",),
    "IA32_PERF_CAPABILITIES": ("pdcm",),
    "IA32_XSS": ("xsaves",),
    "IA32_XFD": ("xfd",),
    "IA32_XFD_ERR": ("xfd",),
    "IA32_UMWAIT_CONTROL": ("waitpkg",),
    "IA32_BNDCFGS": ("mpx",),
}
"""Registers that are there for a guest with one of these CPUID features alone."""
VMX = range(0x480, 0x492)
"""IA32_VMX_BASIC to IA32_VMX_VMFUNC."""
LAST_BRANCHES = range(0x1DB, 0x1DF)
BANKS = range(0x400, 0x480)
"""Machine check banks of four registers each, of which the second is the status."""
MCG_CTL, MCG_CTL_PRESENT = 0x17B, 1 << 8
"""A register, and the bit of IA32_MCG_CAP that says whether it is there."""
READ_ONLY = frozenset(
    (
        *map(
            msrs.number,
            (
                "IA32_ARCH_CAPABILITIES",
                "IA32_CORE_CAPABILITIES",
                "IA32_PERF_CAPABILITIES",
                "MSR_PLATFORM_INFO",
                "MSR_SMI_COUNT",
            ),
        ),
        *VMX,
        *LAST_BRANCHES,
    )
)
"""What a host sets, to tell its guest of its CPU and its past."""
IGNORED = frozenset({msrs.number("IA32_BIOS_SIGN_ID")})
"""What a guest writes in vain, for it asks the CPU to say something."""
_NEEDS = {msrs.number(name): features for name, features in NEEDS.items()}


class GuestRules:
    """The rules of one vCPU."""

    def __init__(self, features: Collection[str], mcg_cap: int = 0) -> None:
        """`features` are the names (features.py) of what its CPUID shows, `mcg_cap` is its IA32_MCG_CAP."""
        self._missing = {index for index, some in _NEEDS.items() if not any(feature in features for feature in some)}
        if "vmx" not in features:
            self._missing.update(VMX)
        if not mcg_cap & MCG_CTL_PRESENT:
            self._missing.add(MCG_CTL)

    def refuses_read(self, index: int) -> bool:
        """Whether the guest takes a general protection fault."""
        return index in self._missing

    def refuses_write(self, index: int, value: int) -> bool:
        """Likewise."""
        return index in self._missing or index in READ_ONLY or (index in BANKS and index % 4 == 1 and value != 0)

    def ignores_write(self, index: int) -> bool:
        """Whether a write does nothing."""
        return index in IGNORED
