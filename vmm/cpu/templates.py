"""CPU models other than "all that the host has": the named levels, and entries cut to a model.

"qemu64" is the CPU that QEMU shows when none is named.
The levels x86-64-v2 and v3 are those of the x86-64 psABI for user programs, with the system features kernels like
beside them where the host has these. "minimal" is the x86-64 baseline.
Source: x86-64 psABI section 3.1.1; Intel SDM volume 2A CPUID and volume 1 chapter 13; AMD APM volume 3 appendix E.
"""

from __future__ import annotations

from ..errors import ConfigError
from .features import FEATURES, REGISTERS, XSTATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .cpuid import CpuModel, Entry

_V1 = "cmov cx8 fpu fxsr mmx syscall sse sse2 lm msr pae pse tsc"
_V2 = _V1 + " cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
_V3 = _V2 + " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
REQUIRED = {"minimal": _V1.split(), "qemu64": _V1.split(), "x86-64-v2": _V2.split(), "x86-64-v3": _V3.split()}
"""What a level promises; a host without it is refused."""

_SYSTEM1 = "vme de mce apic sep mtrr pge mca pat pse36 clflush nx ht hypervisor cmp_legacy topoext"
_SYSTEM2 = (
    _SYSTEM1 + " x2apic tsc_deadline_timer tsc_adjust rdtscp nonstop_tsc arat smep smap umip erms fsgsbase invpcid pcid"
    " pdpe1gb cr8_legacy arch_capabilities spec_ctrl stibp ssbd md_clear flush_l1d amd_ibpb amd_ibrs amd_stibp amd_ssbd"
    " virt_ssbd lfence_rdtsc null_sel_clr_base"
)
_SYSTEM3 = _SYSTEM2 + " xsaveopt xsavec xgetbv1 xsaves"
_QEMU64 = (
    "cx16 pni de mce apic sep mtrr pge mca pat pse36 clflush nx ht hypervisor lahf_lm x2apic kvm_clocksource"
    " kvm_nop_io_delay kvm_clocksource2 kvm_async_pf kvm_steal_time kvm_pv_eoi kvm_clocksource_stable"
)
_KEPT = {
    "minimal": _SYSTEM1.split(),
    "qemu64": _QEMU64.split(),
    "x86-64-v2": _SYSTEM2.split(),
    "x86-64-v3": _SYSTEM3.split(),
}
"""What a level takes along if the host has it."""

_LEAVES = frozenset((
    0x0, 0x1, 0x2, 0x4, 0x6, 0x7, 0xB, 0xD, 0x15, 0x16, 0x1F,
    0x80000000, 0x80000001, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000008,
    0x8000001D, 0x8000001E, 0x80000021,
))  # fmt: skip
"""Leaves that a level keeps; of the others the guest sees zeros."""

_LEAF_NEEDS = {
    0x5: "monitor",
    0xD: "xsave",
    0x12: "sgx",
    0x14: "intel_pt",
    0x1D: "amx_tile",
    0x1E: "amx_tile",
    0x8000000A: "svm",
}
"""Leaves that describe one feature and go with it."""

_MIRRORED = 0x0183_F3FF
"""Bits of leaf 0x80000001 EDX that AMD repeats from leaf 1 EDX."""


def shape(model: CpuModel, supported: Sequence[Entry]) -> list[Entry]:
    """`supported` cut down to the template of `model`, with its features added and removed.

    ConfigError names every feature that the model asks for and the host has not.
    """
    values = {(entry[0], entry[1]): list(entry) for entry in supported}
    level = model.template in REQUIRED
    wanted = set(model.added)
    if level:
        wanted.update(REQUIRED[model.template])
    missing = [name for name in sorted(wanted) if not _shows(values, name)]
    if missing:
        asked = " ".join(f"+{name}" if name in model.added else f"{name} (of {model.template})" for name in missing)
        raise ConfigError.of("cpu", f"the host does not offer {asked}")
    masks = _masks([*wanted, *model.wished, *_KEPT[model.template]]) if level else {}
    for leaf, index, register, bit in (FEATURES[name] for name in model.removed if name in FEATURES):
        key = (leaf, index, register)
        masks[key] = masks.get(key, 0xFFFF_FFFF) & ~(1 << bit)
    if level:
        for leaf, index, register, _bit in FEATURES.values():
            if leaf < 0x40000000 or leaf > 0x400000FF:
                masks.setdefault((leaf, index, register), 0)
        for at in list(values):
            if at[0] not in _LEAVES and at[0] not in _LEAF_NEEDS and not 0x40000000 <= at[0] <= 0x400000FF:
                del values[at]
    for (leaf, index, register), mask in masks.items():
        if (leaf, index) in values:
            values[leaf, index][REGISTERS[register]] &= mask
    if (1, 0) in values and (0x80000001, 0) in values:
        values[0x80000001, 0][6] &= values[1, 0][6] | ~_MIRRORED
    for at in list(values):
        if at[0] in _LEAF_NEEDS and not _shows(values, _LEAF_NEEDS[at[0]]):
            del values[at]
    _fit_xstate(values)
    return [(e[0], e[1], e[2], e[3], e[4], e[5], e[6]) for e in values.values()]


def _shows(values: dict[tuple[int, int], list[int]], name: str) -> bool:
    if name == "kvm":
        return (0x40000000, 0) in values
    if name == "hypervisor":
        return True
    leaf, index, register, bit = FEATURES[name]
    entry = values.get((leaf, index))
    return entry is not None and bool(entry[REGISTERS[register]] >> bit & 1)


def _masks(names: Iterable[str]) -> dict[tuple[int, int, str], int]:
    masks: dict[tuple[int, int, str], int] = {}
    for name in names:
        if name in FEATURES:
            leaf, index, register, bit = FEATURES[name]
            masks[leaf, index, register] = masks.get((leaf, index, register), 0) | 1 << bit
    if masks:
        # The mirrored bits of AMD have no names: they follow leaf 1.
        masks[0x80000001, 0, "edx"] = masks.get((0x80000001, 0, "edx"), 0) | _MIRRORED
    return masks


def _fit_xstate(values: dict[tuple[int, int], list[int]]) -> None:
    """Takes the state components of absent features out of leaf 0xD, and makes its sizes fit."""
    main = values.get((0xD, 0))
    if main is None:
        return
    for bit, feature in XSTATE.items():
        if not _shows(values, feature):
            main[3] &= ~(1 << bit)
            values.pop((0xD, bit), None)
    size = 576  # the legacy area and the header
    for bit in range(2, 32):
        component = values.get((0xD, bit))
        if component is not None and main[3] >> bit & 1:
            size = max(size, component[3] + component[4])
    main[4] = main[5] = size
