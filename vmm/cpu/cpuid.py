"""CPUID as a guest sees it: the host's entries, cut to a model and given the place of each vCPU.

An entry is a plain tuple (function, index, flags, eax, ebx, ecx, edx). Bits that follow the state of the vCPU (APIC
and OSXSAVE of leaf 1, OSPKE, the sizes of leaf 0xD) are left to KVM. Not modelled: family, model and stepping other
than the host's, threads and several sockets.
Source: Intel SDM volume 2A CPUID; AMD APM volume 3 appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.
"""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Entry = tuple[int, int, int, int, int, int, int]

SIGNIFICANT_INDEX = 1
"""Entry flag: the index (ECX on input) selects the entry."""

TEMPLATES = ("host", "max", "minimal", "none", "qemu64", "x86-64-v2", "x86-64-v3")
"""What a model starts from. "host" and "max" are all that the engine supports; "none" is another word for "minimal"."""

LEAVES = ("kvm", "vmware_cpuid_freq")
"""Names that stand for whole leaves: KVM's own, and among them the one with the frequencies of TSC and APIC timer."""

VENDORS = {"intel": "GenuineIntel", "amd": "AuthenticAMD", "hygon": "HygonGenuine"}

_KVM_LEAVES = range(0x40000000, 0x40000100)
_FREQUENCIES = 0x40000010
_APIC_BUS_KHZ = 1_000_000
"""KVM's APIC timer counts nanoseconds."""
_HYPERVISOR = 1 << 31
_HT = 1 << 28
_APIC = 1 << 9
_DEADLINE = 1 << 24
_X2APIC_AND_DEADLINE = 1 << 21 | _DEADLINE
_CMP_LEGACY = 1 << 1
PLACED = frozenset((0x0, 0x1, 0x4, 0xB, 0x1F, 0x80000001, 0x80000008, 0x8000001D, 0x8000001E))


class CpuModel(Record):
    """What a guest's CPUID is made from. `parse` gives one from text; the default is the host with nothing changed."""

    template: str = "host"
    added: frozenset[str] = frozenset()
    """Features asked for by name: the host must have them."""
    wished: frozenset[str] = frozenset()
    """Features asked for by name that are shown if the host has them."""
    removed: frozenset[str] = frozenset()
    """Features hidden, with all that depend on them; LEAVES are among them."""
    vendor: str = ""
    """Twelve characters, or "" for the host's."""

    def without(self, *names: str) -> CpuModel:
        """The same model with these features hidden too."""
        from .features import with_dependents

        gone = with_dependents(names)
        return self.replace(removed=self.removed | gone, added=self.added - gone, wished=self.wished - gone)


def parse(text: str) -> CpuModel:
    """The model in "host,-popcnt,+x2apic,vendor=intel": a template (host if left out), then changes in any order.

    `?x2apic` asks for a feature if the host has it. `-kvm` hides KVM's own leaves, `-kvmclock` its clock,
    `-vmware_cpuid_freq` the leaf that tells the TSC's frequency, `-hypervisor` the bit that there is one. Removing a
    feature removes those that need it. ConfigError holds every fault of the text.
    """
    model = _PARSED.get(text)
    if model is None:
        model = _parsed(text)
        if len(_PARSED) < _MOST_PARSED:
            _PARSED[text] = model
    return model


_PARSED: dict[str, CpuModel] = {}
_MOST_PARSED = 64
"""Texts whose model is kept: machines come in series."""


def _parsed(text: str) -> CpuModel:
    items = [item.strip() for item in text.split(",")]
    template = "host"
    if items[0] and items[0][0] not in "+-?" and "=" not in items[0]:
        template = items.pop(0)
    breaches: list[tuple[str, str]] = []
    if template not in TEMPLATES:
        hint = nearest(template, TEMPLATES)
        breaches.append(("cpu", f"no CPU model is called {template!r}{hint or ', there are ' + ' '.join(TEMPLATES)}"))
    added: set[str] = set()
    wished: set[str] = set()
    dropped: set[str] = set()
    vendor = ""
    for item in items:
        if item[:1] in ("+", "-", "?") and item[1:]:
            name, fault = _feature(item[1:])
            {"+": added, "-": dropped, "?": wished}[item[0]].add(name)
        elif item.startswith("vendor="):
            vendor, fault = _vendor(item[7:])
        else:
            fault = f"{item!r} is not understood: write +feature, ?feature, -feature or vendor=NAME"
        if fault:
            breaches.append(("cpu", fault))
    removed = frozenset(dropped)
    if dropped:
        from .features import with_dependents

        removed = with_dependents(dropped)
    clash = sorted(added & removed)
    breaches += [("cpu", f"+{name} contradicts {' '.join('-' + other for other in sorted(dropped))}") for name in clash]
    if breaches:
        raise ConfigError(breaches)
    return CpuModel(
        template="minimal" if template == "none" else template,
        added=frozenset(added),
        wished=frozenset(wished - removed),
        removed=removed,
        vendor=vendor,
    )


def _feature(spelling: str) -> tuple[str, str]:
    """The feature's name, and what is wrong with it if anything is."""
    from .features import ALIASES, FEATURES

    name = spelling.lower().replace("-", "_").replace(".", "_")
    name = ALIASES.get(name, name)
    if name in FEATURES or name in LEAVES:
        return name, ""
    hint = nearest(name, [*FEATURES, *ALIASES, *LEAVES])
    return name, f"no CPU feature is called {spelling!r}{hint or ' (names are those of /proc/cpuinfo)'}"


def _vendor(text: str) -> tuple[str, str]:
    name = VENDORS.get(text.lower(), text)
    if len(name) == 12 and name.isascii() and name.isprintable():
        return name, ""
    return "", f"a vendor is one of {' '.join(VENDORS)} or twelve ASCII characters, not {text!r}"


def select(model: CpuModel, supported: Sequence[Entry]) -> list[Entry]:
    """The entries of `model` on a host that supports `supported`; the same for all vCPUs of a machine.

    ConfigError when the model asks for a feature that the host has not. What the engine can add to the host's list
    (such as tsc_deadline_timer by its own capability) it adds to `supported` before.
    """
    entries = list(supported)
    if model.template not in ("host", "max") or model.added or model.removed - {*LEAVES, "hypervisor"}:
        from .templates import shape

        entries = shape(model, entries)
    if "kvm" in model.removed:
        entries = [entry for entry in entries if entry[0] not in _KVM_LEAVES]
    if model.vendor:
        entries = [_with_vendor(entry, model.vendor) if entry[0] in (0, 0x80000000) else entry for entry in entries]
    return entries


def _with_vendor(entry: Entry, vendor: str) -> Entry:
    raw = vendor.encode("ascii")
    if entry[0] and vendor == "GenuineIntel":
        raw = bytes(12)  # only the AMD family repeats its name in the extended leaves
    ebx, edx, ecx = (int.from_bytes(raw[at : at + 4], "little") for at in (0, 4, 8))
    return (*entry[:4], ebx, ecx, edx)


def with_deadline_timer(entries: Sequence[Entry]) -> list[Entry]:
    """`entries` of a host whose engine has the TSC deadline timer, which KVM leaves to its user to show."""
    return [(*entry[:5], entry[5] | _DEADLINE, entry[6]) if entry[0] == 0x1 else entry for entry in entries]


def with_frequencies(entries: Sequence[Entry], tsc_khz: int) -> list[Entry]:
    """`entries` with a leaf that tells the TSC's frequency, if KVM's own are there: no guest need measure it."""
    if not any(entry[0] == _KVM_LEAVES[0] for entry in entries):
        return list(entries)
    found = [(*entry[:3], _FREQUENCIES, *entry[4:]) if entry[0] == _KVM_LEAVES[0] else entry for entry in entries]
    return [*found, (_FREQUENCIES, 0, 0, tsc_khz, _APIC_BUS_KHZ, 0, 0)]


def without_local_apic(entries: Sequence[Entry]) -> list[Entry]:
    """`entries` for a machine whose engine has no local APIC: no APIC, x2APIC or TSC deadline in leaf 1."""
    return [
        (*entry[:5], entry[5] & ~_X2APIC_AND_DEADLINE, entry[6] & ~_APIC) if entry[0] == 0x1 else entry
        for entry in entries
    ]


def place(model: CpuModel, entries: Sequence[Entry], vcpu_index: int, vcpu_count: int, apic_id: int) -> list[Entry]:
    """`entries` as one vCPU of `vcpu_count` shows them: APIC ids, topology levels, cache sharing, hypervisor bit."""
    amd = any(entry[0] == 0 and entry[4] in (0x68747541, 0x6F677948) for entry in entries)  # "Auth", "Hygo"
    bits = _core_bits(vcpu_count)
    sharing = ((1 << bits) - 1) << 14
    ht = _HT if vcpu_count > 1 and "ht" not in model.removed else 0
    hypervisor = 0 if "hypervisor" in model.removed else _HYPERVISOR
    placed: list[Entry] = []
    seen = set()
    for entry in entries:
        leaf = entry[0]
        if leaf not in PLACED or leaf == 0x0:
            placed.append(entry)
            continue
        _leaf, index, flags, eax, ebx, ecx, edx = entry
        if leaf in (0xB, 0x1F):
            if leaf not in seen:  # KVM lists what it likes of these: all their levels are ours
                seen.add(leaf)
                placed += _levels(leaf, vcpu_count, apic_id)
            continue
        if leaf == 0x1:
            ebx = ebx & 0xFFFF | min(1 << bits, 255) << 16 | (apic_id & 0xFF) << 24
            ecx = ecx & ~_HYPERVISOR | hypervisor
            edx = edx & ~_HT | ht
        elif leaf in (0x4, 0x8000001D):
            if eax & 0x1F:
                shared = sharing if eax >> 5 & 7 >= 3 else 0  # the third level is the package's, the others a core's
                eax = eax & 0x3FFF | shared | (min((1 << bits) - 1, 63) << 26 if leaf == 0x4 else 0)
        elif leaf == 0x80000001:
            if vcpu_count == 1:
                ecx &= ~_CMP_LEGACY
        elif leaf == 0x80000008:
            ecx = ecx & ~0xF0FF | (bits << 12 | min(vcpu_count - 1, 255) if amd else 0)
        else:
            eax, ebx, ecx = apic_id, vcpu_index & 0xFF, 0
        placed.append((leaf, index, flags, eax, ebx, ecx, edx))
    return placed


def _core_bits(vcpu_count: int) -> int:
    if vcpu_count == 1:
        return 0
    from .topology import core_bits

    return core_bits(vcpu_count)


def _levels(leaf: int, vcpu_count: int, apic_id: int) -> list[Entry]:
    from .topology import INVALID, levels

    return [
        (leaf, index, SIGNIFICANT_INDEX, shift, vcpus if kind != INVALID else 0, index | kind << 8, apic_id)
        for index, (kind, shift, vcpus) in enumerate(levels(vcpu_count))
    ]


def apply(
    model: CpuModel, supported: Sequence[Entry], vcpu_index: int = 0, vcpu_count: int = 1, apic_id: int = 0
) -> list[Entry]:
    """select() and place() in one: what KVM_SET_CPUID2 of one vCPU takes. ConfigError as select()."""
    return place(model, select(model, supported), vcpu_index, vcpu_count, apic_id)
